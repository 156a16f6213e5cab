"""Every class told from the rest by every view of the films, with intervals that may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.replicates import REPLICATES, Estimate, Floats, Lift, auc_replicates, share_replicates, summed_up
from embedlearn.audits.scoring import cross_validate
from embedlearn.pages.blocks import Cell
from embedlearn.pages.numbers import number

FEWEST = 10  # cases of a class below which it is not judged: an interval would hold nearly every AUC
# Of two films a probe at .7 ranks seven pairs in ten rightly: from about there a test is held to tell something, and a
# model that does no more than the probe looks useful.
TELLING = 0.7
# Six pairs in ten, where five are chance: what tells less than that can lift a model's AUC by little.
HARMLESS = 0.6


@dataclass(frozen=True, eq=False)
class Judged:
    """How well S views of the same films tell each of C classes.

    `found` float64 [S, C, 1 + B] holds the AUCs against the rest as they are and in each of the same B replicates,
    `right` [S, C, 1 + B] likewise the share of each class's films whose highest score is that of their class. `films`
    and `cases` are those of the classes that were judged; `left_out` says how many cases there were of each other one.
    """

    views: tuple[str, ...]
    classes: tuple[str, ...]
    found: Floats
    right: Floats
    films: int
    cases: int
    left_out: Mapping[str, int]

    def auc(self, view: str, name: str | None = None) -> Estimate:
        """Of one view and class; without a class the mean over the classes."""
        of_view = self.found[self.views.index(view)]
        return summed_up(of_view.mean(0) if name is None else of_view[self.classes.index(name)])

    def accuracy(self, view: str) -> Estimate:
        """Balanced accuracy: the mean over the classes of the share of their films answered rightly."""
        return summed_up(self.right[self.views.index(view)].mean(0))

    def best(self, views: Sequence[str], name: str) -> str:
        """Which of the views has the highest AUC for a class."""
        return max(views, key=lambda view: np.nan_to_num(self.auc_value(view, name)))

    def auc_value(self, view: str, name: str) -> float:
        """The AUC alone."""
        return float(self.found[self.views.index(view), self.classes.index(name), 0])

    def lift(self, model: str, probes: Sequence[str], name: str | None = None) -> Lift:
        """How far a model lies above the best of the probes, chosen anew in each replicate and for each class.

        Without a class it is the mean over the classes, and `best` is empty.
        """
        rows = [self.views.index(view) for view in probes]
        above = self.found[self.views.index(model)] - self.found[rows].max(0)
        if name is None:
            return Lift("", *summed_up(above.mean(0)))
        return Lift(self.best(probes, name), *summed_up(above[self.classes.index(name)]))

    def as_plain(self) -> dict[str, Any]:
        """Every AUC with its interval, as JSON can hold it."""
        aucs = {
            view: {**{name: plain(self.auc(view, name)) for name in self.classes}, "mean": plain(self.auc(view))}
            for view in self.views
        }
        return {"films": self.films, "cases": self.cases, "left_out": dict(self.left_out), "auc": aucs}


def judge(
    views: Mapping[str, NDArray[np.floating[Any]]],
    labels: NDArray[np.str_],
    cases: NDArray[np.int64],
    *,
    weights: Floats | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Judged | None:
    """Judge views float [N, F] of films by their labels str [N]; none where fewer than two classes have enough cases.

    `cases` int [N] and `weights` float [N] as in `scoring.cross_validate`, whose errors are raised.
    """
    counts = {str(name): len(np.unique(cases[labels == name])) for name in np.unique(labels)}
    enough = [name for name, count in counts.items() if count >= FEWEST]
    if len(enough) < 2:
        return None
    kept = np.isin(labels, enough)
    labels, cases = labels[kept], cases[kept]
    counted = None if weights is None else weights[kept]
    scores = {
        view: cross_validate(X[kept], labels, cases, weights=counted, seed=seed).log_odds for view, X in views.items()
    }
    left_out = {name: count for name, count in counts.items() if count < FEWEST}
    return compare(scores, tuple(enough), labels, cases, left_out, seed=seed, replicates=replicates)


def compare(
    scores: Mapping[str, Floats],
    classes: tuple[str, ...],
    labels: NDArray[np.str_],
    cases: NDArray[np.int64],
    left_out: Mapping[str, int],
    *,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Judged:
    """Scores float64 [N, C] of the same films by several views, judged by labels str [N] on the same replicates."""
    positive = labels[:, None] == np.array(classes)
    answered = [found.argmax(1)[:, None] == np.arange(len(classes)) for found in scores.values()]
    truth, shape = np.tile(positive, len(scores)), (len(scores), len(classes), 1 + replicates)
    found = auc_replicates(np.hstack(list(scores.values())), truth, cases, replicates=replicates, seed=seed)
    right = share_replicates(np.hstack(answered), truth, cases, replicates=replicates, seed=seed)
    films, number_of_cases = len(labels), len(np.unique(cases))
    return Judged(tuple(scores), classes, found.reshape(shape), right.reshape(shape), films, number_of_cases, left_out)


def interval(found: Estimate | Lift, *, signed: bool = False) -> str:
    """The ends in brackets, or nothing where there are none."""
    if np.isnan(found.low):
        return ""
    return f"[{number(found.low, signed=signed)}, {number(found.high, signed=signed)}]"


def written(found: Estimate | Lift, *, signed: bool = False) -> str:
    """The value and its interval."""
    return f"{number(found.value, signed=signed)} {interval(found, signed=signed)}".strip()


def score_cell(found: Estimate, *, chance: float = 0.5) -> Cell:
    """A score with its interval below, shaded by how far it is from chance to perfect."""
    above = (found.value - chance) / (1 - chance)
    return Cell(number(found.value), "", interval(found), min(max(float(np.nan_to_num(above)), 0.0), 1.0))


def plain(found: Estimate | Lift) -> dict[str, Any]:
    """Value and interval as JSON can hold them, with the best probe of a lift."""
    return {
        key: None if isinstance(value, float) and np.isnan(value) else value for key, value in found._asdict().items()
    }


def known(value: float) -> float | None:
    """The number, or None where it is none."""
    return None if np.isnan(value) else value
