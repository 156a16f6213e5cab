"""Burned-in letters, text and boxes, told from a body by their strokes: even, sharp on both sides, of strong contrast.

A stroke is what a top-hat keeps: narrower than `signs.WIDEST` and apart from the ground beside it. Signs have strokes
of nearly one width (Epshtein 2010); bones and vessels have soft edges, wires are long, electrodes are filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.audits.markers.patches import find_patches, rim_of
from embedlearn.audits.markers.signs import Box, Sign, find_signs
from embedlearn.audits.markers.windows import Floats

Kind = Literal["letter", "text", "box"]

LONGEST = 512  # pixels of a film's longer side, at which it is looked at
LINE = 3  # signs beside each other from which on they are a text
NEAR = 0.75  # of the larger sign: how far from it the next one may be
ALIKE = 2.2  # times a sign's size that the next one may have
FILLED = 0.35  # of the rectangle around signs that belong together
STRONG = 75  # greys by which half of a text's signs stand out
APART = 30  # greys between the ink and what lies around all of it: the holes of a letter are no signs
RIM = 4  # pixels around it


class Marker(NamedTuple):
    """A rectangle of a film that holds something burned in, its edges as shares of the film's height and width.

    `kind` is a letter (one sign or two: L, an arrow), a text (three signs or more beside each other) or a box (an even
    rectangle); `bright` is whether its ink is lighter than what lies around it.
    """

    top: float
    left: float
    bottom: float
    right: float
    kind: Kind
    bright: bool


class _Found(NamedTuple):
    """A marker in pixels: of how many signs it is, and by how many greys its ink differs from what lies around it."""

    box: Box
    signs: int
    bright: bool
    apart: float


def find_markers(film: NDArray[np.uint8]) -> tuple[Marker, ...]:
    """The markers of a film uint8 [H, W], from the top down; none overlaps another."""
    grey = _reduced(film)
    height, width = grey.shape
    found = [*_lighter(grey, True), *_lighter(255 - grey, False)]
    return tuple(
        Marker(one.box[0] / height, one.box[1] / width, one.box[2] / height, one.box[3] / width, _kind(one), one.bright)
        for one in sorted(_joined(found))
    )


def _reduced(film: NDArray[np.uint8]) -> Floats:
    """The film as float32 [h, w], no side longer than `LONGEST`."""
    scale = min(1.0, LONGEST / max(film.shape))
    height, width = (max(1, round(side * scale)) for side in film.shape)
    image = Image.fromarray(np.ascontiguousarray(film))
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS), np.float32)


def _lighter(values: Floats, bright: bool) -> Iterator[_Found]:
    """What is lighter than its ground on a film float32 [h, w]; `bright` says whether the film is as it was."""
    for group in _groups(find_signs(values)):
        box = _hull(sign.box for sign in group)
        around = rim_of(box, values, RIM)
        apart = float(np.median([sign.look.ink for sign in group]) - np.median(around)) if len(around) else 0.0
        if apart >= APART:
            yield _Found(box, len(group), bright, apart)
    for box in find_patches(values):
        yield _Found(box, 0, bright, 0.0)


def _kind(found: _Found) -> Kind:
    return "text" if found.signs >= LINE else "letter" if found.signs else "box"


def _groups(signs: Sequence[Sign]) -> Iterator[list[Sign]]:
    """Signs of about one size beside each other, in whatever direction, that are something together; or one alone."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    if not signs:
        return
    boxes = np.array([sign.box for sign in signs])
    sizes = np.array([sign.look.size for sign in signs])
    larger, smaller = np.maximum.outer(sizes, sizes), np.minimum.outer(sizes, sizes)
    down, across = (
        np.maximum.outer(boxes[:, axis], boxes[:, axis]) - np.minimum.outer(boxes[:, axis + 2], boxes[:, axis + 2])
        for axis in (0, 1)
    )
    beside = (np.maximum(down, across) <= NEAR * larger) & (larger <= ALIKE * smaller)
    labels = connected_components(csr_array(beside), directed=False)[1]
    for label in np.unique(labels):
        group = [signs[row] for row in np.flatnonzero(labels == label).tolist()]
        if _together(group):
            yield group
        else:
            yield from ([sign] for sign in group if sign.look.alone)


def _together(group: Sequence[Sign]) -> bool:
    """Whether signs beside each other are one marker: they fill its rectangle, and are of a sign's contrast."""
    top, left, bottom, right = _hull(sign.box for sign in group)
    covered = sum((sign.box[2] - sign.box[0]) * (sign.box[3] - sign.box[1]) for sign in group)
    if covered < FILLED * (bottom - top) * (right - left):
        return False
    if len(group) < LINE:
        return any(sign.look.alone for sign in group)
    return float(np.median([sign.look.contrast for sign in group])) >= STRONG


def _joined(found: Iterable[_Found]) -> list[_Found]:
    """Those that overlap as one: as bright as the one that is furthest from its ground, of the most signs of any."""
    apart: list[_Found] = []
    for one in sorted(found, key=lambda one: -one.apart):
        while met := next((other for other in apart if _overlap(one.box, other.box)), None):
            apart.remove(met)
            one = met._replace(box=_hull([one.box, met.box]), signs=max(one.signs, met.signs))
        apart.append(one)
    return apart


def _overlap(one: Box, other: Box) -> bool:
    return all(one[low] < other[low + 2] and other[low] < one[low + 2] for low in (0, 1))


def _hull(boxes: Iterable[Box]) -> Box:
    tops, lefts, bottoms, rights = zip(*boxes, strict=True)
    return min(tops), min(lefts), max(bottoms), max(rights)
