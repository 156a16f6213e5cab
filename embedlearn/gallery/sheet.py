"""A contact sheet: the films asked about, and the most similar cases with what is known of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import COLOURS, GREY, figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 5  # films in a row
SIDE = 1.75  # of a film, in inches
WORDS = 0.5  # below it, with what keeps rows apart
TITLE = 0.3
MOST_WORDS = 26  # characters of a line


@dataclass(frozen=True, eq=False)
class Tile:
    """A film, uint8 [S, S] or None where it is not at hand, the lines below it, the label that colours its frame."""

    film: NDArray[np.uint8] | None
    lines: Sequence[str]
    label: str | None = None


def draw_sheet(path: Path, queries: Sequence[Tile], hits: Sequence[Tile], title: str) -> None:
    """Write the sheet as PNG: queries in the first rows, hits below them, nearest first. Raises `StorageError`."""
    names = sorted({tile.label for tile in hits if tile.label})
    colour = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
    parts = [part for part in (queries, hits) if part]
    across = min(ACROSS, max(3, *(len(part) for part in parts)))
    rows = [part[start : start + across] for part in parts for start in range(0, len(part), across)]
    with figure(path, max(across * SIDE, 4.5), len(rows) * (SIDE + WORDS) + TITLE) as drawn:
        drawn.set_layout_engine("constrained", h_pad=0.02, w_pad=0.03, hspace=0, wspace=0)
        drawn.suptitle(title, x=0.005, ha="left", fontsize=9)
        for number, row in enumerate(rows):
            for place, tile in enumerate(row):
                axes = drawn.add_subplot(len(rows), across, number * across + place + 1)
                _draw(axes, tile, colour.get(tile.label or "", GREY))


def _draw(axes: Axes, tile: Tile, colour: str) -> None:
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    if tile.film is None:
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect=1, facecolor="#eeeeee")
        axes.text(0.5, 0.5, "film not\nat hand", ha="center", va="center", color=GREY)
    else:
        axes.imshow(tile.film, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
    for spine in axes.spines.values():
        spine.set(visible=True, color=colour, linewidth=2.5)
    axes.set_xlabel("\n".join(_cut(line) for line in tile.lines), fontsize=7.5, loc="left")


def _cut(line: str) -> str:
    return line if len(line) <= MOST_WORDS else f"{line[: math.ceil(MOST_WORDS / 2)]}…{line[-MOST_WORDS // 2 + 1 :]}"
