"""How far a mean over episodes can be trusted: two intervals that answer two questions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t

from embedlearn.errors import ArgumentError

Floats = NDArray[np.float64]
LEVEL = 0.95
MEANINGS = (
    "[ ] 95 % interval by patient bootstrap: how far the mean would move had other patients been tested",
    "( ) 95 % interval over episodes: how far it would move with other episodes of the same films",
)


class Interval(NamedTuple):
    """A mean and the ends of its 95 % interval; the ends are NaN where there are too few values for one."""

    mean: float
    low: float
    high: float


def episode_interval(values: Floats) -> Interval:
    """The mean of per-episode `values` (float [E], NaN left out) and its 95 % interval by Student's t.

    It says how much the mean would move if other episodes were drawn from the SAME films: it shrinks with the number
    of episodes, not with the data (arXiv 2409.02850).
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return Interval(float(values.mean()) if len(values) else np.nan, np.nan, np.nan)
    mean = float(values.mean())
    half = float(student_t.ppf((1 + LEVEL) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half)


def bootstrap_interval(replicates: Floats) -> Interval:
    """The mean of replicate means (float [B], NaN left out) and their 2.5 % and 97.5 % quantiles (Efron 1979).

    It says how much the mean would move if other PATIENTS had been collected: it shrinks with the data. The noise of a
    replicate's few episodes is in it, which errs on the wide side.
    """
    replicates = np.asarray(replicates, dtype=np.float64)
    replicates = replicates[~np.isnan(replicates)]
    if len(replicates) < 2:
        return Interval(float(replicates.mean()) if len(replicates) else np.nan, np.nan, np.nan)
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(replicates.mean()), float(low), float(high))


def replicate_means(values: Floats, replicates: int) -> Floats:
    """The mean of each replicate, float64 [B], from per-episode `values` [B*m], replicate after replicate.

    NaN values are left out; a replicate of nothing else is NaN.
    """
    table = np.asarray(values, dtype=np.float64).reshape(replicates, -1)
    there = ~np.isnan(table)
    count = there.sum(axis=1)
    total = np.where(there, table, 0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(replicates, np.nan), where=count > 0))


def paired(a: Floats, b: Floats) -> Floats:
    """`a - b` over the same episodes, both float [E]. Raises `ArgumentError` where the shapes differ."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ArgumentError(f"paired values: wanted the same episodes twice, got shapes {a.shape} and {b.shape}")
    return a - b


def episode_p(values: Floats) -> float:
    """How often a mean of paired differences (float [E], NaN left out) so far from 0 would come of none; two-sided.

    Student's t. As the episode interval it speaks of other episodes of the same films.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return np.nan
    spread = values.std(ddof=1) / np.sqrt(len(values))
    if spread == 0:
        return 1.0 if values[0] == 0 else 0.0
    return float(2 * student_t.sf(abs(values.mean()) / spread, len(values) - 1))


def bootstrap_p(replicates: Floats) -> float:
    """Twice the lesser share of replicate differences (float [B], NaN left out) on either side of 0, at most 1.

    Counted with one more on each side (Davison and Hinkley 1997, section 4.2.1), so that B replicates give no less than
    2 / (B + 1). As the patient interval it speaks of other patients.
    """
    replicates = np.asarray(replicates, dtype=np.float64)
    replicates = replicates[~np.isnan(replicates)]
    if len(replicates) < 2:
        return np.nan
    least = min((replicates <= 0).sum(), (replicates >= 0).sum())
    return float(min(1.0, 2 * (least + 1) / (len(replicates) + 1)))
