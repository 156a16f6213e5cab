"""Numbers as the page writes them, and the cells and words made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from embedlearn.episodes.intervals import Interval
from embedlearn.episodes.page.blocks import Cell
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.results import Difference, Estimate

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}


def number(value: float | None, *, signed: bool = False, digits: int = 3) -> str:
    """So many decimals without the zero before them: .741, −.012, 1.000; a dash where there is no number."""
    if value is None or np.isnan(value):
        return "–"
    value = round(value, digits) or 0.0  # which has no sign
    text = f"{value:{'+' if signed and value else ''}.{digits}f}"
    return re.sub(r"^([+-]?)0\.", r"\1.", text).replace("-", "−")


def p_value(value: float | None) -> str:
    """A p value to three decimals, and no smaller than these can say."""
    return "<.001" if value is not None and value < 0.001 else number(value)


def percent(value: float) -> str:
    """A share in per cent, to one decimal."""
    return f"{100 * value:.1f} %".replace("-", "−")


def points(value: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{100 * value:+.1f}".replace("-", "−")


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
