"""Plain numbers on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def plainly(axis: Axis, ticks: Sequence[float] | None = None, subs: tuple[int, ...] = (1, 2, 5)) -> None:
    """Mark a logarithmic axis at `ticks`, else in each decade at `subs`, with numbers as one writes them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=subs) if ticks is None else FixedLocator(list(ticks)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axis.set_minor_locator(NullLocator())


def plain(value: float) -> str:
    """A number without an exponent: 0.0005, 20, 100,000."""
    return f"{value:,.0f}" if value >= 1 else f"{value:.10f}".rstrip("0").rstrip(".")
