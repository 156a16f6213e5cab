"""Films that several tests draw."""

import numpy as np
from numpy.typing import NDArray


def smooth(height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    """A film without symmetry and without noise, uint8 [height, width]."""
    y, x = np.mgrid[:height, :width]
    film: NDArray[np.float64] = 20 + 100 * y / height + 80 * (x / width) ** 2 + 20 * np.sin(x / 9)
    return film.astype(np.uint8)
