"""Where words can stand on a map: near what they name, over few films, none over another and none outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
STEPS = 72  # places that are tried along the longer side
CELLS = 144  # into which films are counted along the longer side
COVERING = 3.0  # what covering all films costs, in widths of the map
CONFUSING = 0.15  # what it costs to cover what another box names, or to hide a line at one place
ALONG = (0.25, 0.5, 0.75)  # of a line, where it is looked whether a box hides it


class Frame(NamedTuple):
    """The part of a drawing that is the map, in the drawing's own units."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def side(self) -> float:
        """The longer one."""
        return max(self.right - self.left, self.top - self.bottom)


def place_labels(anchors: Floats, sizes: Floats, films: Floats, frame: Frame, taken: Floats | None = None) -> Floats:
    """Centres, float64 [L, 2], for boxes of `sizes` [L, 2] that name the points `anchors` [L, 2].

    Each in turn takes the free place that is nearest to its point and covers the fewest of `films` [N, 2] (all in the
    units of `frame`). No box touches another, nor one of `taken` [T, 4] (left, bottom, right, top), nor leaves the
    frame; one that finds no place is NaN.
    """
    boxes = list(np.empty((0, 4)) if taken is None else taken)
    lines: list[Floats] = []
    counts = _cumulative(films, frame)
    centres = np.full((len(anchors), 2), np.nan)
    for number, (anchor, size) in enumerate(zip(anchors, sizes, strict=True)):
        places = _places(anchor, size, frame)
        for left, bottom, right, top in boxes:
            x, y = places.T
            clear_x = (x + size[0] / 2 < left) | (x - size[0] / 2 > right)
            clear_y = (y + size[1] / 2 < bottom) | (y - size[1] / 2 > top)
            places = places[clear_x | clear_y]
        if not len(places):
            continue
        cost = np.linalg.norm(places - anchor, axis=1) / frame.side
        cost += COVERING * _covered(places, size, counts, frame) / max(len(films), 1)
        others = np.vstack([np.delete(anchors, number, axis=0), *lines])
        cost += CONFUSING * _confusing(places, size, anchor, others, boxes)
        best = places[np.argmin(cost)]
        centres[number] = best
        boxes.append(np.concatenate([best - size / 2, best + size / 2]))
        lines.append(anchor + np.outer(ALONG, best - anchor))
    return centres


def _confusing(places: Floats, size: Floats, anchor: Floats, others: Floats, boxes: Sequence[Floats]) -> Floats:
    """How many points of others each box covers, and at how many places a line from it to its own is hidden, [P]."""
    count = np.zeros(len(places))
    for other in others:
        count += (np.abs(places - other) < size / 2).all(axis=1)
    for box in boxes:
        if not ((anchor > box[:2]) & (anchor < box[2:])).all():
            for share in ALONG:
                point = anchor + share * (places - anchor)
                count += ((point > box[:2]) & (point < box[2:])).all(axis=1)
    return count


def _places(anchor: Floats, size: Floats, frame: Frame) -> Floats:
    """Centres at which a box of this size lies inside the frame: a grid, and the nearest one to its point."""
    low = np.array([frame.left, frame.bottom]) + size / 2
    high = np.array([frame.right, frame.top]) - size / 2
    if (high < low).any():
        return np.empty((0, 2))
    step = frame.side / STEPS
    across, up = (np.arange(start, stop + step / 1e6, step) for start, stop in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return np.vstack([np.clip(anchor, low, high), grid])


def _cumulative(films: Floats, frame: Frame) -> NDArray[np.int64]:
    """How many films lie below and left of each corner of a fine grid, int64 [rows + 1, columns + 1]."""
    cell = frame.side / CELLS
    columns, rows = (max(1, round(length / cell)) for length in (frame.right - frame.left, frame.top - frame.bottom))
    bounds = [[frame.bottom, frame.top], [frame.left, frame.right]]
    counts, _, _ = np.histogram2d(films[:, 1], films[:, 0], bins=(rows, columns), range=bounds)
    whole = np.zeros((rows + 1, columns + 1), np.int64)
    whole[1:, 1:] = counts.cumsum(0).cumsum(1)
    return whole


def _covered(places: Floats, size: Floats, counts: NDArray[np.int64], frame: Frame) -> NDArray[np.int64]:
    """How many films each box covers, to within a cell of the grid, int64 [P]."""
    rows, columns = counts.shape
    across = (places[:, :1] + [-size[0] / 2, size[0] / 2] - frame.left) / (frame.right - frame.left) * (columns - 1)
    up = (places[:, 1:] + [-size[1] / 2, size[1] / 2] - frame.bottom) / (frame.top - frame.bottom) * (rows - 1)
    left, right = np.clip(np.rint(across), 0, columns - 1).astype(int).T
    bottom, top = np.clip(np.rint(up), 0, rows - 1).astype(int).T
    return np.asarray(counts[top, right] - counts[top, left] - counts[bottom, right] + counts[bottom, left])
