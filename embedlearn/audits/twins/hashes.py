"""Perceptual hashes: low frequencies of a film, as vectors to be near each other and as bits to be looked up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Pairs = NDArray[np.int64]

FREQUENCIES = 10  # each way, of a vector
BITS, BANDS = 256, 16
MOST_BITS = 48  # that two hashes of one picture may differ by
IN_A_ROW = 8  # films of one band, in the order of their hashes, that are compared
BLOCK = 4_096  # films transformed at a time
SHRINKAGE = 0.05  # of the mean variance, added in whitening: rare directions are mostly noise


class Crop(NamedTuple):
    """A part of a film: the first row and column, and its side, as shares of the film's."""

    top: float
    left: float
    side: float


WHOLE = Crop(0.0, 0.0, 1.0)


def frequencies(planes: NDArray[np.int8], crop: Crop, count: int) -> Floats:
    """The first `count` x `count` cosine coefficients, less the mean, of a crop of `planes` [N, S, S]: float32 [N, F].

    Cropping, resampling and the cosine transform (DCT-II, Ahmed 1974) are one matrix from either side.
    """
    side = planes.shape[1]
    left = _cosines(side, count) @ _crop_matrix(side, crop.top, crop.side)
    right = _cosines(side, count) @ _crop_matrix(side, crop.left, crop.side)
    found = np.empty((len(planes), count * count - 1), np.float32)
    for start in range(0, len(planes), BLOCK):
        part = left @ planes[start : start + BLOCK].astype(np.float32) @ right.T
        found[start : start + BLOCK] = part.reshape(len(part), -1)[:, 1:]
    return found


class Whitening(NamedTuple):
    """What makes vectors of different films unlike: the mean of all [F], and a matrix [F, F] that levels variances."""

    mean: Floats
    matrix: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Whitened vectors of unit length, float32 [N, F]; one of no structure is all zeros."""
        white = (vectors - self.mean) @ self.matrix
        length = np.linalg.norm(white, axis=1, keepdims=True)
        blank = ~vectors.any(1, keepdims=True)
        return np.asarray(np.where(blank, 0, white / np.maximum(length, 1e-9)), np.float32)


def whitening(vectors: Floats) -> Whitening:
    """The whitening of `vectors`, float32 [N, F]."""
    mean = vectors.mean(0)
    centred = vectors - mean
    covariance = (centred.T @ centred).astype(np.float64) / max(len(vectors) - 1, 1)
    values, axes = np.linalg.eigh(covariance)
    shrinkage = SHRINKAGE + len(mean) / max(len(vectors), 1)  # of a few films all directions are
    scale = 1 / np.sqrt(np.maximum(values, 0) + shrinkage * values.mean() + 1e-12)
    return Whitening(mean, np.asarray(axes * scale, np.float32))


def hash_bits(planes: NDArray[np.int8]) -> NDArray[np.uint64]:
    """256 signs of low frequencies, uint64 [N, 4]; each band of 16 neighbouring bits holds low and high ones."""
    count = 18
    order = np.add.outer(np.arange(count), np.arange(count)).reshape(-1)[1:].argsort(kind="stable")[:BITS]
    order = order.reshape(-1, BANDS).T.reshape(-1)
    positive = frequencies(planes, WHOLE, count)[:, order] > 0
    return np.ascontiguousarray(np.packbits(positive, axis=1)).view(np.uint64)


def alike_hashes(hashes: NDArray[np.uint64]) -> Pairs:
    """Pairs int64 [P, 2] of hashes [N, 4] that share a band and differ by at most `MOST_BITS`.

    Multi-index look-up (Norouzi 2012): what differs little is the same in one of the bands. Within a band films are
    sorted by their hashes, and each is compared with the next `IN_A_ROW` alone, so that the work grows as N log N.
    """
    bands = hashes.view(np.uint16)
    found = []
    for band in range(BANDS):
        order = np.lexsort(np.vstack([hashes.T, bands[:, band]]))
        for step in range(1, min(IN_A_ROW, len(order) - 1) + 1):
            first, second = order[:-step], order[step:]
            same = bands[first, band] == bands[second, band]
            found.append(np.stack([first[same], second[same]], 1))
    pairs = np.unique(np.sort(np.concatenate(found or [np.empty((0, 2), np.int64)]), axis=1), axis=0)
    apart = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]).sum(1)
    return np.asarray(pairs[apart <= MOST_BITS], np.int64)


def _cosines(side: int, count: int) -> Floats:
    """The first rows of the orthonormal DCT-II, float32 [count, side]."""
    angles = np.pi / side * np.outer(np.arange(count), np.arange(side) + 0.5)
    rows = np.cos(angles) * np.sqrt(2 / side)
    rows[0] /= np.sqrt(2)
    return np.asarray(rows, np.float32)


def _crop_matrix(side: int, start: float, share: float) -> Floats:
    """What stretches so much of a line of `side` pixels over the whole line, linearly: float32 [side, side]."""
    at = np.clip((start + (np.arange(side) + 0.5) / side * share) * side - 0.5, 0, side - 1)
    before = np.minimum(at.astype(int), side - 2)
    matrix = np.zeros((side, side), np.float32)
    matrix[np.arange(side), before] = 1 - (at - before)
    matrix[np.arange(side), before + 1] += at - before
    return matrix
