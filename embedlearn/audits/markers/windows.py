"""The lowest and the highest grey around each pixel, in a square: a window is made of two of half its width."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def lowest(values: Floats, width: int) -> Floats:
    """The smallest value within a square of `width` pixels, odd, about each: float32 [h, w] to [h, w]."""
    for _ in range(2):
        values = _lowest_of_rows(values, width).T
    return values


def highest(values: Floats, width: int) -> Floats:
    """The largest value within a square of `width` pixels, odd, about each: float32 [h, w] to [h, w]."""
    return -lowest(-values, width)


def opened(values: Floats, width: int) -> Floats:
    """The film without what is lighter than its ground and narrower than `width`: float32 [h, w] to [h, w]."""
    return highest(lowest(values, width), width)


def _lowest_of_rows(values: Floats, width: int) -> Floats:
    """The smallest of `width` rows about each."""
    found = np.pad(values, ((width // 2, width // 2), (0, 0)), constant_values=np.inf)
    reach = 1
    while reach < width:
        step = min(reach, width - reach)
        found = np.minimum(found[:-step], found[step:])
        reach += step
    return found
