"""The linear probe."""

from __future__ import annotations

import warnings
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.space import Floats, Space
from embedlearn.errors import ArgumentError

TOLERANCE = 1e-9  # of the gradient's first length
STEPS = 60  # of all episodes together; those unsolved are then solved one by one, about their own Hessians
NEWTON_STEPS, NEWTON_ROUNDS = 8, 20
MEMORY = 8  # pairs that L-BFGS remembers
MOST_HALVINGS = 60
ARMIJO = 1e-4  # share of the promised descent that a step must keep
ROUNDING = 1e-13  # of the loss: what two equal losses may differ by
JITTER = 1e-11  # of a film's squared length, for twins and for more films than dimensions
LEAST_PENALTY = 1e-9  # of the intercept, in the Hessian only


class LogisticClassifier(EpisodeHead):
    """Multinomial logistic regression, as scikit-learn's `LogisticRegression(C)`: C * sum of log losses + |W|^2 / 2.

    The intercept is not penalised. Attributes set by `fit`: `coef_` float64 [W, D] ([1, D] for two classes),
    `intercept_`.
    """

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        if not 0 < self.C < np.inf:
            raise ArgumentError(f"C: wanted a number above 0, got {self.C}")
        rows, codes = self._support(X, y)
        # the loss is the same for shifted rows, and the solver walks a shorter way about their mean
        self._mean = rows.mean(axis=0)
        self._model = LogisticRegression(C=self.C, tol=1e-8, max_iter=10_000).fit(rows - self._mean, codes)
        self.coef_ = self._model.coef_
        self.intercept_ = self._model.intercept_ - self.coef_ @ self._mean
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        logits = np.asarray(self._model.decision_function(rows - self._mean))
        return np.stack([np.zeros_like(logits), logits], axis=1) if logits.ndim == 1 else logits

    def episode_scores(self, space: Space, episodes: Episodes) -> Floats:
        """Solved in the span of the support films (representer theorem): W = A^T X, so that |W|^2 = tr(A^T K A)."""
        # the loss is the same for shifted rows, and the solver walks a shorter way about their mean
        support, query = (
            space.view("shifted", films).astype(np.float64) for films in (episodes.support, episodes.query)
        )
        # scikit-learn penalises one vector w = w1 - w0 for two classes; the same minimum in two vectors has C / 2
        strength = self.C / 2 if episodes.n_way == 2 else self.C
        target = np.eye(episodes.n_way)[:, episodes.support_label]
        weights, intercept = _solve(support @ support.transpose(0, 2, 1), target, strength)
        return np.asarray(query @ (weights @ support).transpose(0, 2, 1) + intercept[:, None, :])


def _solve(kernel: Floats, target: Floats, C: float) -> tuple[Floats, Floats]:
    """A [e, W, S] and b [e, W] that minimise tr(A K A^T) / 2C + sum of log losses in every episode at once.

    With K = Z Z^T (Cholesky) the support films are the rows of Z and the problem is plain logistic regression of S
    dimensions. At its minimum the slope vanishes, so that A = C (target - probabilities).
    `kernel`: float64 [e, S, S]; `target`: one-hot float64 [W, S]. Warns where an episode stays unsolved.
    """
    episodes, films, _ = kernel.shape
    ridge = JITTER * np.einsum("ess->e", kernel) / films + np.finfo(float).tiny
    factor = np.linalg.cholesky(kernel + ridge[:, None, None] * np.eye(films))
    rows = np.concatenate([factor, np.ones((episodes, films, 1))], axis=2)
    penalty = np.append(np.full(films, 1 / C), 0)
    theta = np.zeros((episodes, len(target), films + 1))
    _, slope = _loss_and_slope(theta, rows, target, penalty)
    enough = TOLERANCE * (1 + np.sqrt(_inner(slope, slope)))
    start = _curvature_at_start(rows, len(target), penalty)
    theta, solved = _descend(theta, rows, target, penalty, enough, start, STEPS)
    for hard in np.flatnonzero(~solved):
        one = slice(hard, hard + 1)
        for _ in range(NEWTON_ROUNDS):
            start = _curvature(theta[one], rows[one], penalty)
            theta[one], solved[one] = _descend(theta[one], rows[one], target, penalty, enough[one], start, NEWTON_STEPS)
            if solved[hard]:
                break
    if not solved.all():
        message = f"logistic: {(~solved).sum()} of {episodes} episodes unsolved; bring the embeddings to unit length"
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
    return C * (target - _proba(theta, rows)), theta[:, :, films]


