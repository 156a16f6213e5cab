"""Films made comparable: margins cut off, stretched to one square, and what is slow or strong in them levelled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FLAT = 4.0  # standard deviation of the greys of a row or column that is margin
MOST_MARGIN = 0.3  # of a side
FAINT = 2.0  # grey levels of structure that count as none


def trimmed(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The film [H, W] without the rows and columns at its sides that are of one grey, black or white margins."""
    for _ in range(2):  # once a margin above is gone, one beside it may be seen
        rows, columns = (_inner(film.std(axis=axis)) for axis in (1, 0))
        film = film[rows, columns]
    return film


def _inner(deviations: NDArray[np.float64]) -> slice:
    """From the first to the last line that is no margin; margins wider than `MOST_MARGIN` are left."""
    most = int(MOST_MARGIN * len(deviations))
    kept = deviations > FLAT
    start = int(np.argmax(kept[: most + 1])) if kept[: most + 1].any() else 0
    back = int(np.argmax(kept[::-1][: most + 1])) if kept[::-1][: most + 1].any() else 0
    return slice(start, len(deviations) - back)


def squared(film: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """The film [H, W] stretched to float32 [side, side]."""
    from PIL import Image

    resized = Image.fromarray(film).resize((side, side), Image.Resampling.BILINEAR)  # averages where it shrinks
    return np.asarray(resized, np.float32)


def levelled(planes: NDArray[np.float32], reach: float) -> NDArray[np.float32]:
    """Planes [N, S, S] less their Gaussian mean over `reach` pixels, divided by the deviation from it over twice that.

    Brightness and contrast, of the whole film or of a part, leave little trace; where there is no structure it is 0.
    """
    from scipy.ndimage import gaussian_filter

    fine = planes - gaussian_filter(planes, reach, mode="nearest", truncate=3, axes=(1, 2))
    strength = np.sqrt(gaussian_filter(fine * fine, 2 * reach, mode="nearest", truncate=3, axes=(1, 2)))
    return np.asarray(fine / (strength + FAINT), np.float32)
