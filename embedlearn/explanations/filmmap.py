"""The map of one score over a film, and its numbers: in words, on one scale with others, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.explanations.geometry import Sight, shown_of, window_of

FAINT = 0.01  # a map whose cells could not add this much to the score together is not blown up to full colour
UNCHECKED = "not checked: python -m embedlearn.explain check"


@dataclass(frozen=True, eq=False)
class FilmMap:
    """What the places of a film add to one score: `values` float [h, w], signed, named for the reader.

    `constant` is what the score holds beside the map. It is None for a method whose map does not add up: `values` then
    only rank places, and the map is drawn on a scale of its own. Raises `ArgumentError` where `values` are no finite
    matrix.
    """

    name: str
    values: NDArray[Any]
    score: float
    constant: float | None = 0.0

    def __post_init__(self) -> None:
        if np.ndim(self.values) != 2 or not np.size(self.values) or not np.isfinite(self.values).all():
            got = f"shape {np.shape(self.values)}" if np.ndim(self.values) != 2 else "NaN, infinity or nothing"
            raise ArgumentError(f"map of {self.name}: wanted a matrix [h, w] of finite numbers, got {got}")

    @property
    def total(self) -> float:
        """The sum over all cells."""
        return float(np.sum(self.values, dtype=np.float64))

    @property
    def residual(self) -> float | None:
        """|sum + constant - score|, None where the map does not add up."""
        return None if self.constant is None else abs(self.total + self.constant - self.score)

    def scale(self) -> float:
        """The value at the end of this map's own scale: its largest, unless that is so small that it says nothing."""
        peak = float(np.abs(self.values).max())
        return (peak or 1.0) if self.constant is None else max(peak, FAINT / np.size(self.values))

    def lines(self) -> list[str]:
        """The numbers, in lines short enough to stand below a panel."""
        cells = f"cells {signed(np.min(self.values))} to {signed(np.max(self.values))}"
        if self.constant is None:
            return [
                f"score {signed(self.score)}, which the map",
                f"does not add up to; scale to {self.scale():.2g}",
                cells,
            ]
        made_of = f"score {signed(self.score)} = sum {signed(self.total)}"
        return [made_of, f"+ constant {signed(self.constant)} (residual {self.residual:.0e})", cells]


def signed(value: float) -> str:
    """A number with its sign, to be read beside others: three decimals, or two digits where it is below 0.1."""
    text = f"{abs(value):.3f}" if abs(value) >= 0.0995 else f"{abs(value):.2g}"
    return "0" if value == 0 else ("+" if value > 0 else "\N{MINUS SIGN}") + text


def scale_of(maps: Iterable[FilmMap]) -> float:
    """The value at the end of the one scale for all maps that add up."""
    return max((each.scale() for each in maps if each.constant is not None), default=1.0)


def plain_map(
    maps: Sequence[FilmMap], height: int, width: int, sight: Sight, verdict: str = UNCHECKED
) -> dict[str, Any]:
    """The maps of a film of `height` x `width` pixels as plain data for a JSON file; numbers to six digits.

    `window` is what the even grid stands for on the film, `shown` what the encoder saw of it, both as (top, left,
    bottom, right) in the film's pixels; the map's cells lie `lag` cells before those of the even grid. Sum and residual
    are those of the map as it was, before it was rounded.
    """
    return {
        "height": height,
        "width": width,
        "window": list(window_of(height, width, sight.preprocessing)),
        "shown": list(shown_of(height, width, sight.preprocessing)),
        "grid": list(np.shape(maps[0].values)) if maps else [],
        "lag": sight.lag,
        "verdict": verdict,
        "maps": [
            {
                "target": each.name,
                "score": _six(each.score),
                "constant": _six(each.constant),
                "sum": _six(each.total),
                "residual": _six(each.residual),
                "scale": _six(each.scale()),
                "map": [[_six(value) for value in row] for row in np.asarray(each.values).tolist()],
            }
            for each in maps
        ],
    }


def _six(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
