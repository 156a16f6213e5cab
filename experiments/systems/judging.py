"""What answers to tested films are worth: figures with 95 % intervals by bootstrap over cases."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.replicates import (
    Estimate,
    case_weights,
    share_replicates,
    summed_up,
    weighted_aucs,
)
from embedlearn.audits.scoring import deal_folds
from embedlearn.episodes.calibration import fit_temperature, reliability, tempered
from experiments.systems.results import Score

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
BOOTSTRAP = 1000


@dataclass(frozen=True, eq=False)
class Answers:
    """Scores before the softmax, float64 [N, C], of N tested films of true class int64 [N] and case int64 [N]."""

    scores: Floats
    labels: Ints
    cases: Ints
    classes: tuple[str, ...]
    folds: Ints | None = None  # of which training each answer is, int64 [N]; None where all are of one

    @property
    def right(self) -> Floats:
        """1 where the answer is right, float64 [N]."""
        return np.asarray(self.scores.argmax(1) == self.labels, np.float64)

    @property
    def confusion(self) -> Ints:
        """Films of each true class, a row each, by the class answered: int64 [C, C]."""
        counts = np.zeros((len(self.classes), len(self.classes)), np.int64)
        np.add.at(counts, (self.labels, self.scores.argmax(1)), 1)
        return counts


def judge_answers(answers: Answers, beside: Mapping[str, Answers], *, calibrated: bool = True) -> dict[str, Estimate]:
    """Metrics by name: accuracy, its lead over each of `beside` (on the same films), macro F1, AUC, calibration."""
    found = {"accuracy": mean_with_interval(answers.right, answers.cases)}
    for name, other in beside.items():
        found[f"accuracy less {name}"] = mean_with_interval(answers.right - other.right, answers.cases)
    found |= _f1_scores(answers) | _aucs(answers)
    if calibrated:
        plain = tempered(answers.scores, 1.0)
        found["calibration error"] = _calibration(plain, answers)
        found["calibration error, mended"] = _calibration(mended(answers), answers)
    return found


def as_scores(
    found: Mapping[str, Estimate], answers: Answers, *, task: str, protocol: str, model: str
) -> Iterator[Score]:
    """The metrics as lines of a row's result."""
    cases = len(set(answers.cases.tolist()))
    for metric, estimate in found.items():
        value, low, high = map(float, estimate)
        yield Score(task, protocol, model, metric, value, low, high, len(answers.labels), cases)


def mean_with_interval(values: Floats, cases: Ints) -> Estimate:
    """The mean of a value a film, float64 [N], those that are NaN left out."""
    there = ~np.isnan(values)
    return summed_up(share_replicates(np.nan_to_num(values)[:, None], there[:, None], cases, replicates=BOOTSTRAP)[0])


def _f1_scores(answers: Answers) -> dict[str, Estimate]:
    """2 TP / (2 TP + FP + FN) of each class and their mean; of two classes that of the first is enough."""
    said, count = answers.scores.argmax(1), len(answers.classes)
    found = []
    for weights in case_weights(answers.cases, BOOTSTRAP, 0):
        true, told = (np.bincount(codes, weights, count) for codes in (answers.labels, said))
        hit = np.bincount(answers.labels, weights * (said == answers.labels), count)
        found.append(2 * hit / np.maximum(true + told, 1e-12))
    each = np.array(found)
    named = answers.classes[:1] if count == 2 else answers.classes
    return {"macro F1": summed_up(each.mean(1))} | {
        f"F1 {name}": summed_up(column) for name, column in zip(named, each.T, strict=False)
    }


def _aucs(answers: Answers) -> dict[str, Estimate]:
    """The AUC of each class against the rest by its probability, and their mean; of two classes one is enough.

    Only films of one training are ranked against each other: of all such pairs, the share in the right order.
    """
    proba = tempered(answers.scores, 1.0)
    truth = answers.labels[:, None] == np.arange(len(answers.classes))
    weights = np.stack([*case_weights(answers.cases, BOOTSTRAP, 0)])
    folds = np.zeros(len(proba), np.int64) if answers.folds is None else answers.folds
    made = np.stack([_area(proba[:, code], truth[:, code], weights, folds) for code in range(len(answers.classes))])
    found = {f"AUC {name}": summed_up(row) for name, row in zip(answers.classes, made, strict=True)}
    if len(answers.classes) == 2:
        return {f"AUC {answers.classes[0]}": found[f"AUC {answers.classes[0]}"]}
    return found | {"mean AUC": summed_up(made.mean(0))}


def _area(scores: Floats, positive: NDArray[np.bool_], weights: Floats, folds: Ints) -> Floats:
    """The AUC within folds by each row of weights [B, N], float64 [B]: pairs in the right order over all pairs."""
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(folds):
        here = np.flatnonzero(folds == fold)
        here = here[np.argsort(scores[here], kind="stable")]
        there = weights[:, here]
        count = (there @ positive[here]) * (there @ ~positive[here])
        won += np.where(count > 0, np.nan_to_num(weighted_aucs(scores[here], positive[here], there)) * count, 0)
        pairs += count
    return np.asarray(np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))


def mended(answers: Answers) -> Floats:
    """Probabilities of films at a temperature fitted on the answers to films of other cases, five parts in turn."""
    part = deal_folds(answers.labels, answers.cases, 5, 0)
    proba = np.empty_like(answers.scores)
    for number in range(5):
        here = part == number
        temperature = fit_temperature(answers.scores[~here], answers.labels[~here])
        proba[here] = tempered(answers.scores[here], temperature)
    return proba


def _calibration(proba: Floats, answers: Answers) -> Estimate:
    """Expected calibration error over 15 bins; its bootstrap is biased upwards, so that no interval is given."""
    return Estimate(reliability(proba, answers.labels).ece, math.nan, math.nan)
