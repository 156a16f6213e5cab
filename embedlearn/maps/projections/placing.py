"""Placing a new film on a map that UMAP made, each for itself: attraction and repulsion against films that stay.

umap-learn places a batch at once, and a film's place changes with its company: weights, noise and the number of epochs
are shared. Here every film has its own weights and the same stream of random numbers.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.maps.projections.fuzzy import memberships

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
EPOCHS = 100
STEP = 0.25  # of the first epoch; it falls to nothing
LONGEST = 4.0  # of a pull or a push along an axis, before the step


class Curve(NamedTuple):
    """How alike films are at a distance d on the map: 1 / (1 + a d^(2b)) (McInnes 2018, section 3)."""

    a: float
    b: float


def placed_on(map_: Floats, found: Rows, distances: Floats, curve: Curve, repulsions: int, seed: int) -> Floats:
    """Where films lie whose neighbours on the map (float32 [N, 2]) are known, float32 [M, 2].

    `found`, int64 [M, k], and `distances`, float32 [M, k] in the embedding, nearest first. A film starts at the mean of
    its neighbours by their strengths; in every epoch a neighbour of strength w draws with the share w / the largest,
    and for each draw the film is driven from `repulsions` films of the map at random (McInnes 2018, algorithm 5).
    """
    own = memberships(distances.astype(np.float64), np.zeros(len(distances)), np.log2(found.shape[1]))
    strengths = own / own.max(axis=1, keepdims=True)
    start = np.uint64(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] | np.uint64(1))
    return _placed(map_, found, strengths, curve.a, curve.b, repulsions, start)


@njit(cache=True, nogil=True)
def _placed(
    map_: Floats, found: Rows, strengths: NDArray[np.float64], a: float, b: float, repulsions: int, start: np.uint64
) -> Floats:
    places = np.empty((len(found), 2), np.float32)
    for i in range(len(found)):
        weights = strengths[i]
        x, y, total, state = 0.0, 0.0, weights.sum(), start
        for n in range(weights.size):
            x += weights[n] / total * map_[found[i, n], 0]
            y += weights[n] / total * map_[found[i, n], 1]
        owed = np.zeros(weights.size)
        for epoch in range(EPOCHS):
            step = STEP * (1 - epoch / EPOCHS)
            for n in range(weights.size):
                owed[n] += weights[n]
                if owed[n] < 1:
                    continue
                owed[n] -= 1
                dx, dy = x - map_[found[i, n], 0], y - map_[found[i, n], 1]
                squared = dx * dx + dy * dy
                if squared > 0:
                    pull = -2 * a * b * squared ** (b - 1) / (1 + a * squared**b)
                    x += step * _clipped(pull * dx)
                    y += step * _clipped(pull * dy)
                for _ in range(repulsions):
                    state = _next(state)
                    other = map_[(state >> np.uint64(11)) % np.uint64(len(map_))]
                    dx, dy = x - other[0], y - other[1]
                    squared = dx * dx + dy * dy
                    if squared > 0:
                        push = 2 * b / ((0.001 + squared) * (1 + a * squared**b))
                        x += step * _clipped(push * dx)
                        y += step * _clipped(push * dy)
        places[i] = x, y
    return places


@njit(cache=True, inline="always")
def _clipped(value: float) -> float:
    return min(max(value, -LONGEST), LONGEST)


@njit(cache=True, inline="always")
def _next(state: np.uint64) -> np.uint64:
    """The next number of a xorshift generator (Marsaglia 2003)."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state
