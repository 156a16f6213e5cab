"""Whether a probability can be taken at its word, and one number that mends it.

Throughout, scores and probabilities are float [E, T, W] with labels int [E, T] (the slot of each of T query films in E
episodes of W ways), or films in one row, [N, W] with [N].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import softmax

from embedlearn.episodes.space import Floats
from embedlearn.errors import ArgumentError

COLDEST, HOTTEST = 1e-3, 1e3
LEAST_PROBABILITY = np.finfo(np.float64).eps


class Reliability(NamedTuple):
    """How far probabilities keep their word (Guo 2017, arXiv 1706.04599, section 2).

    `bins` bins of equal width, each open to the left, hold films by confidence, the probability of their answer:
    `films` int64 [bins], how many; `confidence` and `accuracy` float64 [bins], a bin's means, NaN where it is empty.
    `ece`: the gap between the two, weighted by films (eq. 3), 0..1; of few films chance alone makes some.
    `nll`: the mean of -log(probability of the true class), where less than 2.2e-16 counts as that: it is finite.
    `brier`: the mean squared distance to the truth, summed over classes (Brier 1950), 0..2.
    """

    films: NDArray[np.int64]
    confidence: Floats
    accuracy: Floats
    ece: float
    nll: float
    brier: float


def tempered(scores: ArrayLike, temperature: float) -> Floats:
    """softmax(scores / temperature) over the last axis (Guo 2017, eq. 9), float64 of the shape of `scores`.

    Scores are logarithms of probabilities up to a constant a film; -inf stays a probability of 0. No answer changes.
    Raises `ArgumentError` where the temperature is not above 0, or a film has NaN, +inf or only -inf.
    """
    if not 0 < temperature < np.inf:
        raise ArgumentError(f"temperature: wanted a number above 0, got {temperature}")
    return np.asarray(softmax(_checked_scores(scores) / temperature, axis=-1))


def fit_temperature(scores: ArrayLike, label: ArrayLike) -> float:
    """The temperature whose probabilities have the least mean negative log-likelihood (Guo 2017, section 4.2).

    The loss is convex in 1/T: its only minimum is where the slope, the mean of (expected score - true class's score),
    crosses 0. It is sought within 1e-3..1e3; an end of that is given where the loss falls all the way to it, as it does
    to 1e-3 where every answer is right. A film whose true class has -inf costs the same (infinity) at every temperature
    and has no say; 1 is given where no film has one, as where all scores are equal.
    Fit it on other films than those it is to serve. Raises `ArgumentError` as `tempered` does, or where labels misfit.
    """
    rows, slot = _films(_checked_scores(scores), label)
    true = rows[np.arange(len(rows)), slot]
    told = true > -np.inf
    gaps = np.ascontiguousarray((rows[told] - true[told, None]).T)
    finite = np.where(gaps > -np.inf, gaps, 0)
    if not finite.any():
        return 1.0
    gaps -= gaps.max(axis=0)

    def slope(log_temperature: float) -> float:
        odds = np.exp(gaps / np.exp(log_temperature))
        return float(-np.mean((odds * finite).sum(axis=0) / odds.sum(axis=0)))

    coldest, hottest = np.log(COLDEST), np.log(HOTTEST)
    if slope(hottest) <= 0:
        return HOTTEST
    if slope(coldest) >= 0:
        return COLDEST
    return float(np.exp(brentq(slope, coldest, hottest, xtol=1e-9)))


def reliability(proba: ArrayLike, label: ArrayLike, bins: int = 15) -> Reliability:
    """Held against the labels, how far `proba` keeps its word. Of equal probabilities the first is the answer.

    Raises `ArgumentError` where `proba` does not add up to 1 for each film, labels misfit, or there is no bin.
    """
    if bins < 1:
        raise ArgumentError(f"bins: wanted 1 or more, got {bins}")
    rows, slot = _films(np.asarray(proba, dtype=np.float64), label)
    if not (np.abs(rows.sum(axis=1) - 1) < 1e-6).all() or rows.min() < 0:
        raise ArgumentError("proba: wanted probabilities that add up to 1 for each film; are these scores?")
    of_truth = rows[np.arange(len(rows)), slot]
    confidence = rows.max(axis=1)
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)
    count = np.bincount(place, minlength=bins)
    summed = np.bincount(place, confidence, bins)
    right = np.bincount(place, rows.argmax(axis=1) == slot, bins)
    there = count > 0
    return Reliability(
        films=count,
        confidence=np.divide(summed, count, out=np.full(bins, np.nan), where=there),
        accuracy=np.divide(right, count, out=np.full(bins, np.nan), where=there),
        ece=float(np.abs(right - summed).sum() / len(rows)),
        nll=float(np.log(1 / np.maximum(of_truth, LEAST_PROBABILITY)).mean()),
        brier=float((np.einsum("nw,nw->n", rows, rows) - 2 * of_truth + 1).mean()),
    )


def _checked_scores(scores: ArrayLike) -> Floats:
    """Scores as float64, each film's largest finite. Raises `ArgumentError`."""
    checked = np.asarray(scores, dtype=np.float64)
    if checked.ndim < 2 or not checked.size:
        raise ArgumentError(f"scores: wanted [films, ways] or [episodes, films, ways], got shape {checked.shape}")
    if not np.isfinite(checked.max(axis=-1)).all():
        raise ArgumentError("scores: wanted one above -inf for each film and no NaN or +inf")
    return checked


def _films(values: Floats, label: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    """All films in one row: values [N, W] and slots int [N]. Raises `ArgumentError` where they do not fit together."""
    slots = np.asarray(label)
    if values.ndim < 2 or slots.shape != values.shape[:-1] or not slots.size:
        raise ArgumentError(f"label: wanted a slot for each film, got shapes {slots.shape} and {values.shape}")
    ways = values.shape[-1]
    if slots.dtype.kind not in "iu" or slots.min() < 0 or slots.max() >= ways:
        raise ArgumentError(f"label: wanted whole numbers 0..{ways - 1}, the slot of each film")
    return values.reshape(-1, ways), slots.ravel().astype(np.int64, copy=False)
