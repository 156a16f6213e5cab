"""A vote among the nearest support films."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.space import Floats, Singles, Space, joined
from embedlearn.episodes.voting import neighbour_scores, votes_of_nearest
from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import ExactIndex

WEIGHTS = ("majority", "distance")


class KNNClassifier(EpisodeHead):
    """The k nearest neighbours vote (Cover and Hart 1967; by inverse distance: Dudani 1976), on an exact FAISS index.

    `k`: voters, at most the number of support films. `weights`: `majority` (one voice each) or `distance`
    (1 / distance; films at distance zero, where there are any, vote alone).
    A probability is (k * share of the votes + `smoothing`) / (k + W * `smoothing`): with 1 it is Laplace's rule of
    succession, so that one neighbour is no certainty; with 0 the share itself, as scikit-learn has it.
    Of classes with equal votes the one with the nearest film wins, by 1e-6 in its score.
    """

    episodes_at_once = 5_000

    def __init__(self, k: int = 5, weights: str = "majority", smoothing: float = 1.0) -> None:
        self.k = k
        self.weights = weights
        self.smoothing = smoothing

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        rows, self._codes = self._support(X, y)
        self._check(len(rows))
        self._index = ExactIndex().fit(rows)
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        distances, indices = self._index.kneighbors(rows, self.k)
        voters = self._codes[indices]
        with np.errstate(divide="ignore"):  # no vote and no smoothing: a probability of 0, a score of minus infinity
            scores = votes_of_nearest(
                distances, voters, self.weights == "distance", float(self.smoothing), len(self.classes_)
            )
        return scores.astype(np.float64)

    def episode_scores(self, space: Space, episodes: Episodes) -> Singles:
        """As fit and class_scores give, from the products of all pairs, which are computed once."""
        self._check(episodes.support.shape[1])
        parts = [
            neighbour_scores(
                each.matrix, each.start, each.place, each.support, each.first, each.query_length, each.support_length,
                self.k, self.weights == "distance", float(self.smoothing),
            )
            for each in space.products("shifted", episodes)
        ]  # fmt: skip
        return joined(parts).reshape(*episodes.query.shape, episodes.n_way)

    def _check(self, films: int) -> None:
        if self.weights not in WEIGHTS:
            raise ArgumentError(f"weights: wanted one of {', '.join(WEIGHTS)}, got {self.weights!r}")
        if not 1 <= self.k <= films:
            raise ArgumentError(f"k: wanted 1 to {films} (the support films), got {self.k}")
        if not 0 <= self.smoothing < np.inf:
            raise ArgumentError(f"smoothing: wanted 0 or more, got {self.smoothing}")
