"""The loops over all pairs of a query and a case: compiled, letting go of the interpreter, so that threads share them.

Distances are plain sums of squared differences, each computed alike wherever its pair stands: two cases with the same
vector are equally far from everything, and an answer does not depend on the block that a query came in.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Singles = NDArray[np.float32]
Codes = NDArray[np.int64]
Keys = NDArray[np.uint64]

TILE = 256  # cases that stay in the nearest caches while all queries of a block meet them
ROW = np.uint64(0xFFFFFFFF)  # the half of a key that holds the row
NOBODY = np.uint64(0xFFFFFFFFFFFFFFFF)  # the key of a case that is no candidate: last of all


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})  # sums in any order, but infinity stays what it is
def squared_distance(a: Singles, b: Singles) -> np.float32:
    """|a - b|^2 of two vectors, float32 [D] each."""
    total = np.float32(0)
    for d in range(a.size):
        difference = a[d] - b[d]
        total += difference * difference
    return total


@njit(cache=True, nogil=True)
def squared_distances(queries: Singles, gallery: Singles) -> Singles:
    """Squared Euclidean distances, float32 [B, N], of vectors [B, D] and [N, D]."""
    distances = np.empty((len(queries), len(gallery)), np.float32)
    for start in range(0, len(gallery), TILE):
        for i in range(len(queries)):
            for j in range(start, min(start + TILE, len(gallery))):
                distances[i, j] = squared_distance(queries[i], gallery[j])
    return distances


@njit(cache=True, nogil=True)
def sort_keys(distances: Singles, asking: Codes, groups: Codes) -> Keys:
    """Numbers, uint64 [B, N], in the order of distance and then of row; the lower half of each is its row.

    `distances`: float32 [B, N], none below 0, whose bits are in their order. A case is no candidate where its group,
    `groups` [N], is the query's, `asking` [B].
    """
    bits = distances.view(np.uint32)
    keys = np.empty(distances.shape, np.uint64)
    for i in range(len(distances)):
        own, high, key = asking[i], bits[i], keys[i]
        for j in range(groups.size):
            key[j] = (np.uint64(high[j]) << np.uint64(32)) | np.uint64(j)
        for j in range(groups.size):  # in a loop of its own, or the first is not vectorised
            if groups[j] == own:
                key[j] = NOBODY
    return keys


@njit(cache=True, nogil=True)
def lowest_elsewhere(keys: Keys, codes: Codes, own: int, k: int) -> Keys:
    """The `k` lowest of keys [N] whose case has another code than `own`, ascending; where there are fewer, NOBODY."""
    lowest = np.full(k, NOBODY)
    for key in keys:
        if key >= lowest[k - 1] or codes[key & ROW] == own:
            continue
        place = k - 1
        while place > 0 and lowest[place - 1] > key:
            lowest[place] = lowest[place - 1]
            place -= 1
        lowest[place] = key
    return lowest


@njit(cache=True, nogil=True)
def average_precision(keys: Keys, codes: Codes, own: int) -> tuple[float, float]:
    """MAP@R and R-precision of one query (Musgrave 2020, arXiv 2003.08505), from the R lowest keys in order.

    R is the number of candidates with the query's own code; `codes` [N] are those of all cases.
    """
    hits, total = 0, 0.0
    for rank in range(keys.size):
        if codes[keys[rank] & ROW] == own:
            hits += 1
            total += hits / (rank + 1)
    return total / keys.size, hits / keys.size
