"""The grid of nodes on paper: squares, pies and films at their nodes, and the keys that say what they mean.

All is measured in inches. The first row of nodes lies at the bottom, where a scatter of columns and rows has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import Theme
from embedlearn.maps.cells import LETTER, LINE, SIZE, Cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Doubles = NDArray[np.float64]
Counts = NDArray[np.int64]
TALLEST = 1.0  # of a grid, in widths
FULL = 0.96  # of a node's square: the mark of the fullest node
BAR = (0.7, 0.09)  # a colour scale's length, in widths, and its height in inches
LEAST_MARK = 0.016  # inches: a node with a single film must not vanish


class Grid(NamedTuple):
    """Nodes as squares of `pitch` inches, the lowest left one's corner at `left`, `bottom`."""

    rows: int
    columns: int
    left: float
    bottom: float
    pitch: float

    @property
    def height(self) -> float:
        """From the bottom to the top."""
        return self.rows * self.pitch

    def centres(self) -> Doubles:
        """Of all nodes in their order, float64 [rows * columns, 2]."""
        row, column = np.divmod(np.arange(self.rows * self.columns), self.columns)
        return self.inches(np.stack([column, row], axis=1))

    def inches(self, positions: NDArray[Any]) -> Doubles:
        """Columns and rows, [M, 2], as places on the paper."""
        return np.array([self.left, self.bottom]) + (np.asarray(positions, np.float64) + 0.5) * self.pitch


def grid_in(sides: tuple[int, ...], wide: float) -> Grid:
    """The grid of so many rows and columns as large as fits into `wide` inches, in their middle."""
    rows, columns = sides
    pitch = min(wide / columns, TALLEST * wide / rows)
    return Grid(rows, columns, (wide - pitch * columns) / 2, 0.0, pitch)


class Scale(NamedTuple):
    """Colours, of a matplotlib map, for the numbers from `low` to `high`."""

    low: float
    high: float
    map: str

    @classmethod
    def rising(cls, values: NDArray[np.floating], look: Theme) -> Scale:
        """From the least value, whose colour is nearest to the ground, to the greatest."""
        low, high = float(values.min()), float(values.max())
        return cls(low, high if high > low else low + 1.0, "YlGnBu_r" if is_dark(look) else "YlGnBu")

    @classmethod
    def signed(cls, values: NDArray[np.floating], look: Theme) -> Scale:
        """Two hues, on either side of 0, which is the ground's."""
        most = float(np.nanmax(np.abs(values), initial=0)) or 1.0
        return cls(-most, most, "berlin" if is_dark(look) else "RdBu_r")

    def key(self, words: str, wide: float) -> Cell:
        """A bar with a few numbers below it, and what they mean."""
        length, thick = BAR[0] * wide, BAR[1]
        left = (wide - length) / 2

        def draw(axes: Axes) -> None:
            from matplotlib.ticker import MaxNLocator

            top = axes.get_ylim()[1] - 0.4 * LINE
            picture(axes, np.linspace(0, 1, 256)[None], (left, left + length, top - thick, top), cmap=self.map)
            for tick in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(self.low, self.high):
                place = (tick - self.low) / (self.high - self.low)
                if -1e-9 <= place <= 1 + 1e-9:
                    number = f"{tick:g}".replace("-", "−")
                    axes.text(left + place * length, top - thick - 0.85 * LINE, number, fontsize=SIZE, ha="center")
            axes.text(wide / 2, top - thick - 1.85 * LINE, words, fontsize=SIZE, ha="center")

        return Cell(draw, thick + 2.7 * LINE)


def is_dark(look: Theme) -> bool:
    """Whether the ground is darker than the words."""
    return int(look.paper[1:], 16) < int(look.ink[1:], 16)


def squares(axes: Axes, grid: Grid, values: Doubles, scale: Scale) -> None:
    """Each node's square in the colour of its value, float64 [rows, columns]."""
    across = grid.left + np.arange(grid.columns + 1) * grid.pitch
    up = grid.bottom + np.arange(grid.rows + 1) * grid.pitch
    # As pixels in an SVG too, where squares beside each other would show a seam.
    axes.pcolormesh(across, up, values, cmap=scale.map, vmin=scale.low, vmax=scale.high, rasterized=True)


