"""Films averaged down to a few pixels, for comparing whole films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embedlearn.radiographs.cache import Films

BLOCK = 1024  # films read at once


def thumbnails(films: NDArray[np.uint8] | Films, side: int) -> NDArray[np.float32]:
    """Mean grey of `side` x `side` tiles of N films of H x W pixels, uint8; float32 [N, side, side], side at most H, W.

    A film of fewer rows or columns keeps what it has.
    """
    blocks = [_shrink(films[slice(start, start + BLOCK)], side) for start in range(0, len(films), BLOCK)]
    return np.concatenate(blocks) if blocks else np.zeros((0, side, side), np.float32)


def _shrink(pixels: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    down, across = (np.linspace(0, length, min(side, length) + 1).astype(int) for length in pixels.shape[1:])
    rows = np.add.reduceat(pixels, down[:-1], axis=1, dtype=np.float32)
    sums = np.add.reduceat(rows, across[:-1], axis=2)
    return np.asarray(sums / np.outer(np.diff(down), np.diff(across)), np.float32)
