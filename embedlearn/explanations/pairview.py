"""Two films side by side, and what a region of the one finds in the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.explanations.filmmap import FAINT, UNCHECKED, signed
from embedlearn.explanations.geometry import Sight, cell_of
from embedlearn.explanations.overlay import check_film, painted
from embedlearn.explanations.panels import GAP, Row, Scale, Shown, films_figure, frame, outline, reduced
from embedlearn.figures import THEMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 3.4  # inches, of each of the two films
FEW = 6  # pairs of regions that can be told apart
INK = THEMES["dark"].colours  # films are dark in both themes

Films = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def draw_pair(
    path: Path,
    films: Films,
    matrix: NDArray[Any],
    points: Sequence[tuple[int, int, int, int]],
    sight: Sight,
    *,
    names: tuple[str, str] = ("film", "case"),
    score: float,
    constant: float = 0.0,
    title: str = "",
    verdict: str = UNCHECKED,
    theme: str = "light",
) -> None:
    """Write two films, uint8 [H, W] each, with their strongest pairs of regions, and all that each of those finds.

    `matrix` [h, w, h', w'] is what a place of the first and one of the second add to their cosine `score`, together
    with `constant`. `points` are at most `FEW` pairs (row, column, row', column') of it, numbered in their order.
    Raises `ArgumentError`, `StorageError`.
    """
    _check(films, matrix)
    if not 1 <= len(points) <= FEW:
        raise ArgumentError(f"points: wanted 1 to {FEW} pairs of regions, got {len(points)}; give the strongest")
    end = _end(matrix, [point[:2] for point in points])
    total = float(matrix.sum(dtype=np.float64))
    sums = f"cosine {signed(score)} = sum {signed(total)} + constant {signed(constant)}"
    residual = f"residual {abs(total + constant - score):.0e}"
    finds = [_finds(films[1], matrix[row, column], sight, end, str(number))
             for number, (row, column, _, _) in enumerate(points, 1)]  # fmt: skip
    side = (2 * WIDE + GAP + GAP) / len(points) - GAP
    top = [_plainly(films[0], names[0], sums, residual), _plainly(films[1], names[1])]
    rows = [Row(top, WIDE), Row(finds, min(side, WIDE))]
    with films_figure(path, rows, title=title, verdict=verdict, scale=_meaning(matrix, end), theme=theme) as (
        film,
        case,
        *cells,
    ):
        for axes, pixels in ((film, films[0]), *((axes, films[1]) for axes in (case, *cells))):
            outline(axes, pixels.shape, sight.preprocessing)
        for number, (point, axes) in enumerate(zip(points, cells, strict=True)):
            colour = INK[number % len(INK)]
            here = _mark(film, point[:2], matrix.shape[:2], films[0], sight, colour, str(number + 1))
            there = _mark(case, point[2:], matrix.shape[2:], films[1], sight, colour, str(number + 1))
            _mark(axes, point[2:], matrix.shape[2:], films[1], sight, colour)
            _join(film, case, here, there, colour)


def draw_match(
    path: Path,
    films: Films,
    matrix: NDArray[Any],
    cell: tuple[int, int],
    sight: Sight,
    *,
    names: tuple[str, str] = ("film", "case"),
    title: str = "",
    verdict: str = UNCHECKED,
    theme: str = "light",
) -> None:
    """Write two films, uint8 [H, W] each: one `cell` (row, column) of the first, and what it finds in the second.

    `matrix` as for `draw_pair`. Raises `ArgumentError` where there is no such cell, `StorageError`.
    """
    _check(films, matrix)
    h, w = matrix.shape[:2]
    if not (0 <= cell[0] < h and 0 <= cell[1] < w):
        raise ArgumentError(f"cell: wanted a row below {h} and a column below {w}, got {cell[0]}, {cell[1]}")
    end = _end(matrix, [cell])
    place = f"the cell in row {cell[0]}, column {cell[1]} of {h} x {w}"
    found = _finds(films[1], matrix[cell], sight, end, "it")
    rows = [Row([_plainly(films[0], names[0], place), replace(found, title=names[1])], WIDE)]
    with films_figure(path, rows, title=title, verdict=verdict, scale=_meaning(matrix, end), theme=theme) as (
        film,
        case,
    ):
        for axes, pixels in zip((film, case), films, strict=True):
            outline(axes, pixels.shape, sight.preprocessing)
        _mark(film, cell, matrix.shape[:2], films[0], sight, INK[1])
        best = divmod(int(matrix[cell].argmax()), matrix.shape[3])
        _mark(case, best, matrix.shape[2:], films[1], sight, INK[1])


def _finds(case: NDArray[np.uint8], values: NDArray[Any], sight: Sight, end: float, name: str) -> Shown:
    """The second film under what one region of the first finds there."""
    lines = [f"in all {signed(values.sum())}", f"a cell up to {signed(values.max())}"]
    return Shown(painted(reduced(case), values, sight, end), f"what {name} finds", lines, size=case.shape)


def _plainly(film: NDArray[np.uint8], title: str, *lines: str) -> Shown:
    return Shown(reduced(film), title, lines, size=film.shape)


def _end(matrix: NDArray[Any], cells: Sequence[tuple[int, ...]]) -> float:
    """The value at the end of the scale for what these cells of the first film find."""
    return max(FAINT / matrix.size, *(float(np.abs(matrix[row, column]).max()) for row, column in cells))


def _meaning(matrix: NDArray[Any], end: float) -> Scale:
    h, w = matrix.shape[2:]
    return Scale(end, f"what one region and one cell add to the cosine; upsampled bilinearly from {h} x {w}")


def _mark(
    axes: Axes,
    cell: tuple[int, ...],
    grid: tuple[int, ...],
    film: NDArray[np.uint8],
    sight: Sight,
    colour: str,
    name: str = "",
) -> tuple[float, float]:
    """Frame one cell on a film and name it; the centre of its frame as (x, y)."""
    height, width = film.shape
    window = cell_of(cell[0], cell[1], (grid[0], grid[1]), height, width, sight)
    frame(axes, window, colour=colour, line=1.4)
    x, y = (window.left + window.right) / 2 - 0.5, (window.top + window.bottom) / 2 - 0.5
    if name:
        round_ = {"boxstyle": "circle,pad=0.25", "facecolor": colour, "edgecolor": "black", "linewidth": 0.8}
        axes.figure.text(
            x, y, name, size=9, color="black", ha="center", va="center", bbox=round_, transform=axes.transData
        )
    return x, y


def _join(film: Axes, case: Axes, here: tuple[float, float], there: tuple[float, float], colour: str) -> None:
    """A line from a place of one film to one of another, below the numbers at its ends."""
    from matplotlib.patches import ConnectionPatch

    for hue, line in (("black", 2.2), (colour, 1.2)):
        case.figure.add_artist(ConnectionPatch(here, there, film.transData, case.transData, color=hue, lw=line))


def _check(films: Films, matrix: NDArray[Any]) -> None:
    for film in films:
        check_film(film)
    if np.ndim(matrix) != 4 or not np.isfinite(matrix).all():
        raise ArgumentError(f"matrix: wanted finite numbers [h, w, h', w'], got shape {np.shape(matrix)}")
