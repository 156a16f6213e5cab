"""The figure of all ratios: a row for each peer, a dot for each comparison with it, on one logarithmic axis."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from embedlearn.figures import COLOURS, GREY, figure
from experiments.benchmarks.axes import plainly
from experiments.benchmarks.measuring import FLOOR, Measurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW = 0.16  # inches
LETTERS = 78  # of a peer's name
BETTER, WORSE = COLOURS[0], COLOURS[1]


class Row(NamedTuple):
    """A line of the figure: a benchmark's name, without ratios, or one of its peers with the ratios beside it."""

    name: str
    ratios: tuple[float, ...] = ()


def draw_ratios(path: Path, found: Mapping[str, Sequence[Measurement]]) -> None:
    """Draw the ratios of each benchmark, above 1 where ours is better, to `path`, PNG or SVG. Raises `StorageError`."""
    lines = list(rows(found))
    with figure(path, 10, ROW * len(lines) + 1.2) as drawn:
        axes = drawn.add_subplot()
        for place, row in enumerate(lines):
            colours = [BETTER if ratio >= 1 else WORSE for ratio in row.ratios]
            axes.scatter(row.ratios, [place] * len(row.ratios), s=14, c=colours, alpha=0.7, linewidths=0, zorder=3)
            axes.annotate(span(row.ratios), (1.01, place), xycoords=axes.get_yaxis_transform(), va="center", fontsize=7)
        _label(axes, lines)


def rows(found: Mapping[str, Sequence[Measurement]]) -> Iterator[Row]:
    """The lines from top to bottom, peers in the order in which they were measured; floors are none."""
    for name, measurements in found.items():
        yield Row(name)
        peers = [each for each in measurements if not each.peer_name.startswith(FLOOR)]
        for peer in dict.fromkeys(each.peer_name for each in peers):
            yield Row(peer, tuple(each.ratio for each in peers if each.peer_name == peer))


def span(ratios: Sequence[float]) -> str:
    """The least and the greatest in words, such as "1.2 to 4,400"; nothing where there are none."""
    words = [f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}" for ratio in sorted(ratios)]
    return " to ".join(dict.fromkeys(words[:1] + words[-1:]))


def _label(axes: Axes, lines: Sequence[Row]) -> None:
    axes.set_xscale("log")
    axes.axvline(1, color=GREY, linewidth=1, zorder=2)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks(range(len(lines)), [textwrap.shorten(row.name, LETTERS, placeholder=" ...") for row in lines])
    for text, row in zip(axes.get_yticklabels(), lines, strict=True):
        text.set(fontsize=7, fontweight="normal" if row.ratios else "bold")
    axes.tick_params("y", length=0)
    axes.grid(axis="y", visible=False)
    plainly(axes.xaxis, subs=(1,))
    axes.tick_params("x", top=True, labeltop=True)
    axes.set_xlabel("left of 1 the other is better (orange), right of it ours (blue)")
