"""Where things lie: between a film's own pixels, the square that an encoder reads, and its grid of features.

The square's pixel edges run from 0 to S and those of the film from 0 to H and W; pixel i covers [i, i + 1]. Square and
film are then tied by one stretch and one shift an axis, and the cell (i, j) of an h x w grid is the rectangle that rows
(i - lag) S/h to (i + 1 - lag) S/h and columns (j - lag) S/w to (j + 1 - lag) S/w cover. The outermost cells end at the
square's edges: what a lag pushes beyond them is cut off, and what it leaves free on the other side is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.preprocessing import Preprocessing


@dataclass(frozen=True)
class Sight:
    """How an encoder sees films: what they went through, and by how many cells its grid lies before the even one.

    `measure_lag` finds the lag. Raises `ArgumentError` for one of a whole cell or more.
    """

    preprocessing: Preprocessing
    lag: float = 0.0

    def __post_init__(self) -> None:
        _require_lag(self.lag)


class Window(NamedTuple):
    """A rectangle of the film in its own pixels, from edge to edge; it may reach beyond the film."""

    top: float
    left: float
    bottom: float
    right: float


def window_of(height: int, width: int, preprocessing: Preprocessing) -> Window:
    """What the whole square stands for on a film of `height` x `width` pixels, its black padding included."""
    shown = shown_of(height, width, preprocessing)
    if preprocessing.fit == "crop":
        return shown
    sides = (shown.bottom - shown.top, shown.right - shown.left)
    top, bottom = _padded_span(shown.top, sides[0], max(sides), preprocessing.size)
    left, right = _padded_span(shown.left, sides[1], max(sides), preprocessing.size)
    return Window(top, left, bottom, right)


def shown_of(height: int, width: int, preprocessing: Preprocessing) -> Window:
    """What the square shows of a film of `height` x `width` pixels: what lies within its border, cropped or not."""
    top, left = int(preprocessing.border * height), int(preprocessing.border * width)
    sides = (height - 2 * top, width - 2 * left)
    if preprocessing.fit == "crop":
        side = min(sides)
        top, left = top + (sides[0] - side) // 2, left + (sides[1] - side) // 2
        sides = (side, side)
    return Window(top, left, top + sides[0], left + sides[1])


def cell_of(row: int, column: int, grid: tuple[int, int], height: int, width: int, sight: Sight) -> Window:
    """What one cell of a grid of (h, w) cells stands for on a film of `height` x `width` pixels."""
    window = window_of(height, width, sight.preprocessing)
    rows = (window.top + cell_edges(grid[0], window.bottom - window.top, sight.lag)).tolist()
    columns = (window.left + cell_edges(grid[1], window.right - window.left, sight.lag)).tolist()
    return Window(rows[row], columns[column], rows[row + 1], columns[column + 1])


def cell_at(
    down: float, across: float, grid: tuple[int, int], height: int, width: int, sight: Sight
) -> tuple[int, int] | None:
    """The row and column of the cell that a point of the film in pixels lies in, None where the square has it not."""
    window = window_of(height, width, sight.preprocessing)
    row = (down - window.top) / (window.bottom - window.top) * grid[0]
    column = (across - window.left) / (window.right - window.left) * grid[1]
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        return None
    return int(nearest_cells(row, grid[0], sight.lag)), int(nearest_cells(column, grid[1], sight.lag))


def cell_edges(count: int, side: float, lag: float = 0.0) -> NDArray[np.float64]:
    """Where `count` cells begin and end along an axis that is `side` long, float64 [count + 1]."""
    _require_lag(lag)
    edges: NDArray[np.float64] = ((np.arange(count + 1) - lag) * (side / count)).clip(0, side)
    edges[[0, -1]] = 0, side
    return edges


def nearest_cells(places: NDArray[Any] | float, count: int, lag: float = 0.0) -> NDArray[np.int64]:
    """The cell that each of `places` along one axis, in cells of the even grid, lies in: int64, of the same shape."""
    return np.floor(np.asarray(places) + lag).astype(np.int64).clip(0, count - 1)


def to_square(mask: NDArray[Any], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """A mask of the film, bool or numbers [H, W], as its mean over each pixel of the square, float32 [S, S].

    Exact: each pixel counts by the area that is covered. The padding and what is trimmed or cropped count as zero.
    """
    height, width = _sides(mask, "mask")
    window, shown = window_of(height, width, preprocessing), shown_of(height, width, preprocessing)
    rows = np.linspace(window.top, window.bottom, preprocessing.size + 1)
    columns = np.linspace(window.left, window.right, preprocessing.size + 1)
    by_rows = _averaged(np.asarray(mask, np.float64), rows, shown.top, shown.bottom)
    return _averaged(by_rows.T, columns, shown.left, shown.right).T.astype(np.float32)


def to_grid(square: NDArray[Any], h: int, w: int, lag: float = 0.0) -> NDArray[np.float32]:
    """Values of the square [S, S] as their exact mean over each cell of an `h` x `w` grid, float32 [h, w].

    With a lag the outermost cells are smaller or larger than the others, and their mean is over what they have of the
    square. Nothing beyond it counts.
    """
    height, width = _sides(square, "square")
    by_rows = _averaged(np.asarray(square, np.float64), cell_edges(h, height, lag), 0, height)
    return _averaged(by_rows.T, cell_edges(w, width, lag), 0, width).T.astype(np.float32)


def on_film(
    grid: NDArray[Any],
    height: int,
    width: int,
    sight: Sight,
    how: Literal["bilinear", "nearest"] = "bilinear",
) -> NDArray[np.float32]:
    """A map over features [h, w] on a film of `height` x `width` pixels, float32, NaN where the film is not shown.

    Bilinear between the cells' centres and constant beyond the outermost, or each cell as a plain rectangle. This is
    for the eye: the sum over pixels means nothing, the numbers are those of the h x w map.
    """
    h, w = _sides(grid, "map")
    window, shown = window_of(height, width, sight.preprocessing), shown_of(height, width, sight.preprocessing)
    rows = (np.arange(0.5, height) - window.top) / (window.bottom - window.top) * h
    columns = (np.arange(0.5, width) - window.left) / (window.right - window.left) * w
    values = np.asarray(grid, np.float32)
    if how == "nearest":
        film = values[np.ix_(nearest_cells(rows, h, sight.lag), nearest_cells(columns, w, sight.lag))]
    elif how == "bilinear":
        film = _between(_between(values, rows + sight.lag).T, columns + sight.lag).T
    else:
        raise ArgumentError(f"how: wanted bilinear or nearest, got {how!r}")
    seen = np.zeros((height, width), bool)
    seen[int(shown.top) : int(shown.bottom), int(shown.left) : int(shown.right)] = True
    return np.where(seen, film, np.float32(np.nan)).astype(np.float32)


def _require_lag(lag: float) -> None:
    if not -1 < lag < 1:
        raise ArgumentError(f"lag: wanted less than one cell either way, got {lag}")


def _sides(values: NDArray[Any], name: str) -> tuple[int, int]:
    if np.ndim(values) != 2 or not np.size(values):
        raise ArgumentError(f"{name}: wanted a matrix [height, width], got shape {np.shape(values)}")
    height, width = np.shape(values)
    return int(height), int(width)


def _padded_span(start: float, side: float, longest: float, size: int) -> tuple[float, float]:
    """Where a padded square begins and ends along one axis, whose part of the film is rounded to whole pixels."""
    kept = max(1, round(side * size / longest))
    before, scale = (size - kept) // 2, side / kept
    return start - before * scale, start + (size - before) * scale


def _averaged(
    values: NDArray[np.float64], edges: NDArray[np.float64], first: float, last: float
) -> NDArray[np.float64]:
    """The mean of rows [N, M] between neighbouring `edges` [K + 1], zero outside `first` to `last`: float64 [K, M]."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    at = edges.clip(first, last)
    whole = np.minimum(at.astype(int), len(values) - 1)
    below = total[whole] + (at - whole)[:, None] * values[whole]
    mean: NDArray[np.float64] = np.diff(below, axis=0) / np.diff(edges)[:, None]
    return mean


def _between(values: NDArray[np.float32], places: NDArray[Any]) -> NDArray[np.float32]:
    """Rows [n, M] at `places` [K] counted in rows from the upper edge, linear between their centres: [K, M]."""
    at = (places - 0.5).clip(0, len(values) - 1)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, len(values) - 1)
    share = (at - low)[:, None].astype(np.float32)
    mixed: NDArray[np.float32] = values[low] * (1 - share) + values[high] * share
    return mixed
