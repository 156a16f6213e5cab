"""The linear probe."""

from __future__ import annotations

import warnings
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from embedlearn.episodes.gram import Floats, GramBlocks
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.errors import ArgumentError

TOLERANCE = 1e-9  # of the gradient's first length
STEPS = 15  # until the curvature is computed anew
MOST_ROUNDS = 20
MOST_HALVINGS = 60
ARMIJO = 1e-4  # share of the promised descent that a step must keep
ROUNDING = 1e-13  # of the loss: what two equal losses may differ by
LEAST_WEIGHT = 1e-8  # of a film that is answered with certainty, in the curvature


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

    def predict_proba(self, X: ArrayLike) -> Floats:
        return np.asarray(self._model.predict_proba(self._query(X) - self._mean))

    @property
    def view(self) -> str:
        return "shifted"

    def episode_proba(self, gram: GramBlocks) -> Floats:
        """Solved in the span of the support films (representer theorem): W = A^T X, so that |W|^2 = tr(A^T K A)."""
        # scikit-learn penalises one vector w = w1 - w0 for two classes; the same minimum in two vectors has C / 2
        strength = self.C / 2 if gram.n_way == 2 else self.C
        weights, intercept = _solve(gram.support_support, gram.membership.T, strength)
        return np.asarray(softmax(gram.query_support @ weights.transpose(0, 2, 1) + intercept[:, None, :], axis=2))


def _solve(kernel: Floats, target: Floats, C: float) -> tuple[Floats, Floats]:
    """A [e, W, S] and b [e, W] that minimise tr(A K A^T) / 2C + sum of log losses in every episode at once.

    L-BFGS (Nocedal 1980, doi 10.1090/S0025-5718-1980-0572855-7) in the space of functions: a vector is held by its
    coefficients `a` and by its values `f` = a K on the support films, so that an inner product is sum(a * f).
    The intercept is one film more, at inner product 1 with itself and 0 with the others.
    `kernel`: float64 [e, S, S]; `target`: one-hot float64 [W, S]. Warns where 300 steps do not suffice.
    """
    episodes, films, _ = kernel.shape
    extended = np.zeros((episodes, films + 1, films + 1))
    extended[:, :films, :films] = kernel
    extended[:, films, films] = 1
    a = np.zeros((episodes, len(target), films + 1))
    f = np.zeros_like(a)
    _, slope = _loss_and_slope(a, f, target, C)
    enough = TOLERANCE**2 * (1 + _inner(slope, slope @ extended))
    todo = np.arange(episodes)
    for _ in range(MOST_ROUNDS):
        a[todo], f[todo], solved = _descend(extended[todo], a[todo], f[todo], target, C, enough[todo])
        todo = todo[~solved]
        if not len(todo):
            break
    else:
        message = f"logistic: {len(todo)} of {episodes} episodes unsolved after {MOST_ROUNDS * STEPS} steps; lower C"
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
    return a[:, :, :films], a[:, :, films]