class Sizes(NamedTuple):
    """How large the mark of a node is: its area in proportion to its films, that of one film `side` inches wide."""

    side: float

    @classmethod
    def fitting(cls, grids: Sequence[Grid], films: Sequence[Counts]) -> Sizes:
        """As large as may be, so that on none of the grids, each with its `films` [nodes], a mark leaves its node."""
        pairs = zip(grids, films, strict=True)
        return cls(min(grid.pitch * FULL / math.sqrt(max(int(held.max()), 1)) for grid, held in pairs))

    def of(self, films: Counts) -> Doubles:
        """How wide the mark of so many films is, in inches; `films` int64 [...]."""
        return np.where(films > 0, np.maximum(self.side * np.sqrt(films), LEAST_MARK), 0.0)


def marks(axes: Axes, grid: Grid, films: Counts, sizes: Sizes, colour: str, look: Theme) -> None:
    """A square a node, its area by its number of films [rows * columns]; a small ring where there is none."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    _rings(axes, grid, films, look)
    placed = zip(grid.centres(), sizes.of(films), strict=True)
    drawn = [Rectangle((x - side / 2, y - side / 2), side, side) for (x, y), side in placed if side]
    axes.add_collection(PatchCollection(drawn, facecolors=colour, linewidths=0))


def pies(axes: Axes, grid: Grid, counts: Counts, sizes: Sizes, colours: Sequence[str], look: Theme) -> None:
    """A pie a node, its area by its number of films, a slice for each of `counts` [rows * columns, classes]."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Wedge

    films = counts.sum(axis=1)
    _rings(axes, grid, films, look)
    ends = 90 - 360 * counts.cumsum(axis=1) / np.maximum(films, 1)[:, None]
    starts = ends + 360 * counts / np.maximum(films, 1)[:, None]
    radius, centres = sizes.of(films) / 2, grid.centres()
    for place, colour in enumerate(colours):
        nodes = np.flatnonzero(counts[:, place])
        slices = [Wedge(tuple(centres[node]), radius[node], ends[node, place], starts[node, place]) for node in nodes]
        axes.add_collection(PatchCollection(slices, facecolors=colour, linewidths=0))


def _rings(axes: Axes, grid: Grid, films: Counts, look: Theme) -> None:
    empty = grid.centres()[films == 0]
    axes.scatter(empty[:, 0], empty[:, 1], s=3, facecolors="none", edgecolors=look.muted, linewidths=0.5)


def films_key(films: Counts, sizes: Sizes, look: Theme, marker: str) -> Cell:
    """The marks of the fullest node and of a fuller and a less full one, and the ring of an empty one."""
    most = int(films.max())
    shown = sorted({1, max(1, round(most / 4)), most})
    sides = sizes.of(np.array(shown))
    tall = max(float(sides.max()), LINE)

    def draw(axes: Axes) -> None:
        y, x = axes.get_ylim()[1] - 0.2 * LINE - tall / 2, 0.05
        for count, side in zip(shown, sides, strict=True):
            words = f"{count:,} film{'s' if count > 1 else ''}"
            axes.scatter(x + side / 2, y, s=(side * 72) ** 2, marker=marker, c=look.muted, linewidths=0)
            axes.text(x + side + 0.05, y, words, fontsize=SIZE, va="center_baseline")
            x += side + 0.2 + LETTER * len(words)
        if (films == 0).any():
            axes.scatter(x + 0.02, y, s=3, facecolors="none", edgecolors=look.muted, linewidths=0.5)
            axes.text(x + 0.09, y, "no film", fontsize=SIZE, va="center_baseline")

    return Cell(draw, tall + 0.5 * LINE)


def tiles(axes: Axes, grid: Grid, films: Any, rows: Counts, look: Theme) -> None:
    """At each node the film, uint8 [S, S], of the row of `films` that `rows` [rows, columns] names; -1 for none."""
    for centre, row in zip(grid.centres(), rows.ravel(), strict=True):
        if row >= 0:
            film = np.asarray(films[int(row)])
            picture(axes, film, extent_at(grid, centre), cmap="gray", vmin=0, vmax=255)
        else:
            axes.scatter(centre[0], centre[1], s=3, facecolors="none", edgecolors=look.muted, linewidths=0.5)


def extent_at(grid: Grid, centre: Doubles) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the picture at a node."""
    half = grid.pitch * FULL / 2
    return centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half


def picture(axes: Axes, pixels: NDArray[Any], extent: tuple[float, float, float, float], **look: Any) -> None:
    """An image at its place, which leaves the axes as they are; `look` is of matplotlib's `imshow`."""
    bounds = axes.axis()
    axes.imshow(pixels, extent=extent, aspect="auto", interpolation="bilinear", **look)
    axes.axis(bounds)
