"""Exact nearest neighbours by Euclidean distance, on a flat FAISS index."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError

# From 20 queries on FAISS expands |a - b|^2 = |a|^2 - 2ab + |b|^2, which rounds otherwise than the plain sum:
# below that a query gets the same answer alone and in a batch, and a vector lies at exactly 0 from itself.
QUERIES_AT_ONCE = 19


class ExactIndex:
    """Every distance computed, nothing approximated (FAISS `IndexFlatL2`, Douze 2024, arXiv 2401.08281).

    Attributes set by `fit`: `n_samples_`, `n_features_in_`.
    """

    def fit(self, X: ArrayLike) -> ExactIndex:
        """Keep the vectors `X` (float [N, D], converted to float32).

        Raises `ArgumentError` where `X` is not a finite, non-empty matrix.
        """
        import faiss

        vectors = checked_matrix(X, np.float32)
        if len(vectors) == 0:
            raise ArgumentError("X: wanted at least one vector, got none")
        self.n_samples_, self.n_features_in_ = vectors.shape
        self._index: Any = faiss.IndexFlatL2(self.n_features_in_)
        self._index.add(vectors)
        return self

    def kneighbors(self, X: ArrayLike, k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """The `k` nearest kept vectors of each row of `X` (float [M, D]), nearest first.

        Returns Euclidean distances (float32 [M, k]) and rows of the fitted matrix (int64 [M, k]).
        Of vectors equally far the first kept comes first. Raises `ArgumentError` where `k` is not in 1..N,
        or `X` is not finite or of another width; `RuntimeError` before `fit`.
        """
        if not hasattr(self, "_index"):
            raise RuntimeError("ExactIndex.kneighbors was called before fit")
        vectors = checked_matrix(X, np.float32)
        if vectors.shape[1] != self.n_features_in_:
            raise ArgumentError(f"X: wanted vectors of {self.n_features_in_} numbers, got {vectors.shape[1]}")
        if not 1 <= k <= self.n_samples_:
            raise ArgumentError(f"k: wanted 1 to {self.n_samples_} (the vectors kept), got {k}")
        squared = np.empty((len(vectors), k), np.float32)
        indices = np.empty((len(vectors), k), np.int64)
        for start in range(0, len(vectors), QUERIES_AT_ONCE):
            part = slice(start, start + QUERIES_AT_ONCE)
            squared[part], indices[part] = self._index.search(vectors[part], k)
        order = np.lexsort((indices, squared))
        return np.sqrt(np.take_along_axis(squared, order, 1)), np.take_along_axis(indices, order, 1)
