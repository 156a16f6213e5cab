"""Exact nearest neighbours by Euclidean distance: FAISS finds, and every answer is proved.

From 20 queries on FAISS expands |a - b|^2 = |a|^2 - 2ab + |b|^2, which is fast and rounds otherwise than the plain sum
of squared differences. So FAISS is asked for a few candidates more than wanted, the plain sum is computed for these,
and where rounding could have hidden a nearer vector the query is answered again, plainly. An answer therefore does not
depend on what else is asked, a vector lies at exactly 0 from itself, and of vectors equally far the first comes first.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
MARGIN = 8  # candidates beyond those wanted
FEW = 20  # queries below which FAISS computes plain sums itself
BLOCK = 65_536  # vectors that are copied at a time where only some of all may be found
ROUNDING = 2.0**-24  # of float32, relative


def exact_neighbours(
    queries: Floats, base: Floats, k: int, allowed: NDArray[np.bool_] | None = None
) -> tuple[Floats, Rows]:
    """The `k` nearest rows of `base` (float32 [N, D], perhaps a memory map) of each query (float32 [M, D]).

    `allowed`, bool [N], says which rows may be found. Returns squared distances (float32 [M, k]) and rows (int64
    [M, k]), nearest first and of equal distances the first row first; where there are fewer than `k`, inf and -1.
    """
    import faiss

    rows = None if allowed is None else np.flatnonzero(allowed)
    count = len(base) if rows is None else len(rows)
    found = min(int(k) + MARGIN, count)
    if not found or not len(queries):
        return padded(np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64), k)
    if rows is None:
        coarse, candidates = faiss.knn(queries, base, found)
    elif len(queries) < FEW and count > len(base) // 4:
        coarse, candidates = _selected(queries, base, found, rows)
    else:
        coarse, candidates = _gathered(queries, base, found, rows)
    if len(queries) < FEW and _no_two_alike(coarse[:, : k + 1]):
        return padded(coarse[:, :k], candidates[:, :k], k)
    return certified(queries, base, min(k, count), coarse, candidates, rows, k)


def _no_two_alike(squared: Floats) -> bool:
    """Whether every query's distances grow, and are numbers: then only one order is right."""
    return bool((squared[:, 1:] > squared[:, :-1]).all()) and bool(np.isfinite(squared[:, -1]).all())


def certified(
    queries: Floats, base: Floats, k: int, coarse: Floats, candidates: Rows, rows: Rows | None, width: int
) -> tuple[Floats, Rows]:
    """The `k` nearest of the candidates (int64 [M, C], with rounded squared distances `coarse`, ascending), proved.

    A vector that is no candidate is as far as the last candidate, but for rounding: at most g (2|q| + d)^2 in FAISS's
    sum and g d^2 in the plain one for a vector that lies as near as d, where g = n u / (1 - n u) after n operations
    (Higham 2002, section 3.1). Where that leaves room for a nearer one, or for one as near that comes first, all
    distances of the query are computed. Padded to `width`.
    """
    squared, found = refined(queries, base, k, candidates)
    in_doubt = candidates[:, -1] < 0  # where squares overflow
    if candidates.shape[1] < (len(base) if rows is None else len(rows)):
        last = squared[:, -1].astype(np.float64)
        length = np.sqrt(np.einsum("md,md->m", queries, queries, dtype=np.float64))
        relative = (base.shape[1] + 4) * ROUNDING
        slack = relative / (1 - relative) * ((2 * length + np.sqrt(last)) ** 2 + last)
        in_doubt |= ~(coarse[:, -1] > last + slack)
    for query in np.flatnonzero(in_doubt):
        squared[query], found[query] = _plainly(queries[query], base, k, rows)
    return padded(squared, found, width)


def refined(queries: Floats, base: Floats, k: int, candidates: Rows) -> tuple[Floats, Rows]:
    """The `k` nearest of each query's candidates (int64 [M, C], C >= k, -1 for none), by plain sums of squares."""
    candidates = np.ascontiguousarray(candidates)
    return nearest_first(_plain_sums(queries, base, candidates), candidates, k)


def nearest_first(squared: Floats, rows: Rows, k: int) -> tuple[Floats, Rows]:
    """The first `k` columns in order of distance, of equal distances the lower row first; no row (-1) is far."""
    squared[rows < 0] = np.inf
    order = np.lexsort((rows, squared))[:, :k]
    return np.take_along_axis(squared, order, 1), np.take_along_axis(rows, order, 1)