def _descend(
    extended: Floats, a: Floats, f: Floats, target: Floats, C: float, enough: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Some steps on from `a` and `f`, and which episodes are solved: squared gradients of at most `enough`, [e]."""
    start = _inverse_curvature(extended, f, C)
    loss, slope = _loss_and_slope(a, f, target, C)
    slope_f = slope @ extended
    pairs: list[_Pair] = []
    for _ in range(STEPS):
        moving = _inner(slope, slope_f) > enough
        if not moving.any():
            break
        direction = _direction(slope, pairs, start)
        direction_f = direction @ extended
        descent = _inner(slope_f, direction)
        step = np.where(moving, 1.0, 0.0)[:, None, None]
        new_loss, new_slope = _loss_and_slope(a + step * direction, f + step * direction_f, target, C)
        for _ in range(MOST_HALVINGS):
            (worse,) = np.nonzero(new_loss > loss + ARMIJO * step[:, 0, 0] * descent + ROUNDING * np.abs(loss))
            if not len(worse):
                break
            step[worse] /= 2
            tried, tried_f = (x[worse] + step[worse] * d[worse] for x, d in ((a, direction), (f, direction_f)))
            new_loss[worse], new_slope[worse] = _loss_and_slope(tried, tried_f, target, C)
        new_slope_f = new_slope @ extended
        move, move_f = step * direction, step * direction_f
        pairs.append(_Pair.between(move, move_f, new_slope - slope, new_slope_f - slope_f, start))
        a, f = a + move, f + move_f
        loss, slope, slope_f = new_loss, new_slope, new_slope_f
    return a, f, _inner(slope, slope_f) <= enough


def _loss_and_slope(a: Floats, f: Floats, target: Floats, C: float) -> tuple[Floats, Floats]:
    """The loss, [e], and the coefficients of its gradient, [e, W, S + 1], at coefficients `a` with values `f`."""
    logits = f[:, :, :-1] + f[:, :, -1:]
    largest = logits.max(axis=1)
    odds = np.exp(logits - largest[:, None, :])
    total = odds.sum(axis=1)
    log_loss = (np.log(total) + largest).sum(axis=1) - np.einsum("ews,ws->e", logits, target)
    error = odds / total[:, None, :] - target
    slope = np.empty_like(a)
    slope[:, :, :-1] = a[:, :, :-1] / C + error
    slope[:, :, -1] = error.sum(axis=2)
    return log_loss + _inner(a[:, :, :-1], f[:, :, :-1]) / (2 * C), slope


def _inverse_curvature(extended: Floats, f: Floats, C: float) -> Floats:
    """What turns a gradient's coefficients into Newton's step for each class alone, [e, W, S + 1, S + 1].

    With p the probabilities at values `f`, the curvature of a class is I / C + sum of p (1 - p) x x^T. To step by its
    inverse makes long and short directions of an embedding, and certain and uncertain films, cost the same.
    """
    films = extended.shape[1] - 1
    proba = softmax(f[:, :, :-1] + f[:, :, -1:], axis=1)
    weights = np.maximum(proba * (1 - proba), LEAST_WEIGHT)
    bent = weights[..., None] * (extended[:, :films] + extended[:, films:])[:, None]
    curvature = np.concatenate([bent, bent.sum(axis=2, keepdims=True)], axis=2)
    curvature[:, :, range(films), range(films)] += 1 / C
    return np.asarray(np.linalg.inv(curvature), dtype=np.float64)


class _Pair(NamedTuple):
    """A past move and how the gradient bent along it, as coefficients and values [e, W, S + 1].

    `weight` and `scale`, [e]: 1 / <move, bend> and <move, bend> / <bend, start bend>; 0 and 1 where nothing moved.
    """

    move: Floats
    move_f: Floats
    bend: Floats
    bend_f: Floats
    weight: Floats
    scale: Floats

    @classmethod
    def between(cls, move: Floats, move_f: Floats, bend: Floats, bend_f: Floats, start: Floats) -> _Pair:
        curvature, own = _inner(move, bend_f), _inner(_applied(start, bend), bend_f)
        usable = (curvature > 0) & (own > 0)
        weight = np.divide(1, curvature, out=np.zeros_like(curvature), where=usable)
        return cls(move, move_f, bend, bend_f, weight, np.divide(curvature, own, out=np.ones_like(own), where=usable))


def _direction(slope: Floats, pairs: list[_Pair], start: Floats) -> Floats:
    """The way to go by the two-loop recursion, as coefficients [e, W, S + 1]."""
    direction = -slope
    parts = []
    for pair in reversed(pairs):
        parts.append(pair.weight * _inner(pair.move_f, direction))
        direction -= parts[-1][:, None, None] * pair.bend
    direction = _applied(start, direction)
    if pairs:
        direction *= pairs[-1].scale[:, None, None]
    for pair, part in zip(pairs, reversed(parts), strict=True):
        direction += (part - pair.weight * _inner(pair.bend_f, direction))[:, None, None] * pair.move
    return direction


def _applied(matrices: Floats, vectors: Floats) -> Floats:
    """Each class's matrix [e, W, n, n] times its vector [e, W, n]."""
    return np.asarray((matrices @ vectors[..., None])[..., 0])


def _inner(left: Floats, right: Floats) -> Floats:
    """The inner product in each episode, [e], of coefficients with values [e, W, S]."""
    return np.asarray(np.einsum("ews,ews->e", left, right))