def _descend(
    theta: Floats, rows: Floats, target: Floats, penalty: Floats, enough: Floats, curvature: Floats, steps: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Up to `steps` steps of L-BFGS (Nocedal 1980, doi 10.1090/S0025-5718-1980-0572855-7) from `theta` [e, W, S + 1].

    `curvature`: what is known of the Hessian, [e, 1, n, n] as in `_applied`. Also returns which episodes are solved:
    those with a slope of at most `enough`, [e]. The loss is convex, so that a step that lessens it enough (Armijo)
    needs no other check.
    """
    start = np.asarray(np.linalg.inv(curvature), dtype=np.float64)
    loss, slope = _loss_and_slope(theta, rows, target, penalty)
    pairs: list[_Pair] = []
    for _ in range(steps):
        moving = np.sqrt(_inner(slope, slope)) > enough
        if not moving.any():
            break
        direction = _direction(slope, pairs, start)
        descent = _inner(slope, direction)
        step = np.where(moving, 1.0, 0.0)[:, None, None]
        new_loss, new_slope = _loss_and_slope(theta + step * direction, rows, target, penalty)
        for _ in range(MOST_HALVINGS):
            (worse,) = np.nonzero(new_loss > loss + ARMIJO * step[:, 0, 0] * descent + ROUNDING * np.abs(loss))
            if not len(worse):
                break
            step[worse] /= 2
            tried = theta[worse] + step[worse] * direction[worse]
            new_loss[worse], new_slope[worse] = _loss_and_slope(tried, rows[worse], target, penalty)
        pairs = [*pairs, _Pair.between(step * direction, new_slope - slope, start)][-MEMORY:]
        theta = theta + step * direction
        loss, slope = new_loss, new_slope
    return theta, np.sqrt(_inner(slope, slope)) <= enough


def _loss_and_slope(theta: Floats, rows: Floats, target: Floats, penalty: Floats) -> tuple[Floats, Floats]:
    """The loss, [e], and its gradient, [e, W, S + 1], at `theta` [e, W, S + 1] for films `rows` [e, S, S + 1]."""
    logits = theta @ rows.transpose(0, 2, 1)
    largest = logits.max(axis=1)
    odds = np.exp(logits - largest[:, None, :])
    total = odds.sum(axis=1)
    log_loss = (np.log(total) + largest).sum(axis=1) - np.einsum("ews,ws->e", logits, target)
    weighted = theta * penalty
    return log_loss + _inner(theta, weighted) / 2, (odds / total[:, None, :] - target) @ rows + weighted


def _curvature_at_start(rows: Floats, ways: int, penalty: Floats) -> Floats:
    """The Hessian where all classes are equally probable, the same block for each class, [e, 1, S + 1, S + 1]."""
    return np.asarray(rows.transpose(0, 2, 1) @ rows / ways + np.diag(np.maximum(penalty, LEAST_PENALTY)))[:, None]


def _curvature(theta: Floats, rows: Floats, penalty: Floats) -> Floats:
    """The Hessian at `theta`, [e, 1, W * (S + 1), W * (S + 1)]: penalty + sum of (diag(p) - p p^T) kron z z^T."""
    episodes, ways, width = theta.shape
    proba = _proba(theta, rows)
    spread = proba[:, :, None] * (np.eye(ways)[..., None] - proba[:, None])
    blocks = rows.transpose(0, 2, 1)[:, None, None] @ (spread[..., None] * rows[:, None, None])
    whole = blocks.transpose(0, 1, 3, 2, 4).reshape(episodes, 1, ways * width, ways * width)
    return np.asarray(whole + np.diag(np.tile(np.maximum(penalty, LEAST_PENALTY), ways)))


class _Pair(NamedTuple):
    """A past move and how the gradient bent along it, [e, W, S + 1].

    `weight` and `scale`, [e]: 1 / <move, bend> and <move, bend> / <bend, start bend>; 0 and 1 where nothing moved.
    """

    move: Floats
    bend: Floats
    weight: Floats
    scale: Floats

    @classmethod
    def between(cls, move: Floats, bend: Floats, start: Floats) -> _Pair:
        curvature, own = _inner(move, bend), _inner(_applied(start, bend), bend)
        usable = (curvature > 0) & (own > 0)
        weight = np.divide(1, curvature, out=np.zeros_like(curvature), where=usable)
        return cls(move, bend, weight, np.divide(curvature, own, out=np.ones_like(own), where=usable))


def _direction(slope: Floats, pairs: list[_Pair], start: Floats) -> Floats:
    """The way to go by the two-loop recursion, [e, W, S + 1]."""
    direction = -slope
    parts = []
    for pair in reversed(pairs):
        parts.append(pair.weight * _inner(pair.move, direction))
        direction -= parts[-1][:, None, None] * pair.bend
    direction = _applied(start, direction)
    if pairs:
        direction *= pairs[-1].scale[:, None, None]
    for pair, part in zip(pairs, reversed(parts), strict=True):
        direction += (part - pair.weight * _inner(pair.bend, direction))[:, None, None] * pair.move
    return direction


def _proba(theta: Floats, rows: Floats) -> Floats:
    """The probabilities of the support films, [e, W, S]."""
    return np.asarray(softmax(theta @ rows.transpose(0, 2, 1), axis=1))


def _applied(inverse: Floats, vectors: Floats) -> Floats:
    """An inverse Hessian, [e, 1, n, n], times `vectors` [e, W, S + 1]; n is S + 1 (each class alone) or W * (S + 1)."""
    split = vectors.reshape(len(vectors), -1, inverse.shape[-1], 1)
    return np.asarray((inverse @ split).reshape(vectors.shape))


def _inner(left: Floats, right: Floats) -> Floats:
    """The inner product in each episode, [e], of two [e, W, n]."""
    return np.asarray(np.einsum("ews,ews->e", left, right))
