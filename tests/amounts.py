"""How much of a property is tried: a few points in the fast suite, all of them with `-m slow` besides."""

from typing import Any

import pytest


def slow(*point: Any) -> Any:
    """A point for `parametrize` that is tried only with `-m slow`."""
    return pytest.param(*point, marks=pytest.mark.slow)


def mostly_slow(points: list[Any], fast: list[Any]) -> list[Any]:
    """Points for `parametrize`: those of `fast` are always tried, the others only with `-m slow`."""
    assert all(point in points for point in fast), "a fast point is none of the points"
    return [point if point in fast else slow(*point) if isinstance(point, tuple) else slow(point) for point in points]
