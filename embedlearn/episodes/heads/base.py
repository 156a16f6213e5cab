"""What every head has in common: checks, and one rule from scores to probabilities to labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import column_or_1d

from embedlearn.episodes.estimator_input import asked_rows, fitted_rows
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.space import Floats, Space
from embedlearn.errors import ArgumentError

Ints = NDArray[np.int64]
Learnt = TypeVar("Learnt")


class EpisodeHead(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is untyped
    """A classifier on embeddings that also answers many episodes of one space at once.

    A head of your own writes `fit`, `class_scores` and `episode_scores` (`InductiveHead` and `TransductiveHead` are
    shorter ways to all three); `decision_function`, `predict_proba` and `predict` follow from `class_scores`.
    Predicting keeps nothing: asked twice, it answers the same.
    Attributes set by `fit`: `classes_` (labels, sorted), `n_features_in_`.
    """

    transductive: ClassVar[bool] = False
    """Whether the answer to a query may depend on the other queries asked with it."""
    episodes_at_once: ClassVar[int] = 50
    """Episodes to hand over in one call: what their embeddings take stays in a core's cache."""

    @abstractmethod
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Learn from support films `X` (float [S, D]) with labels `y` ([S], of any sortable kind).

        Raises `ArgumentError` where X is not finite or does not fit y, or a setting has a value of no use.
        """

    @abstractmethod
    def class_scores(self, X: ArrayLike) -> Floats:
        """A score for each of `classes_` and each query film of `X` (float [T, D]), float64 [T, W].

        Scores are logarithms of probabilities up to a constant a film. Raises `ArgumentError` where X is not finite
        or of another width, `NotFittedError` before `fit`.
        """

    @abstractmethod
    def episode_scores(self, space: Space, episodes: Episodes) -> NDArray[np.floating]:
        """What `fit` and `class_scores` give in each episode, float [E, T, W] by slot, up to a constant a film.

        Films of the episodes are rows of `space`.
        """

    def decision_function(self, X: ArrayLike) -> Floats:
        """`class_scores`; for two classes, as scikit-learn has it, the lead of the second, float64 [T]."""
        scores = self.class_scores(X)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Probability of each of `classes_` for query films `X` (float [T, D]), float64 [T, W]; errors as above."""
        return np.asarray(softmax(self.class_scores(X), axis=1))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The label of the highest score for each query film in `X` (float [T, D]), [T]; errors as above.

        Of equal scores the first wins.
        """
        chosen = self.class_scores(X).argmax(axis=1)
        return np.asarray(self.classes_[chosen])

    def _support(self, X: ArrayLike, y: ArrayLike) -> tuple[Floats, Ints]:
        """Checked rows, float64 [S, D], and each one's place in `classes_`, int [S]; sets what `fit` sets."""
        rows = fitted_rows(self, X, np.float64)
        self.classes_, codes = np.unique(_labels(self, y, len(rows)), return_inverse=True)
        if (ways := len(self.classes_)) < 2:
            raise ArgumentError(f"y: wanted two classes or more, got {ways} class; give films of another class too")
        return rows, codes

    def _query(self, X: ArrayLike) -> Floats:
        """Checked query rows of the fitted width, float64 [T, D]."""
        return asked_rows(self, X, np.float64)


def _labels(estimator: EpisodeHead, y: ArrayLike | None, films: int) -> NDArray[Any]:
    """A label for each of so many films, [films]; a column of them is taken too, with scikit-learn's warning.

    Raises `ArgumentError`.
    """
    if y is None:
        name = type(estimator).__name__
        raise ArgumentError(f"y: {name} requires y to be passed, but the target y is None; give each film's label")
    labels = np.asarray(y)
    if labels.shape == (films, 1):
        labels = column_or_1d(labels, warn=True)
    if labels.shape != (films,):
        raise ArgumentError(f"y: wanted one label for each of the {films} rows of X, got shape {labels.shape}")
    if labels.dtype.kind == "f" and (labels != np.floor(labels)).any():
        raise ArgumentError("y: Unknown label type: continuous; wanted a class for each film, got fractions")
    return labels


class InductiveHead(EpisodeHead, Generic[Learnt]):
    """A head written as two functions over many episodes: what the support teaches, and the scores of queries.

    A query gets the same answer alone and in a batch. Attribute set by `fit`: `learnt_`, of one episode.
    """

    @abstractmethod
    def learn(self, support: NDArray[np.floating], label: Ints, n_way: int) -> Learnt:
        """From support films, float [e, S, D], and the slot of each, int [S]; every slot 0..W-1 has a film."""

    @abstractmethod
    def respond(self, learnt: Learnt, query: NDArray[np.floating]) -> Floats:
        """Scores of the query films, float [e, T, D], in what was learnt of the same episodes: float64 [e, T, W]."""

    def check(self) -> None:  # most heads have nothing to check
        """Raise `ArgumentError` for a setting of no use."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.check()
        rows, codes = self._support(X, y)
        self.learnt_ = self.learn(rows[None], codes, len(self.classes_))
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        return np.asarray(self.respond(self.learnt_, rows[None])[0])

    def episode_scores(self, space: Space, episodes: Episodes) -> Floats:
        self.check()
        learnt = self.learn(space.rows[episodes.support], episodes.support_label, episodes.n_way)
        return self.respond(learnt, space.rows[episodes.query])


class TransductiveHead(EpisodeHead):
    """A head that looks at all queries of an episode together, written as one function over many episodes.

    What it answers to a film depends on the films asked with it, and many such methods profit from queries that hold
    the classes in equal parts, as no clinic's do (Veilleux 2021, arXiv 2204.11181).
    """

    transductive: ClassVar[bool] = True

    @abstractmethod
    def answer(self, support: NDArray[np.floating], label: Ints, query: NDArray[np.floating], n_way: int) -> Floats:
        """Scores float64 [e, T, W] of query films [e, T, D], from support films [e, S, D] with slots int [S]."""

    def check(self) -> None:  # most heads have nothing to check
        """Raise `ArgumentError` for a setting of no use."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.check()
        self._rows, self._codes = self._support(X, y)
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        return np.asarray(self.answer(self._rows[None], self._codes, rows[None], len(self.classes_))[0])

    def episode_scores(self, space: Space, episodes: Episodes) -> Floats:
        self.check()
        support, query = space.rows[episodes.support], space.rows[episodes.query]
        return self.answer(support, episodes.support_label, query, episodes.n_way)
