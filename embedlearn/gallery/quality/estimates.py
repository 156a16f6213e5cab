"""Means over queries and how far they would move had other patients asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from embedlearn.episodes.intervals import bootstrap_interval

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
AT_ONCE = 100  # replicates


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval; None where nothing was measured, or on too few patients for an interval."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.mean is None:
            return "none"
        return f"{self.mean:.3f}" if self.low is None else f"{self.mean:.3f} [{self.low:.3f} {self.high:.3f}]"


@dataclass(frozen=True)
class Estimates:
    """Of one value: its mean over queries, the mean of the classes' means, and each class's mean."""

    micro: Estimate
    macro: Estimate
    classes: Sequence[Estimate]


class PatientBootstrap:
    """Draws patients with replacement, all of a patient's queries together (Efron 1979, by cluster); seeded.

    `groups`: int64 [M], the patient of each query. `classes`: int64 [M], 0 to C - 1. The gallery stays as it is: an
    interval speaks of other patients who ask, not of other patients in the gallery.
    """

    def __init__(self, groups: Codes, classes: Codes, *, resamples: int, seed: int) -> None:
        self.groups, names = pd.factorize(groups)
        self.classes = classes
        self.count = len(names)
        rng = np.random.default_rng(seed)
        self.drawn = np.zeros((resamples, self.count), np.uint8)  # how often each patient is in a replicate
        for replicate in self.drawn if self.count else ():
            replicate[:] = np.bincount(rng.integers(self.count, size=self.count), minlength=self.count)

    def estimates(self, values: Floats) -> Estimates:
        """The means of `values` (float64 [M], NaN where there is none for a query) with percentile intervals."""
        there = ~np.isnan(values)
        size = int(self.classes.max(initial=-1)) + 1
        totals, counts = self._by_class(values, there, size), self._by_class(np.ones(len(values)), there, size)
        each = _ratio(totals, counts)
        several = len(np.unique(self.groups[there])) > 1
        return Estimates(
            _estimate(_ratio(totals.sum(0), counts.sum(0)), several),
            _estimate(_mean(each), several),
            [
                _estimate(row, len(np.unique(self.groups[there & (self.classes == number)])) > 1)
                for number, row in enumerate(each)
            ],
        )

    def _by_class(self, values: Floats, there: NDArray[np.bool_], size: int) -> Floats:
        """Sums of values by class, float64 [C, 1 + B]: of the queries themselves, then of every replicate."""
        places = (self.classes[there], self.groups[there])
        table = csr_array((values[there], places), shape=(size, self.count))
        sums = [table.sum(axis=1).reshape(-1, 1)]
        for start in range(0, len(self.drawn), AT_ONCE):
            sums.append(table @ self.drawn[start : start + AT_ONCE].T.astype(np.float64))
        return np.hstack(sums)


def _ratio(total: Floats, count: Floats) -> Floats:
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _mean(classes: Floats) -> Floats:
    """The mean over classes, float64 [1 + B], of those that there are."""
    there = ~np.isnan(classes)
    return _ratio(np.where(there, classes, 0.0).sum(0), there.sum(0).astype(np.float64))


def _estimate(means: Floats, several: bool) -> Estimate:
    """The first of the means, and the interval of the others where `several` patients were there to be drawn."""
    if np.isnan(means[0]):
        return Estimate()
    if not several:
        return Estimate(float(means[0]))
    _, low, high = bootstrap_interval(means[1:])
    return Estimate(float(means[0]), low, high)
