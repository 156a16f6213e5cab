"""What the figure of a map is made of, cell by cell: the map, its legend, and words below; all measured in inches."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import figure
from embedlearn.maps.groups import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMN = 3.5  # a journal's column
MARGIN = 0.06
DPI = 300
POINTS = 72  # of type, to the inch
SIZE = 7.0  # of the smallest words, in points
LINE = 0.135
SIDE = COLUMN - 2 * MARGIN  # of a map, in inches
LOWEST, HIGHEST = 0.55, 1.05  # of a map's height to its width
RIM = 1.08
LETTER = 0.52 * SIZE / POINTS  # how wide one is, about


class Cell(NamedTuple):
    """How a piece of a figure is drawn into bare axes, of which one unit is an inch, and how high it is."""

    draw: Callable[[Axes], None]
    height: float


def save_cells(path: Path, rows: Sequence[Sequence[Cell]], theme: str) -> None:
    """Write rows of cells, which share their row's width, as wide as the longest row. Raises `StorageError`."""
    width = COLUMN * max(map(len, rows))
    heights = [max(cell.height for cell in row) for row in rows]
    height = sum(heights) + 2 * MARGIN
    with figure(path, width, height, theme, DPI) as drawn:
        drawn.set_layout_engine("none")
        top = height - MARGIN
        for row, tall in zip(rows, heights, strict=True):
            wide = width / len(row) - 2 * MARGIN
            for place, cell in enumerate(row):
                left = place * width / len(row) + MARGIN
                low = top - cell.height
                axes = drawn.add_axes((left / width, low / height, wide / width, cell.height / height))
                axes.set(xlim=(0, wide), ylim=(0, cell.height))
                axes.set_axis_off()
                cell.draw(axes)
            top -= tall


def words_cell(sentences: Sequence[str], columns: int = 1, *, strong: bool = False) -> Cell:
    """Sentences, wrapped to so many columns."""
    letters = int((COLUMN * columns - 2 * MARGIN) / (LETTER * (1.15 if strong else 1)))
    lines = [line for sentence in sentences for line in textwrap.wrap(sentence, letters)]
    size, weight = (SIZE + 1, "bold") if strong else (SIZE, "normal")

    def draw(axes: Axes) -> None:
        top = axes.get_ylim()[1]
        for number, line in enumerate(lines):
            axes.text(0, top - (number + 0.8) * LINE, line, fontsize=size, fontweight=weight)

    return Cell(draw, (len(lines) + 0.4) * LINE)


class Mark(NamedTuple):
    """A line of a legend: a marker, its colours inside and round it, and words."""

    marker: str
    face: str
    edge: str
    words: str
    size: float = 18


def legend_cell(groups: Sequence[Group], extra: Sequence[Mark] = (), columns: int = 1) -> Cell:
    """What markers mean, in as many columns as the words leave room for."""
    marks = [Mark(group.marker, group.colour, group.colour, group.words) for group in groups] + list(extra)
    wide = COLUMN * columns - 2 * MARGIN
    needed = 0.2 + LETTER * 1.1 * max(len(mark.words) for mark in marks)
    across = min(len(marks), max(1, int(wide / needed)))
    rows = -(-len(marks) // across)

    def draw(axes: Axes) -> None:
        top = axes.get_ylim()[1]
        for number, mark in enumerate(marks):
            x, y = number % across * wide / across, top - (number // across + 0.6) * LINE
            look = {"marker": mark.marker, "s": mark.size, "facecolors": mark.face, "edgecolors": mark.edge}
            axes.scatter(x + 0.05, y, linewidths=0.8, **look)  # type: ignore[arg-type]
            axes.text(x + 0.14, y, mark.words, fontsize=SIZE, va="center_baseline")

    return Cell(draw, (rows + 0.4) * LINE)


class Box(NamedTuple):
    """The part of a map that is drawn: its lower left corner, float64 [2], and inches to the map's unit, in a frame."""

    corner: NDArray[np.float64]
    scale: float
    height: float

    def inches(self, positions: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Positions [N, 2] of the map as inches from the corner."""
        return np.asarray((positions.astype(np.float64) - self.corner) * self.scale)


def box_of(*positions: NDArray[np.float32]) -> Box:
    """A box with a rim round all positions [N, 2], not too low and not too high to stand in a column."""
    every = np.vstack(positions).astype(np.float64)
    low, high = every.min(0), every.max(0)
    extent = (high - low) * RIM
    extent = np.where(extent > 0, extent, 1.0)
    scale = float(np.min(np.array([SIDE, SIDE * HIGHEST]) / extent))
    height = max(float(extent[1]) * scale, SIDE * LOWEST)
    return Box((low + high) / 2 - np.array([SIDE, height]) / (2 * scale), scale, height)
