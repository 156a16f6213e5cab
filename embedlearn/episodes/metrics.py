"""How well each episode was answered, every episode at once.

Throughout, `proba` is float64 [E, T, W]: the probability of each slot for each of the T = W*Q query films.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError

Floats = NDArray[np.float64]
ROC_POINTS = 400


class RocCurve(NamedTuple):
    """Points of a ROC curve from (0, 0) to (1, 1), both float64 [P]."""

    false_positive_rate: Floats
    true_positive_rate: Floats


def episode_metrics(proba: Floats, episodes: Episodes, positive: str | None = None) -> dict[str, Floats]:
    """Each metric's value in each episode, float64 [E].

    `accuracy`, `balanced_accuracy`; with a `positive` class also `auc`, `sensitivity` and `specificity` of it against
    all others, NaN in episodes where it does not take part. Raises `ArgumentError` where there is no such class.
    """
    label, predicted = episodes.query_label, proba.argmax(axis=2)
    values = {"accuracy": accuracy(predicted, label), "balanced_accuracy": balanced_accuracy(predicted, label)}
    if positive is None:
        return values
    slot = positive_slots(episodes, positive)
    there = slot >= 0
    is_positive = label == slot[there, None]
    called_positive = predicted[there] == slot[there, None]
    scores = positive_scores(proba[there], slot[there])
    of_positive = {
        "auc": auc(scores, is_positive),
        "sensitivity": _share(called_positive, is_positive),
        "specificity": _share(~called_positive, ~is_positive),
    }
    for name, found in of_positive.items():
        values[name] = np.full(len(episodes), np.nan)
        values[name][there] = found
    return values


def accuracy(predicted: NDArray[np.int64], label: NDArray[np.int64]) -> Floats:
    """Share of films answered rightly, [E], from slots `predicted` int [E, T] and `label` int [T]."""
    return np.asarray((predicted == label).mean(axis=1))


def balanced_accuracy(predicted: NDArray[np.int64], label: NDArray[np.int64]) -> Floats:
    """Mean over classes of the share of their films answered rightly, [E]."""
    right = predicted == label
    return np.asarray(np.mean([right[:, label == slot].mean(axis=1) for slot in np.unique(label)], axis=0))


def auc(scores: Floats, is_positive: NDArray[np.bool_]) -> Floats:
    """Area under the ROC curve, [E]: how often a positive film scores above a negative one, ties counting half.

    Exact, by ranks (Mann and Whitney 1947). `scores`: float64 [E, T]. `is_positive`: bool [E, T].
    """
    n_positive = is_positive.sum(axis=1)
    ranks = np.where(is_positive, rankdata(scores, axis=1), 0).sum(axis=1)
    pairs = n_positive * (is_positive.shape[1] - n_positive)
    return np.asarray((ranks - n_positive * (n_positive + 1) / 2) / pairs)


def confusion_matrix(proba: Floats, episodes: Episodes) -> NDArray[np.int64]:
    """Query films by true class (rows) and answered class (columns), summed over episodes, int64 [C, C]."""
    true = episodes.way[:, episodes.query_label]
    answered = np.take_along_axis(episodes.way, proba.argmax(axis=2), axis=1)
    n = len(episodes.classes)
    return np.bincount((true * n + answered).ravel(), minlength=n * n).reshape(n, n)


def roc_curve(proba: Floats, episodes: Episodes, positive: str) -> RocCurve:
    """The ROC curve of class `positive`, all episodes' query films pooled, thinned to 400 points at most.

    Raises `ArgumentError` where there is no such class.
    """
    slot = positive_slots(episodes, positive)
    there = slot >= 0
    scores = positive_scores(proba[there], slot[there]).ravel()
    is_positive = (episodes.query_label == slot[there, None]).ravel()
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.append(0, np.cumsum(is_positive[order])[last_of_tie])
    alarms = np.append(0, last_of_tie + 1) - hits
    kept = np.unique(np.linspace(0, len(hits) - 1, min(ROC_POINTS, len(hits))).round().astype(int))
    return RocCurve(alarms[kept] / alarms[-1], hits[kept] / hits[-1])


def positive_slots(episodes: Episodes, positive: str) -> NDArray[np.int64]:
    """The slot of class `positive` in each episode, int [E], -1 where it is absent. Raises `ArgumentError`."""
    if positive not in episodes.classes:
        raise ArgumentError(f"positive: wanted one of {', '.join(episodes.classes)}, got {positive!r}")
    return episodes.slot_of(positive)


def positive_scores(proba: Floats, slot: NDArray[np.int64]) -> Floats:
    """The probability of each episode's positive `slot` (int [E]) for its query films, [E, T]."""
    return np.take_along_axis(proba, slot[:, None, None], axis=2)[:, :, 0]


def _share(chosen: NDArray[np.bool_], among: NDArray[np.bool_]) -> Floats:
    return np.asarray((chosen & among).sum(axis=1) / among.sum(axis=1))
