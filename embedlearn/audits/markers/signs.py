"""Single signs of a film: connected strokes of one width, sharp on both sides, far lighter than the ground."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.markers.windows import Floats, highest, opened

Bools = NDArray[np.bool_]
Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels

WIDEST = 17  # pixels: a stroke is narrower
LIFT = 40  # greys, at least, by which a stroke stands out from the ground beside it; and half of what those near it do
FAINTEST = 55  # greys by which a sign stands out
BEYOND = 2  # times the film's own detail by which it does: what 97 of 100 pixels stand out by at most
SMALLEST, LARGEST = 5, 72  # pixels of a sign's longer side
AROUND = 3  # pixels that are looked at around a sign
WHOLE = np.ones((3, 3), np.bool_)  # pixels that touch by a corner are of one sign


class Look(NamedTuple):
    """What tells a sign from a part of the body or of a device.

    `ink` is its grey and `contrast` what it stands out by; `slope` of its edge a pixel, `grain` within it and `ground`
    around it are shares of the contrast; `spread` of its stroke's width is one of that width, `length` of its strokes
    one of its longer side, `fill` one of its rectangle. `size` and `thin` are its longer and shorter side in pixels.
    """

    ink: float
    contrast: float
    slope: float
    grain: float
    ground: float
    spread: float
    length: float
    fill: float
    size: int
    thin: int

    @property
    def drawn(self) -> bool:
        """Whether it may be a sign among others: sharp, even, on even ground, of one stroke."""
        return self.slope >= 0.4 and self.grain <= 0.35 and self.ground <= 0.5 and self.spread <= 0.6

    @property
    def alone(self) -> bool:
        """Whether it is a sign though none stands beside it: more of all that, and neither a bar nor a blot."""
        return (
            self.drawn and self.contrast >= 80 and self.slope >= 0.45 and self.grain <= 0.25 and self.ground <= 0.42
            and self.size >= 7 and self.thin >= 4 and self.length >= 1.3 and 0.1 <= self.fill <= 0.8
        )  # fmt: skip


class Sign(NamedTuple):
    """A sign's rectangle, and what it looks like."""

    box: Box
    look: Look


def find_signs(values: Floats) -> list[Sign]:
    """The signs of a film float32 [h, w], 0 to 255, that are lighter than what lies around them."""
    return [sign for sign in _strokes(values) if sign.look.drawn]


def _strokes(values: Floats) -> Iterator[Sign]:
    """All that stands out of the film and is of a sign's size."""
    from scipy import ndimage

    lift = values - opened(values, WIDEST)
    strokes = lift > np.maximum(LIFT, highest(lift, WIDEST) / 2)
    faintest = max(FAINTEST, BEYOND * float(np.quantile(lift, 0.97)))
    slope = np.hypot(*np.gradient(values))
    steepest = highest(slope, 3)
    labels, _ = ndimage.label(strokes, WHOLE)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), 1):
        size = max(rows.stop - rows.start, columns.stop - columns.start)
        part = _widened(rows), _widened(columns)
        mask = labels[part] == number
        if SMALLEST <= size <= LARGEST and lift[part][mask].max() >= faintest:
            others = strokes[part] & ~mask
            look = _look_of(mask, others, values[part], lift[part], steepest[part])
            if look.contrast >= faintest:
                yield Sign((rows.start, columns.start, rows.stop, columns.stop), look)


def _look_of(mask: Bools, others: Bools, values: Floats, lift: Floats, steepest: Floats) -> Look:
    """What the sign under a mask looks like, `others` beside it, all [h, w]: its rectangle widened by `AROUND`."""
    from scipy import ndimage
    from skimage.morphology import skeletonize

    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    core, rim = mask & (depth >= min(2, depth.max())), mask & (depth <= 1)
    near, far = (ndimage.binary_dilation(mask, WHOLE, iterations=count) for count in (1, AROUND))
    ground = values[far & ~near & ~ndimage.binary_dilation(others, WHOLE)]
    contrast = float(np.median(lift[core]))
    spine: Bools = skeletonize(mask)  # type: ignore[no-untyped-call]
    widths = 2 * depth[spine] - 1
    sides = [int(np.ptp(np.flatnonzero(mask.any(axis)))) + 1 for axis in (0, 1)]
    return Look(
        ink=float(np.median(values[core])),
        contrast=contrast,
        slope=float(steepest[rim].mean()) / contrast,
        grain=float(values[core].std()) / contrast,
        ground=float(ground.std()) / contrast if len(ground) else 0.0,
        spread=float(widths.std() / widths.mean()),
        length=float(spine.sum() + widths.mean()) / max(sides),
        fill=float(mask.sum()) / (sides[0] * sides[1]),
        size=max(sides),
        thin=min(sides),
    )


def _widened(span: slice) -> slice:
    return slice(max(span.start - AROUND, 0), span.stop + AROUND)
