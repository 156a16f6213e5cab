"""Where things lie: between a film's own pixels, the square that an encoder reads, and its grid of features.

The square's pixel edges run from 0 to S and those of the film from 0 to H and W; pixel i covers [i, i + 1]. Square and
film are then tied by one stretch and one shift an axis, and the cell (i, j) of an h x w grid is the rectangle that rows
i S/h to (i + 1) S/h and columns j S/w to (j + 1) S/w cover.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.preprocessing import Preprocessing


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


def cell_of(
    row: int, column: int, grid: tuple[int, int], height: int, width: int, preprocessing: Preprocessing
) -> Window:
    """What one cell of a grid of (h, w) cells stands for on a film of `height` x `width` pixels."""
    window = window_of(height, width, preprocessing)
    tall, wide = (window.bottom - window.top) / grid[0], (window.right - window.left) / grid[1]
    top, left = window.top + row * tall, window.left + column * wide
    return Window(top, left, top + tall, left + wide)


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


def to_grid(square: NDArray[Any], h: int, w: int) -> NDArray[np.float32]:
    """Values of the square [S, S] as their exact mean over each cell of an `h` x `w` grid, float32 [h, w]."""
    height, width = _sides(square, "square")
    by_rows = _averaged(np.asarray(square, np.float64), np.linspace(0, height, h + 1), 0, height)
    return _averaged(by_rows.T, np.linspace(0, width, w + 1), 0, width).T.astype(np.float32)


def on_film(
    grid: NDArray[Any],
    height: int,
    width: int,
    preprocessing: Preprocessing,
    how: Literal["bilinear", "nearest"] = "bilinear",
) -> NDArray[np.float32]:
    """A map over features [h, w] on a film of `height` x `width` pixels, float32, NaN where the film is not shown.

    Bilinear between the cells' centres and constant beyond the outermost, or each cell as a plain rectangle. This is
    for the eye: the sum over pixels means nothing, the numbers are those of the h x w map.
    """
    h, w = _sides(grid, "map")
    window, shown = window_of(height, width, preprocessing), shown_of(height, width, preprocessing)
    rows = (np.arange(0.5, height) - window.top) / (window.bottom - window.top) * h
    columns = (np.arange(0.5, width) - window.left) / (window.right - window.left) * w
    values = np.asarray(grid, np.float32)
    if how == "nearest":
        film = values[np.ix_(np.floor(rows).astype(int).clip(0, h - 1), np.floor(columns).astype(int).clip(0, w - 1))]
    elif how == "bilinear":
        film = _between(_between(values, rows).T, columns).T
    else:
        raise ArgumentError(f"how: wanted bilinear or nearest, got {how!r}")
    seen = np.zeros((height, width), bool)
    seen[int(shown.top) : int(shown.bottom), int(shown.left) : int(shown.right)] = True
    return np.where(seen, film, np.float32(np.nan)).astype(np.float32)


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