def padded(squared: Floats, rows: Rows, width: int) -> tuple[Floats, Rows]:
    """Both with `width` columns: inf and -1 where there are fewer."""
    if (short := width - rows.shape[1]) <= 0:
        return squared, rows
    return (
        np.pad(squared, ((0, 0), (0, short)), constant_values=np.inf),
        np.pad(rows, ((0, 0), (0, short)), constant_values=-1),
    )


def _selected(queries: Floats, base: Floats, k: int, rows: Rows) -> tuple[Floats, Rows]:
    """For a few queries among most of the rows: FAISS skips the others."""
    import faiss

    bits = np.zeros(len(base), bool)
    bits[rows] = True
    packed = np.packbits(bits, bitorder="little")
    squared, found = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
    faiss.knn_L2sqr(
        faiss.swig_ptr(queries), faiss.swig_ptr(base), base.shape[1], len(queries), len(base), k,
        faiss.swig_ptr(squared), faiss.swig_ptr(found), None, faiss.IDSelectorBitmap(packed),
    )  # fmt: skip
    return squared, found


def _gathered(queries: Floats, base: Floats, k: int, rows: Rows) -> tuple[Floats, Rows]:
    """For many queries, or among a few of the rows: these are copied block by block, and the blocks' answers joined."""
    import faiss

    squared, found = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(rows), BLOCK):
        part = rows[start : start + BLOCK]
        more, places = faiss.knn(queries, base[part], min(k, len(part)))
        squared, found = np.hstack([squared, more]), np.hstack([found, np.where(places < 0, -1, part[places])])
        squared, found = nearest_first(squared, found, k)
    return squared, found


def _plainly(query: Floats, base: Floats, k: int, rows: Rows | None) -> tuple[Floats, Rows]:
    """The `k` nearest of all rows to one query [D], by plain sums."""
    every = np.arange(len(base), dtype=np.int64) if rows is None else rows
    squared = _plain_sums(query[None], base, every[None])[0]
    near = squared <= np.partition(squared, k - 1)[k - 1]
    squared, found = nearest_first(squared[None, near], every[None, near], k)
    return squared[0], found[0]


def _plain_sums(queries: Floats, base: Floats, candidates: Rows) -> Floats:
    """Squared distances of queries [M, D] to their candidates [M, C]: squared differences, summed."""
    import faiss

    squared = np.empty(candidates.shape, np.float32)
    faiss.fvec_L2sqr_by_idx(
        faiss.swig_ptr(squared), faiss.swig_ptr(queries), faiss.swig_ptr(base), faiss.swig_ptr(candidates),
        base.shape[1], *candidates.shape,
    )  # fmt: skip
    return squared


class ExactIndex:
    """Every distance computed, nothing approximated (FAISS, Douze 2024, arXiv 2401.08281).

    Attributes set by `fit`: `n_samples_`, `n_features_in_`.
    """

    def fit(self, X: ArrayLike) -> Self:
        """Keep the vectors `X` (float [N, D], converted to float32).

        Raises `ArgumentError` where `X` is not a finite, non-empty matrix.
        """
        self._vectors: Any = checked_matrix(X, np.float32)
        if len(self._vectors) == 0:
            raise ArgumentError("X: wanted at least one vector, got none")
        self.n_samples_, self.n_features_in_ = self._vectors.shape
        return self

    def kneighbors(self, X: ArrayLike, k: int) -> tuple[Floats, Rows]:
        """The `k` nearest kept vectors of each row of `X` (float [M, D]), nearest first.

        Returns Euclidean distances (float32 [M, k]) and rows of the fitted matrix (int64 [M, k]).
        Of vectors equally far the first kept comes first. Raises `ArgumentError` where `k` is not in 1..N,
        or `X` is not finite or of another width; `RuntimeError` before `fit`.
        """
        if not hasattr(self, "_vectors"):
            raise RuntimeError("ExactIndex.kneighbors was called before fit")
        vectors = checked_matrix(X, np.float32)
        if vectors.shape[1] != self.n_features_in_:
            raise ArgumentError(f"X: wanted vectors of {self.n_features_in_} numbers, got {vectors.shape[1]}")
        if not 1 <= k <= self.n_samples_:
            raise ArgumentError(f"k: wanted 1 to {self.n_samples_} (the vectors kept), got {k}")
        squared, rows = exact_neighbours(vectors, self._vectors, k)
        return np.sqrt(squared), rows
