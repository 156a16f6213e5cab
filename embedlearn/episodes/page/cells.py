"""Numbers as the page writes them, and the cells and words made of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from embedlearn.episodes.intervals import Interval
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.results import Difference, Estimate
from embedlearn.pages.blocks import Cell
from embedlearn.pages.numbers import number

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}


def ends(interval: Interval | None, brackets: str = "[]") -> str:
    """The two ends of an interval in brackets; nothing where there are none."""
    if interval is None or np.isnan(interval.low):
        return ""
    return f"{brackets[0]}{number(interval.low)}, {number(interval.high)}{brackets[1]}"


def estimate_cell(found: Estimate | Difference) -> Cell:
    """The mean, the interval by patient beside it and that over episodes below."""
    signed = isinstance(found, Difference)
    return Cell(number(found.mean, signed=signed), ends(found.patient), ends(found.episode, "()"))


def heading(metric: str, positive: str | None) -> str:
    """The name of a metric, with the class that it is of."""
    name = METRICS.get(metric, metric)
    return name if "accuracy" in metric else f"{name}, {positive}"


def at(shots: int) -> str:
    """The number of shots, in words."""
    return f"{shots} shot{'s' if shots > 1 else ''}"


def support(episodes: Episodes) -> str:
    """How many labelled films an episode has, in words."""
    if len(set(episodes.shots)) == 1:
        return f"{episodes.shots[0]} labelled film{'s' if episodes.shots[0] > 1 else ''} a class"
    counts = zip(episodes.shots, episodes.classes, strict=True)
    return "labelled films: " + ", ".join(f"{count} of {name}" for count, name in counts)


def queries(prevalence: str | Mapping[str, float]) -> str:
    """How the queries of an episode fall on the classes, in words."""
    if isinstance(prevalence, str):
        return f"{'Dirichlet' if prevalence == 'dirichlet' else prevalence} queries"
    return "queries weighed " + ", ".join(f"{name} {share:g}" for name, share in prevalence.items())
