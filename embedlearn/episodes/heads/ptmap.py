"""Class centres that share the queries out evenly."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import Ints, TransductiveHead
from embedlearn.episodes.space import Floats, normalized
from embedlearn.episodes.transforms import check_power, powered
from embedlearn.errors import ArgumentError

Rows = NDArray[np.floating]
TOLERANCE = 1e-5  # of a class's share of the queries
MOST_ROUNDS = 300
FAR = 300.0  # nats: what exp and its reciprocal hold with room to spare


class PTMAPClassifier(TransductiveHead):
    """PT-MAP (Hu 2021, arXiv 2006.03806) on a frozen encoder.

    Embeddings are raised to `power` with their signs kept, and brought to unit length (eq. 1); None: they are taken as
    they come. Then, `steps` times (algorithm 1), the queries are assigned to the class centres by the transport that
    costs least under an entropy of weight 1 / `scale`, in which all queries give as much and all classes receive as
    much (eq. 3), and the centres move by `rate` of the way to the means so weighed (eq. 6). The scores are the
    logarithms of a last assignment. The settings are those of the paper's code, which centres the embeddings besides.

    Each class receives T / W queries however many it has: where they are far from even, ask another head. Fewer queries
    than classes cannot be spread, and each is then assigned by itself.
    """

    def __init__(self, power: float | None = 0.5, scale: float = 10.0, rate: float = 0.2, steps: int = 20) -> None:
        self.power = power
        self.scale = scale
        self.rate = rate
        self.steps = steps

    def check(self) -> None:
        if self.power is not None:
            check_power("power", self.power)
        if not 0 < self.scale < np.inf:
            raise ArgumentError(f"scale: wanted a number above 0, got {self.scale}")
        if not 0 < self.rate <= 1:
            raise ArgumentError(f"rate: wanted a number above 0, at most 1, got {self.rate}")
        if self.steps < 1:
            raise ArgumentError(f"steps: wanted 1 or more, got {self.steps}")

    def answer(self, support: Rows, label: Ints, query: Rows, n_way: int) -> Floats:
        rows = np.concatenate([support, query], axis=1)
        if self.power is not None:
            rows = normalized(powered(rows, self.power))
        # centres are weighed means of films, so that all distances follow from the films' products
        films = len(label)
        products = (rows @ rows.transpose(0, 2, 1)).astype(np.float64)
        given = np.broadcast_to(np.eye(n_way)[label], (len(rows), films, n_way))
        weights = np.zeros((*rows.shape[:2], n_way))
        weights[:, :films] = given / given.sum(axis=1, keepdims=True)
        potential = np.zeros((len(rows), n_way))
        for step in range(self.steps + 1):
            beside = products @ weights
            own = np.einsum("enw,enw->ew", weights, beside)
            logits = self.scale * (2 * beside[:, films:] - own[:, None])
            shares = _transported(logits, potential)
            if step < self.steps:
                together = np.concatenate([given, shares], axis=1)
                weights += self.rate * (together / together.sum(axis=1, keepdims=True) - weights)
        return np.asarray(logits + potential[:, None])


@njit(cache=True)
def _transported(logits: Floats, potential: Floats) -> Floats:
    """softmax(logits + potential), [e, T, W], for the potentials [e, W] by which each class receives T / W queries.

    They are found by Sinkhorn's rounds (Cuturi 2013, arXiv 1306.0895), from `potential` on and in place.
    """
    episodes, films, ways = logits.shape
    shares, factor = np.empty(logits.shape), np.empty(ways)
    for e in range(episodes):
        _assign(logits[e], potential[e], shares[e])
        moved = 0.0
        for _ in range(MOST_ROUNDS if films >= ways else 0):
            factor[:] = 0
            for t in range(films):
                for way in range(ways):
                    factor[way] += shares[e, t, way]
            if np.abs(factor * ways / films - 1).max() <= TOLERANCE:
                break
            if factor.min() < np.exp(-FAR):
                _reach(logits[e], potential[e])
                _assign(logits[e], potential[e], shares[e])
                continue
            for way in range(ways):
                factor[way] = films / ways / factor[way]
            potential[e] += np.log(factor)
            moved += np.abs(np.log(factor)).max()
            if moved > FAR:  # what was too small for a number may have grown
                _assign(logits[e], potential[e], shares[e])
                moved = 0.0
                continue
            for t in range(films):
                total = 0.0
                for way in range(ways):
                    shares[e, t, way] *= factor[way]
                    total += shares[e, t, way]
                for way in range(ways):
                    shares[e, t, way] /= total
    return shares


@njit(cache=True)
def _assign(logits: Floats, potential: Floats, shares: Floats) -> None:
    """softmax(logits + potential) of one episode, into `shares` [T, W]."""
    for t in range(len(logits)):
        exponent = logits[t] + potential
        shares[t] = np.exp(exponent - exponent.max())
        shares[t] /= shares[t].sum()


@njit(cache=True)
def _reach(logits: Floats, potential: Floats) -> None:
    """Raise the potentials, [W], of classes too far from every query until one query is as near to them as to any."""
    gap = np.full(len(potential), np.inf)
    for t in range(len(logits)):
        exponent = logits[t] + potential
        gap = np.minimum(gap, exponent.max() - exponent)
    potential += np.where(gap > FAR / 2, gap, 0)
