"""Class means, and neighbours that agree."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import Ints, TransductiveHead
from embedlearn.episodes.heads.bdcspn import rectified
from embedlearn.episodes.space import Floats
from embedlearn.errors import ArgumentError

Rows = NDArray[np.floating]
SHARPNESS = 1.0  # of the weights that rectify prototypes
TOLERANCE = 1e-6  # of an assignment: what no longer changes


class LaplacianShotClassifier(TransductiveHead):
    """LaplacianShot (Ziko 2020, arXiv 2006.15486) on a frozen encoder.

    Assignments y of the queries trade their squared distances to the prototypes against `smoothing` * how much they
    differ from those of their `k` nearest other queries (all, where there are fewer), by at most `steps` bound updates
    (algorithm 1): y <- softmax(-distance^2 + `smoothing` * sum of the neighbours' y). The scores are the logarithms of
    y. Prototypes are rectified as in `BDCSPNClassifier`, and `shift` is as there.

    The paper's code tries `smoothing` from 0.1 to 1.5 on validation classes, on embeddings of unit length: give it
    such. It says 3 neighbours and counts the film itself, hence the 2 here; the other defaults are easyfsl's.
    """

    def __init__(self, k: int = 2, smoothing: float = 0.7, steps: int = 20, shift: bool = False) -> None:
        self.k = k
        self.smoothing = smoothing
        self.steps = steps
        self.shift = shift

    def check(self) -> None:
        for name, count in (("k", self.k), ("steps", self.steps)):
            if count < 1:
                raise ArgumentError(f"{name}: wanted 1 or more, got {count}")
        if not 0 <= self.smoothing < np.inf:
            raise ArgumentError(f"smoothing: wanted a number of 0 or more, got {self.smoothing}")

    def answer(self, support: Rows, label: Ints, query: Rows, n_way: int) -> Floats:
        prototypes, shift = rectified(support, label, query, n_way, SHARPNESS)
        rows = query + shift if self.shift else query
        # distances do not change with the origin, and about the mean their products lose fewer digits
        middle = rows.mean(axis=1, keepdims=True)
        rows, prototypes = rows - middle, prototypes - middle
        nearness = 2 * rows @ prototypes.transpose(0, 2, 1) - np.einsum("ewd,ewd->ew", prototypes, prototypes)[:, None]
        products = rows @ rows.transpose(0, 2, 1)
        return _propagated(products, nearness.astype(np.float64), self.k, self.smoothing, self.steps)


@njit(cache=True)
def _propagated(products: Rows, nearness: Floats, k: int, smoothing: float, steps: int) -> Floats:
    """The bound updates' last exponents, float64 [e, T, W].

    `products`: inner products of the queries, [e, T, T]. `nearness`: minus their squared distances to the prototypes,
    up to a constant a query, [e, T, W].
    """
    episodes, films, ways = nearness.shape
    k = min(k, films - 1)
    logits = nearness.copy()
    share = np.zeros((films, ways))
    nearest, distance = np.empty((films, k), np.int64), np.empty(k + 1)
    for e in range(episodes):
        for t in range(films):
            distance[:] = np.inf
            for other in range(films):
                squared = products[e, other, other] - 2 * products[e, t, other]
                if other == t or squared >= distance[k - 1]:
                    continue
                place = k - 1
                while place > 0 and distance[place - 1] > squared:
                    distance[place], nearest[t, place] = distance[place - 1], nearest[t, place - 1]
                    place -= 1
                distance[place], nearest[t, place] = squared, other
        for _ in range(steps):
            moved = _softmax(logits[e], share)
            if moved <= TOLERANCE:
                break
            for t in range(films):
                for way in range(ways):
                    total = 0.0
                    for place in range(k):
                        total += share[nearest[t, place], way]
                    logits[e, t, way] = nearness[e, t, way] + smoothing * total
    return logits


@njit(cache=True)
def _softmax(logits: Floats, share: Floats) -> float:
    """Softmax of each row of `logits`, into `share`, both [T, W]; returns by how much any share changed at the most."""
    films, ways = logits.shape
    moved, odds = 0.0, np.empty(ways)
    for t in range(films):
        peak, total = logits[t, 0], 0.0
        for way in range(1, ways):
            peak = max(peak, logits[t, way])
        for way in range(ways):
            odds[way] = np.exp(logits[t, way] - peak)
            total += odds[way]
        for way in range(ways):
            moved = max(moved, abs(odds[way] / total - share[t, way]))
            share[t, way] = odds[way] / total
    return moved
