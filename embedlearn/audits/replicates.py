"""What a figure would have been had other cases been collected: every figure of an audit on the same replicates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
REPLICATES = 1000
LEVEL = 0.95
BLOCK = 250_000  # weights held at a time
OVER_CASES = "bootstrap over cases"  # how an interval was made where no model was fitted
HOW = f"{OVER_CASES}, the models not fitted anew"


class Estimate(NamedTuple):
    """A figure and its 95 % interval by bootstrap over cases; NaN where it cannot be said."""

    value: float
    low: float
    high: float


class Lift(NamedTuple):
    """How much a model's AUC lies above that of the `best` probe, and the 95 % interval by bootstrap over cases."""

    best: str
    value: float
    low: float
    high: float


def auc_replicates(
    scores: ArrayLike, positive: ArrayLike, cases: ArrayLike, *, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    """The AUC of each of M columns of scores float [N, M], of the films themselves and then of each replicate.

    `positive` is bool [N], or [N, M] for each column its own; all columns see the same replicates. Float64 [M, 1 + B],
    NaN where one side is empty. One sort a column: of weights in the order of the scores, each positive film's counts
    for the negative weight before it and half of that at its own score (Mann and Whitney 1947).
    """
    columns = np.asarray(scores, dtype=np.float64)
    truth = np.broadcast_to(np.asarray(positive, dtype=bool).reshape(len(columns), -1), columns.shape)
    orders = [np.argsort(column, kind="stable") for column in columns.T]
    found: list[Floats] = []
    for weights in _blocks(cases, replicates, seed):
        aucs = [weighted_aucs(columns[order, m], truth[order, m], weights[:, order]) for m, order in enumerate(orders)]
        found.append(np.array(aucs).reshape(columns.shape[1], len(weights)))
    return np.concatenate(found, axis=1)


def weighted_aucs(ranked: Floats, positive: NDArray[np.bool_], weights: Floats) -> Floats:
    """The AUC of ascending scores [N] by each row of weights [b, N], float64 [b]."""
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] > ranked[:-1]]))
    above, below = weights * positive, weights * ~positive
    if len(starts) < len(ranked):  # equal scores are one step
        above, below = (np.add.reduceat(part, starts, axis=1) for part in (above, below))
    pairs = above.sum(1) * below.sum(1)
    won = np.einsum("bn,bn->b", above, np.cumsum(below, axis=1) - below / 2)
    return np.asarray(np.divide(won, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))


def share_replicates(
    values: ArrayLike, counted: ArrayLike, cases: ArrayLike, *, replicates: int = REPLICATES, seed: int = 0
) -> Floats:
    """The mean of each of M columns of values float [N, M] over the films that count in it, bool [N, M].

    As `auc_replicates`, with the same replicates: float64 [M, 1 + B], NaN where no film counts.
    """
    there = np.asarray(counted, dtype=np.float64)
    taken = np.asarray(values, dtype=np.float64) * there
    found: list[Floats] = []
    for weights in _blocks(cases, replicates, seed):
        total = weights @ there
        means = np.divide(weights @ taken, total, out=np.full(total.shape, np.nan), where=total > 0)
        found.append(means.T)
    return np.concatenate(found, axis=1)


def _blocks(cases: ArrayLike, replicates: int, seed: int) -> Iterator[Floats]:
    """The rows of `case_weights`, many at a time, float64 [b, N]."""
    weights = case_weights(cases, replicates, seed)
    while block := list(islice(weights, max(1, BLOCK // np.size(cases)))):
        yield np.stack(block)


def case_weights(cases: ArrayLike, replicates: int, seed: int) -> Iterator[Floats]:
    """How often each film counts, float64 [N]: once each, and then as its case is drawn in each replicate."""
    _, case = np.unique(np.asarray(cases), return_inverse=True)
    count = int(case.max()) + 1
    yield np.ones(len(case))
    rng = np.random.default_rng(seed)
    for _ in range(replicates):
        yield np.bincount(rng.integers(0, count, count), minlength=count)[case].astype(np.float64)


def summed_up(replicates: Floats) -> Estimate:
    """The first of the values, float [1 + B], and the 2.5 % and 97.5 % quantiles of the others (Efron 1979).

    NaN are left out; where half of them are NaN there is no interval.
    """
    others = replicates[1:][~np.isnan(replicates[1:])]
    if 2 * len(others) <= len(replicates) - 1 or len(others) < 2:
        return Estimate(float(replicates[0]), np.nan, np.nan)
    low, high = np.quantile(others, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(replicates[0]), float(low), float(high))


def summed_up_together(replicates: Floats) -> list[Estimate]:
    """M figures, float [M, 1 + B], with intervals that hold the truth of all of them at once in 95 of 100 samples.

    For choosing the worst of many. Every interval reaches equally many standard deviations, as many as the furthest of
    the M lies off in 95 % of the replicates (max-t bootstrap). NaN are left out; a figure that is NaN in half of the
    replicates or more has no interval.
    """
    values, others = replicates[:, 0], replicates[:, 1:]
    told = np.isfinite(others).sum(1) > max(1, others.shape[1] / 2)
    off = others[told] - values[told, None]
    spread = np.sqrt(np.nanmean(off**2, axis=1))
    furthest = np.fmax.reduce(np.abs(off) / np.maximum(spread, 1e-12)[:, None], axis=0, initial=0.0)
    reach = np.full(len(values), np.nan)
    reach[told] = np.quantile(furthest, LEVEL) * spread
    return [
        Estimate(float(value), float(value - far), float(value + far)) for value, far in zip(values, reach, strict=True)
    ]
