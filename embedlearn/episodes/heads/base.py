"""What every head has in common: checks, and one rule from probabilities to labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from embedlearn.arrays import checked_matrix
from embedlearn.episodes.gram import Floats, GramBlocks
from embedlearn.errors import ArgumentError


class EpisodeHead(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is untyped
    """A classifier on embeddings that also answers many episodes at once from their inner products.

    Predicting keeps nothing: a query gets the same answer alone, in a batch, and asked twice.
    Attributes set by `fit`: `classes_` (labels, sorted), `n_features_in_`.
    """

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from support films `X` (float [S, D]) with labels `y` ([S], of any sortable kind).

        Raises `ArgumentError` where X is not finite or does not fit y, or a setting has a value of no use.
        """

    @abstractmethod
    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probability of each of `classes_` for query films `X` (float [T, D]), float64 [T, W].

        Raises `ArgumentError` where X is not finite or of another width, `NotFittedError` before `fit`.
        """

    @property
    @abstractmethod
    def view(self) -> str:
        """Which rows the inner products of `episode_proba` are taken of: a name in `gram.VIEWS`."""

    @abstractmethod
    def episode_proba(self, gram: GramBlocks) -> Floats:
        """What `fit` and `predict_proba` give in each of e episodes, float64 [e, T, W], from inner products alone."""

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each query film in `X` (float [T, D]), [T]; the first of equally probable ones.

        Raises as `predict_proba` does.
        """
        chosen = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def _support(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
        """Checked rows, float64 [S, D], and each one's place in `classes_`, int [S]; sets what `fit` sets."""
        rows = checked_matrix(X, np.float64)
        labels = np.asarray(y)
        if labels.shape != (len(rows),):
            raise ArgumentError(f"y: wanted one label for each of the {len(rows)} rows of X, got shape {labels.shape}")
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ArgumentError(f"y: wanted two classes or more, got {len(self.classes_)}")
        self.n_features_in_ = rows.shape[1]
        return rows, codes

    def _query(self, X: ArrayLike) -> Floats:
        """Checked query rows of the fitted width, float64 [T, D]."""
        check_is_fitted(self, "classes_")
        rows = checked_matrix(X, np.float64)
        if rows.shape[1] != self.n_features_in_:
            raise ArgumentError(f"X: wanted embeddings of {self.n_features_in_} numbers as in fit, got {rows.shape[1]}")
        return rows
