"""How strongly films belong to each other in UMAP (McInnes 2018, arXiv 1802.03426), compiled once and kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Doubles = NDArray[np.float64]
NARROWEST = 1e-3  # width of a neighbourhood against the mean distance in it


def fuzzy_graph(squared: Floats, found: Rows) -> Any:
    """The fuzzy union of all films' neighbourhoods, a sparse matrix [N, N] of strengths in 0..1.

    `squared` (distances) and `found`, [N, k - 1] each: every film's neighbours, nearest first, without itself; k is
    UMAP's number of neighbours, which counts the film. Every film belongs wholly to the nearest that is not its equal.
    """
    count, width = found.shape
    distances = np.sqrt(squared, dtype=np.float64)
    nearest = np.where(distances > 0, distances, np.inf).min(axis=1)
    nearest[np.isinf(nearest)] = 0
    strengths = memberships(distances, nearest, np.log2(width + 1)).astype(np.float32)
    start = np.arange(0, count * width + 1, width)
    graph = csr_array((strengths.reshape(-1), found.reshape(-1), start), shape=(count, count))
    graph.sort_indices()
    other = graph.T.tocsr()
    return graph + other - graph.multiply(other)


@njit(cache=True, nogil=True)
def memberships(distances: Doubles, nearest: Doubles, total: float) -> Doubles:
    """exp(-max(0, d - r) / s) of distances [M, k], r each film's `nearest` [M] and s such that they sum to `total`.

    Where no distance is a number above 0, all are 1.
    """
    strengths = np.ones(distances.shape)
    for i in range(len(distances)):
        mean = distances[i].mean()
        if not 0 < mean < np.inf:
            continue
        beyond = np.maximum(distances[i] - nearest[i], 0)
        low, high, width = 0.0, np.inf, mean
        for _ in range(64):
            found = np.exp(-beyond / width).sum()
            if abs(found - total) < 1e-5:
                break
            if found > total:
                high = width
            else:
                low = width
            width = 2 * width if high == np.inf else (low + high) / 2
        strengths[i] = np.exp(-beyond / max(width, NARROWEST * mean))
    return strengths
