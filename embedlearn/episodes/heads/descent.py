"""Prototypes that descend a gradient: what the heads that fine-tune them on frozen embeddings share."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import Ints
from embedlearn.episodes.space import Floats, Singles, normalized
from embedlearn.errors import ArgumentError

METRICS = ("cosine", "sqeuclidean", "euclidean")
COSINE, SQEUCLIDEAN, EUCLIDEAN = range(3)
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # Adam's own (Kingma 2015, arXiv 1412.6980)
LEAST = 1e-12  # a probability below counts as this one, so that its logarithm stays finite

# sums may be taken in any order, so that they vectorise; infinity and NaN keep their meaning
compiled = njit(cache=True, fastmath={"reassoc", "contract", "nsz"}, error_model="numpy")


class Objective(NamedTuple):
    """What is made small: support * CE + conditional * H(Y|X) - marginal * H(Y).

    CE is the mean cross-entropy of the support films, H(Y|X) the mean entropy of the queries' probabilities, H(Y) the
    entropy of their mean. Entropies are Tsallis's of order `alpha`, (1 - sum p^alpha) / (alpha - 1), Shannon's at 1.
    Logits are `scale` times, by `metric` (a place in METRICS), the cosine of film and prototype, minus half their
    squared distance, or minus their distance; films have unit length.
    """

    metric: int
    scale: float
    support: float
    conditional: float
    marginal: float
    alpha: float


def objective(
    metric: str, scale: float, support: float = 1, conditional: float = 0, marginal: float = 0, alpha: float = 1
) -> Objective:
    """An `Objective` of one set of types, so that numba compiles once whatever numbers a user writes."""
    weights = float(support), float(conditional), float(marginal)
    return Objective(METRICS.index(metric), float(scale), *weights, float(alpha))


def check_descent(steps: int, learning_rate: float, scale: float, metric: str = METRICS[COSINE]) -> None:
    """Raise `ArgumentError` where one of the settings that all these heads have is of no use."""
    if not isinstance(steps, int | np.integer) or steps < 1:
        raise ArgumentError(f"steps: wanted a whole number above 0, got {steps!r}")
    check_above_zero(learning_rate=learning_rate, scale=scale)
    if metric not in METRICS:
        raise ArgumentError(f"metric: wanted one of {', '.join(METRICS)}, got {metric!r}")


def check_above_zero(**settings: float) -> None:
    """Raise `ArgumentError` for the first setting that is not a finite number above 0."""
    for name, value in settings.items():
        if not 0 < value < math.inf:
            raise ArgumentError(f"{name}: wanted a number above 0, got {value}")


def check_weights(**weights: float) -> None:
    """Raise `ArgumentError` for the first weight that is not a finite number of 0 or more."""
    for name, value in weights.items():
        if not 0 <= value < math.inf:
            raise ArgumentError(f"{name}: wanted a number of 0 or more, got {value}")


def unit(rows: NDArray[np.floating]) -> Singles:
    """`rows`, float [e, n, D], at unit length, float32."""
    return np.asarray(normalized(np.asarray(rows, np.float32)), np.float32)


def descended(films: Singles, label: Ints, n_way: int, aim: Objective, steps: int, learning_rate: float) -> Singles:
    """Prototypes, float32 [e, W, D], after `steps` of Adam (Kingma 2015, arXiv 1412.6980) from each class's mean.

    `films`: float32 [e, S + T, D], of unit length, support first; T may be 0. `label`: slots of the support, int [S].
    """
    prototypes = np.stack([films[:, : len(label)][:, label == slot].mean(axis=1) for slot in range(n_way)], axis=1)
    _descend(films, label, prototypes, aim, int(steps), float(learning_rate))
    return prototypes


def adapted(
    support: NDArray[np.floating],
    label: Ints,
    query: NDArray[np.floating],
    n_way: int,
    aim: Objective,
    steps: int,
    learning_rate: float,
) -> Floats:
    """Scores of the queries by prototypes that descended on support and queries; shapes as in `TransductiveHead`."""
    films = unit(np.concatenate([support, query], axis=1))
    prototypes = descended(films, label, n_way, aim, steps, learning_rate)
    return logits(films, prototypes, aim.metric, aim.scale)[:, len(label) :]


@compiled
def logits(films: Singles, prototypes: Singles, metric: int, scale: float) -> Floats:
    """The logits, float64 [e, n, W], of films [e, n, D] by prototypes [e, W, D]."""
    value = np.empty((films.shape[0], films.shape[1], prototypes.shape[1]), np.float32)
    toward, back = np.empty(value.shape[1:], np.float32), np.empty(value.shape[1:], np.float32)
    for e in range(len(films)):
        _compare(films[e], prototypes[e], metric, scale, value[e], toward, back)
    return value.astype(np.float64)


@compiled
def _descend(
    films: Singles, label: Ints, prototypes: Singles, aim: Objective, steps: int, learning_rate: float
) -> None:
    """Move the prototypes, [e, W, D], by `steps` of Adam in each episode."""
    work = np.empty((4, films.shape[1], prototypes.shape[1]), np.float32)
    slope = np.empty(prototypes.shape[1:], np.float32)
    for e in range(len(films)):
        mean, square = np.zeros_like(slope), np.zeros_like(slope)
        for step in range(1, steps + 1):
            gradient(films[e], label, prototypes[e], aim, work, slope)
            stride, unbias = learning_rate / (1 - BETA_1**step), 1 / math.sqrt(1 - BETA_2**step)
            for w in range(len(slope)):
                _step(prototypes[e, w], slope[w], mean[w], square[w], np.float32(stride), np.float32(unbias))


@compiled
def _step(
    row: Singles, slope: Singles, mean: Singles, square: Singles, stride: np.floating, unbias: np.floating
) -> None:
    """Move `row`, [D], against its slope, whose running mean and mean square are kept in `mean` and `square`."""
    keep_mean, keep_square, least = np.float32(BETA_1), np.float32(BETA_2), np.float32(EPSILON)
    add_mean, add_square = np.float32(1 - BETA_1), np.float32(1 - BETA_2)
    for d in range(len(row)):
        mean[d] = keep_mean * mean[d] + add_mean * slope[d]
        square[d] = keep_square * square[d] + add_square * slope[d] * slope[d]
        row[d] -= stride * mean[d] / (unbias * np.sqrt(square[d]) + least)


@compiled
def gradient(films: Singles, label: Ints, prototypes: Singles, aim: Objective, work: Singles, out: Singles) -> None:
    """The slope of the objective by the prototypes, [W, D], in one episode, into `out`; `work`: room [4, S + T, W]."""
    value, toward, back, slope = work
    _compare(films, prototypes, aim.metric, aim.scale, value, toward, back)
    _slopes(value, label, aim, slope)
    for w in range(len(prototypes)):
        held = (slope[:, w] * back[:, w]).sum()
        for d in range(out.shape[1]):
            out[w, d] = -held * prototypes[w, d]
    for n in range(len(films)):
        for w in range(len(prototypes)):
            pull = slope[n, w] * toward[n, w]
            for d in range(out.shape[1]):
                out[w, d] += pull * films[n, d]


@compiled
def _compare(
    films: Singles, prototypes: Singles, metric: int, scale: float, value: Singles, toward: Singles, back: Singles
) -> None:
    """Logits [n, W] into `value`, and what they move by: d logit / d prototype = toward * film - back * prototype."""
    factor, none = np.float32(scale), np.float32(0)
    for w in range(len(prototypes)):
        square = _dot(prototypes[w], prototypes[w])
        for n in range(len(films)):
            if metric == COSINE:
                toward[n, w] = factor / np.sqrt(square) if square > 0 else none
                value[n, w] = toward[n, w] * _dot(films[n], prototypes[w])
                back[n, w] = value[n, w] / square if square > 0 else none
            elif metric == SQEUCLIDEAN:
                value[n, w] = -factor * _squared_distance(films[n], prototypes[w]) / 2
                toward[n, w] = back[n, w] = factor
            else:
                distance = np.sqrt(_squared_distance(films[n], prototypes[w]))
                value[n, w] = -factor * distance
                toward[n, w] = back[n, w] = factor / distance if distance > 0 else none


@compiled
def _dot(left: Singles, right: Singles) -> np.floating:
    total = np.float32(0)
    for d in range(len(left)):
        total += left[d] * right[d]
    return total


@compiled
def _squared_distance(left: Singles, right: Singles) -> np.floating:
    total = np.float32(0)
    for d in range(len(left)):
        total += (left[d] - right[d]) * (left[d] - right[d])
    return total


@compiled
def _slopes(value: Singles, label: Ints, aim: Objective, slope: Singles) -> None:
    """The slope of the objective by each logit, [S + T, W], support first, into `slope`; `value` is used up."""
    films, ways = value.shape
    known, asked = len(label), films - len(label)
    _softmax(value, slope)
    for n in range(known):
        slope[n, label[n]] -= 1
        for w in range(ways):
            slope[n, w] *= aim.support / known
    marginal = np.zeros(ways)
    for n in range(known, films):
        for w in range(ways):
            marginal[w] += slope[n, w] / asked
    for w in range(ways):
        marginal[w] = aim.marginal * _steepness(np.log(marginal[w]), aim.alpha)
    for n in range(known, films):
        mean = 0.0
        for w in range(ways):
            value[n, w] = aim.conditional * _steepness(value[n, w], aim.alpha) - marginal[w]
            mean += slope[n, w] * value[n, w]
        for w in range(ways):
            slope[n, w] *= (value[n, w] - mean) / asked


@compiled
def _softmax(value: Singles, proba: Singles) -> None:
    """Probabilities [n, W] into `proba`, by logits `value` [n, W], which become their logarithms."""
    for n in range(value.shape[0]):
        peak, total = value[n, 0], np.float32(0)
        for w in range(value.shape[1]):
            peak = max(peak, value[n, w])
        for w in range(value.shape[1]):
            proba[n, w] = math.exp(value[n, w] - peak)
            total += proba[n, w]
        shift = peak + np.log(total)
        for w in range(value.shape[1]):
            value[n, w] -= shift
            proba[n, w] /= total


@compiled
def _steepness(log_p: float, alpha: float) -> float:
    """The slope of an entropy by one class's probability, up to what all classes share."""
    log_p = max(log_p, math.log(LEAST))
    return -log_p if alpha == 1 else -alpha / (alpha - 1) * math.expm1((alpha - 1) * log_p)
