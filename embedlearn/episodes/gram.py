"""Inner products of a pool, computed once; an episode is then a gather of numbers.

Every head here needs only inner products of support and query films: distances are k(a,a) - 2k(a,b) + k(b,b).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.record import Episodes

Floats = NDArray[np.float64]
WHOLE_UP_TO = 8_000  # films; a float64 matrix of this side takes 512 MB


@dataclass(frozen=True, eq=False)
class GramBlocks:
    """Inner products within e episodes of S support and T query films.

    `query_support`: float64 [e, T, S]. `support_support`: float64 [e, S, S]. `query_query`: float64 [e, T], each
    query with itself. `support_label`: int [S], the slots 0..W-1. `n_way`: W.
    """

    query_support: Floats
    support_support: Floats
    query_query: Floats
    support_label: NDArray[np.int64]
    n_way: int

    @property
    def membership(self) -> Floats:
        """1 where a support film sits in a slot, float64 [S, W]."""
        return np.eye(self.n_way)[self.support_label]

    def squared_distances(self) -> Floats:
        """Squared Euclidean distance from each query to each support film, float64 [e, T, S]."""
        own = np.diagonal(self.support_support, axis1=1, axis2=2)
        squared = self.query_query[:, :, None] - 2 * self.query_support + own[:, None, :]
        return np.maximum(squared, 0, out=squared)


class PoolGram:
    """The inner products of a pool's rows (float [N, D]), whole in memory for a pool of up to 8,000 films.

    A larger pool keeps its rows, and an episode's products are computed when asked for.
    """

    def __init__(self, rows: NDArray[np.floating], whole_up_to: int = WHOLE_UP_TO) -> None:
        self._rows = np.ascontiguousarray(rows, dtype=np.float64)
        self._matrix = self._rows @ self._rows.T if len(rows) <= whole_up_to else None
        self._own = np.einsum("nd,nd->n", self._rows, self._rows) if self._matrix is None else self._matrix.diagonal()

    def blocks(self, episodes: Episodes) -> GramBlocks:
        """The inner products within each of the episodes; ask for some 50 at a time."""
        support, query = episodes.support, episodes.query
        return GramBlocks(
            query_support=self._products(query, support),
            support_support=self._products(support, support),
            query_query=self._own[query],
            support_label=episodes.support_label,
            n_way=episodes.n_way,
        )

    def _products(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> Floats:
        """Inner products of films `left` [e, A] with films `right` [e, B], float64 [e, A, B]."""
        if self._matrix is None:
            return np.asarray(self._rows[left] @ self._rows[right].transpose(0, 2, 1))
        flat = left[:, :, None] * len(self._matrix) + right[:, None, :]
        return np.asarray(self._matrix.ravel().take(flat))


def normalized(rows: Floats) -> Floats:
    """Rows, float64 [N, D], at unit length; a row of zeros stays so."""
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    return np.asarray(rows / np.where(length > 0, length, 1))


def _shifted(rows: Floats, center: Floats | None) -> Floats:
    return np.asarray(rows - rows.mean(axis=0))


def _raw(rows: Floats, center: Floats | None) -> Floats:
    return rows


def _cl2n(rows: Floats, center: Floats | None) -> Floats:
    return normalized(rows if center is None else rows - center)


# What a head's inner products are taken of. Distances and logits with a free intercept do not change when all rows
# shift, and rows about their mean lose fewer digits in k(a,a) - 2k(a,b) + k(b,b).
VIEWS: dict[str, Callable[[Floats, Floats | None], Floats]] = {"shifted": _shifted, "raw": _raw, "cl2n": _cl2n}
