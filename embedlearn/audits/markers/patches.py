"""Even rectangles of the lightest grey: the ground of a label, or what hides a name."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from embedlearn.audits.markers.signs import Box
from embedlearn.audits.markers.windows import Floats, highest, lowest

LIGHTEST = 243  # greys from which on a rectangle may be one
EVEN = 8  # greys by which its pixels differ from those beside them, as JPEG makes them
SHORTEST, LONGEST = 10, 0.4  # pixels of its shorter side; its longer one as a share of the film's longer side
FILLED = 0.92  # of its rectangle, writing in it counted
APART = 40  # greys by which what lies around it is darker
SEEN = 0.8  # of what lies around it that is so
RIM = 3  # pixels around it that are looked at, the first of which are its blurred edge
EDGES = 2  # of the film's four that it may touch


def find_patches(values: Floats) -> Iterator[Box]:
    """The rectangles of a film float32 [h, w], 0 to 255, that are even, of the lightest grey, and end on all sides."""
    from scipy import ndimage

    even = highest(values, 3) - lowest(values, 3) <= EVEN
    labels, _ = ndimage.label(even & (values >= LIGHTEST))
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        box = _with_edge(rows, columns, values)
        sides = box[2] - box[0], box[3] - box[1]
        if min(sides) < SHORTEST or max(sides) > LONGEST * max(values.shape):
            continue
        filled = ndimage.binary_fill_holes(labels[rows, columns] == number)
        if filled.mean() >= FILLED and _ends(box, values):
            yield box


def _with_edge(rows: slice, columns: slice, values: Floats) -> Box:
    """The rectangle with its outermost pixels, which are not even."""
    height, width = values.shape
    return max(rows.start - 1, 0), max(columns.start - 1, 0), min(rows.stop + 1, height), min(columns.stop + 1, width)


def _ends(box: Box, values: Floats) -> bool:
    """Whether most of what lies around a rectangle is darker."""
    around = rim_of(box, values, RIM, 1)
    height, width = values.shape
    touched = (box[0] == 0) + (box[1] == 0) + (box[2] == height) + (box[3] == width)
    return touched <= EDGES and len(around) > 0 and float((around <= LIGHTEST - APART).mean()) >= SEEN


def rim_of(box: Box, values: Floats, reach: int, start: int = 0) -> Floats:
    """The values from `start` to `reach` pixels outside a rectangle, as far as the film goes: float32 [K]."""
    outer = np.zeros(values.shape, np.bool_)
    for pixels, inside in ((reach, True), (start, False)):
        top, left, bottom, right = box[0] - pixels, box[1] - pixels, box[2] + pixels, box[3] + pixels
        outer[max(top, 0) : bottom, max(left, 0) : right] = inside
    return values[outer]
