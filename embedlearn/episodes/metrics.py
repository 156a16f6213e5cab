"""How well each episode was answered, every episode at once.

Throughout, `scores` is float [E, T, W], a score of each slot for each query film: logarithms of probabilities up to a
constant a film. An episode need not hold queries of every class; what it cannot say is NaN.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from embedlearn.episodes import kernels
from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Scores = NDArray[np.floating]
CURVE_POINTS = 400


class OperatingCurve(NamedTuple):
    """What every threshold on a class's odds gives, strict to lax, float64 [P] each; and average precision.

    ROC is `recall` over `false_positive_rate`, precision-recall is `precision` over `recall`.
    """

    false_positive_rate: Floats
    recall: Floats
    precision: Floats
    average_precision: float


def episode_metrics(scores: Scores, episodes: Episodes, positive: str | None = None) -> dict[str, Floats]:
    """Each metric's value in each episode, float64 [E].

    `accuracy`, `balanced_accuracy`; with a `positive` class also `auc`, `sensitivity` and `specificity` of it against
    all others, NaN in episodes where it does not take part. Raises `ArgumentError` where there is no such class.
    """
    label, predicted = episodes.query_label, kernels.best_slots(scores)
    values = {
        "accuracy": np.asarray((predicted == label).mean(axis=1)),
        "balanced_accuracy": balanced_accuracy(predicted, label),
    }
    if positive is None:
        return values
    slot = positive_slots(episodes, positive)
    there = slot >= 0
    is_positive = label[there] == slot[there, None]
    called_positive = predicted[there] == slot[there, None]
    of_positive = {
        "auc": auc(positive_odds(scores[there], slot[there]), is_positive),
        "sensitivity": _share(called_positive, is_positive),
        "specificity": _share(~called_positive, ~is_positive),
    }
    for name, found in of_positive.items():
        values[name] = np.full(len(episodes), np.nan)
        values[name][there] = found
    return values


def balanced_accuracy(predicted: Ints, label: Ints) -> Floats:
    """Mean over an episode's classes of the share of their films answered rightly, [E], from slots int [E, T]."""
    ways = int(label.max()) + 1
    seat = label + ways * np.arange(len(label))[:, None]
    asked = np.bincount(seat.ravel(), minlength=len(label) * ways).reshape(-1, ways)
    right = np.bincount(seat[predicted == label], minlength=len(label) * ways).reshape(-1, ways)
    return np.asarray((right / np.maximum(asked, 1)).sum(axis=1) / (asked > 0).sum(axis=1))


def auc(scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """Area under the ROC curve, [E]: how often a positive film scores above a negative one, ties counting half.

    Exact, by ranks (Mann and Whitney 1947). `scores`: float64 [E, T]. `is_positive`: bool [E, T].
    """
    n_positive = is_positive.sum(axis=1)
    ranks = np.where(is_positive, rankdata(scores, axis=1), 0).sum(axis=1)
    pairs = n_positive * (is_positive.shape[1] - n_positive)
    above = ranks - n_positive * (n_positive + 1) / 2
    return np.asarray(np.divide(above, pairs, out=np.full(len(above), np.nan), where=pairs > 0))


def confusion_matrix(scores: Scores, episodes: Episodes) -> Ints:
    """Query films by true class (rows) and answered class (columns), summed over episodes, int64 [C, C]."""
    true = np.take_along_axis(episodes.way, episodes.query_label, axis=1)
    answered = np.take_along_axis(episodes.way, kernels.best_slots(scores), axis=1)
    n = len(episodes.classes)
    return np.bincount((true * n + answered).ravel(), minlength=n * n).reshape(n, n)


def operating_curve(scores: Scores, episodes: Episodes, positive: str) -> OperatingCurve:
    """The curve of class `positive`, all episodes' query films pooled, thinned to 400 points at most.

    Raises `ArgumentError` where there is no such class.
    """
    slot = positive_slots(episodes, positive)
    there = slot >= 0
    odds = positive_odds(scores[there], slot[there]).ravel()
    is_positive = (episodes.query_label[there] == slot[there, None]).ravel()
    order = np.argsort(-odds, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(odds[order])), len(order) - 1)
    hits, called = np.cumsum(is_positive[order])[last_of_tie], last_of_tie + 1
    recall, precision = hits / max(hits[-1], 1), hits / called
    alarms = (called - hits) / max(called[-1] - hits[-1], 1)
    average = float((np.diff(recall, prepend=0) * precision).sum())
    kept = np.unique(np.linspace(0, len(hits) - 1, min(CURVE_POINTS - 1, len(hits))).round().astype(int))
    start = precision[0]  # nothing called yet: the precision of the first that are
    return OperatingCurve(
        np.append(0, alarms[kept]), np.append(0, recall[kept]), np.append(start, precision[kept]), average
    )


def positive_slots(episodes: Episodes, positive: str) -> Ints:
    """The slot of class `positive` in each episode, int [E], -1 where it is absent. Raises `ArgumentError`."""
    if positive not in episodes.classes:
        raise ArgumentError(f"positive: wanted one of {', '.join(episodes.classes)}, got {positive!r}")
    return episodes.slot_of(positive)


def positive_odds(scores: Scores, slot: Ints) -> Floats:
    """The log-odds of each episode's positive `slot` (int [E]) for its query films, float64 [E, T].

    They rank films as the probability does, but never come so near to 0 or 1 that films tie by rounding.
    """
    return kernels.log_odds(scores, slot)


def _share(chosen: NDArray[np.bool_], among: NDArray[np.bool_]) -> Floats:
    count = among.sum(axis=1)
    return np.asarray(np.divide((chosen & among).sum(axis=1), count, out=np.full(len(count), np.nan), where=count > 0))
