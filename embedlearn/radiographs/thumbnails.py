"""Films averaged down to a few pixels, for comparing whole films."""

import numpy as np
from numpy.typing import NDArray


def thumbnails(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Mean grey of `side` x `side` tiles of films uint8 [N, S, S]; float32 [N, side, side], side at most S."""
    edges = np.linspace(0, pixels.shape[-1], min(side, pixels.shape[-1]) + 1).astype(int)
    rows = np.add.reduceat(pixels, edges[:-1], axis=1, dtype=np.float32)
    sums = np.add.reduceat(rows, edges[:-1], axis=2)
    return np.asarray(sums / np.outer(np.diff(edges), np.diff(edges)), np.float32)
