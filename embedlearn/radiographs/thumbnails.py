"""Films averaged down to a few pixels, for comparing whole films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embedlearn.radiographs.cache import Films

BLOCK = 1024  # films read at once


def thumbnails(films: NDArray[np.uint8] | Films, side: int) -> NDArray[np.float32]:
    """Mean grey of `side` x `side` tiles of N films of S x S pixels, uint8; float32 [N, side, side], side at most S."""
    blocks = [_shrink(films[slice(start, start + BLOCK)], side) for start in range(0, len(films), BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros((0, side, side), np.float32)


def _shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    edges = np.linspace(0, pixels.shape[-1], min(side, pixels.shape[-1]) + 1).astype(int)
    rows = np.add.reduceat(pixels, edges[:-1], axis=1, dtype=np.float32)
    sums = np.add.reduceat(rows, edges[:-1], axis=2)
    return np.asarray(sums / np.outer(np.diff(edges), np.diff(edges)), np.float32)
