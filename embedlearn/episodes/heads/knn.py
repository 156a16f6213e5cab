"""A vote among the nearest support films."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.gram import Floats, GramBlocks
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import ExactIndex

TIE = 1e-6  # of all votes, given to the winner of a tie: far below one vote, far above rounding


class KNNClassifier(EpisodeHead):
    """The k nearest neighbours vote (Cover and Hart 1967; by inverse distance: Dudani 1976), on an exact FAISS index.

    `k`: voters, at most the number of support films. `weights`: `majority` (one voice each) or `distance`
    (1 / distance; films at distance zero, where there are any, vote alone).
    A probability is a share of the votes. Of classes with equal votes the one with the nearest film wins,
    and its probability is raised by 1e-6.
    """

    def __init__(self, k: int = 5, weights: str = "majority") -> None:
        self.k = k
        self.weights = weights

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        if self.weights not in WEIGHTS:
            raise ArgumentError(f"weights: wanted one of {', '.join(WEIGHTS)}, got {self.weights!r}")
        rows, self._codes = self._support(X, y)
        if not 1 <= self.k <= len(rows):
            raise ArgumentError(f"k: wanted 1 to {len(rows)} (the support films), got {self.k}")
        self._index = ExactIndex().fit(rows)
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        distances, indices = self._index.kneighbors(rows, self.k)
        return _votes(WEIGHTS[self.weights](distances.astype(np.float64)), self._codes[indices], len(self.classes_))

    @property
    def view(self) -> str:
        return "shifted"

    def episode_proba(self, gram: GramBlocks) -> Floats:
        squared = gram.squared_distances()
        nearest = np.sort(squared.argpartition(self.k - 1, axis=2)[:, :, : self.k], axis=2)
        distances = np.sqrt(np.take_along_axis(squared, nearest, axis=2))
        order = distances.argsort(axis=2, kind="stable")
        voters = gram.support_label[np.take_along_axis(nearest, order, axis=2)]
        return _votes(WEIGHTS[self.weights](np.take_along_axis(distances, order, axis=2)), voters, gram.n_way)


def _one_voice(distances: Floats) -> Floats:
    return np.ones_like(distances)


def _inverse_distance(distances: Floats) -> Floats:
    zero = distances == 0
    inverse = 1 / np.where(zero, 1, distances)
    return np.where(zero.any(axis=-1, keepdims=True), zero, inverse)


WEIGHTS: dict[str, Callable[[Floats], Floats]] = {"majority": _one_voice, "distance": _inverse_distance}


def _votes(weights: Floats, voters: NDArray[np.int64], n_way: int) -> Floats:
    """Shares of votes, float64 [..., W], from weights and classes (int) of the voters, both [..., k], nearest first."""
    votes = np.stack([np.where(voters == slot, weights, 0).sum(axis=-1) for slot in range(n_way)], axis=-1)
    votes /= votes.sum(axis=-1, keepdims=True)
    tied = votes >= votes.max(axis=-1, keepdims=True) - TIE / 2
    leading = np.take_along_axis(tied, voters, axis=-1).argmax(axis=-1)[..., None]
    winner = np.take_along_axis(voters, leading, axis=-1)
    raised = np.where(tied.sum(axis=-1, keepdims=True) > 1, TIE, 0.0)
    np.put_along_axis(votes, winner, np.take_along_axis(votes, winner, axis=-1) + raised, axis=-1)
    return np.asarray(votes / votes.sum(axis=-1, keepdims=True))
