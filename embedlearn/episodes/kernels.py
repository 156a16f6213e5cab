"""The loops that run once a query: compiled, on one thread, over many episodes in one call.

Queries are taken film by film: the products of a film with all others then lie in the nearest cache while every episode
that asks about it is answered.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Singles = NDArray[np.float32]
Places = NDArray[np.uint32]

TILE = 64


@njit(cache=True)
def mirror(matrix: Singles) -> None:
    """Copy what stands above the diagonal below it, in place; float32 [N, N]."""
    size = len(matrix)
    for top in range(0, size, TILE):
        for left in range(top, size, TILE):
            for i in range(top, min(top + TILE, size)):
                for j in range(max(left, i + 1), min(left + TILE, size)):
                    matrix[j, i] = matrix[i, j]


@njit(cache=True)
def by_row(rows: Places, count: int) -> tuple[Places, Places]:
    """Where each row of 0..count-1 occurs in `rows` [n]: `place[start[r]:start[r + 1]]`, ascending."""
    start = np.zeros(count + 1, np.uint32)
    for row in rows:
        start[row + np.uint32(1)] += np.uint32(1)
    for row in range(count):
        start[row + 1] += start[row]
    free = start[:-1].copy()
    place = np.empty(rows.size, np.uint32)
    for at in range(rows.size):
        row = rows[at]
        place[free[row]] = at
        free[row] += np.uint32(1)
    return start, place


@njit(cache=True, fastmath=True)
def prototype_lengths(matrix: Singles, support: Places, first: NDArray[np.int64]) -> Singles:
    """Squared length of each prototype, float32 [E, W], from inner products `matrix` [N, N] and films [E, S].

    The films of slot w stand at `first[w]` to `first[w + 1]`.
    """
    ways = len(first) - 1
    lengths = np.empty((len(support), ways), np.float32)
    for e in range(len(support)):
        for slot in range(ways):
            total = np.float32(0)
            for i in range(first[slot], first[slot + 1]):
                row = matrix[support[e, i]]
                beside = np.float32(0)
                for j in range(first[slot], i):
                    beside += row[support[e, j]]
                total += row[support[e, i]] + beside + beside
            lengths[e, slot] = total / np.float32((first[slot + 1] - first[slot]) ** 2)
    return lengths


@njit(cache=True, fastmath=True)
def prototype_scores(
    matrix: Singles,
    start: Places,
    place: Places,
    support: Places,
    first: NDArray[np.int64],
    scale: Singles,
    factor: Singles,
    offset: Singles,
) -> Singles:
    """Scale * factor * (mean product of the query with a slot's films) + offset, float32 [E * T, W].

    `matrix`: products, a row a query film and a column a support film. `start`, `place`: the queries by row, of
    `by_row`. `support`: columns [E, S], slots as in `prototype_lengths`. `scale`: [rows]. `factor`, `offset`: [E, W].
    """
    ways, episodes = len(first) - 1, len(support)
    queries = np.uint32(place.size // episodes)
    scores = np.empty((place.size, ways), np.float32)
    weight = np.empty_like(factor)
    for slot in range(ways):
        weight[:, slot] = factor[:, slot] / (first[slot + 1] - first[slot])
    for film in range(start.size - 1):
        row, own = matrix[film], scale[film]
        for number in range(start[film], start[film + 1]):
            at = place[number]
            e = at // queries
            for slot in range(ways):
                i, behind = first[slot] + 1, first[slot + 1]
                total = row[support[e, i - 1]]
                while i + 1 < behind:  # two at a time: short loops are not unrolled by themselves
                    total += row[support[e, i]] + row[support[e, i + 1]]
                    i += 2
                if i < behind:
                    total += row[support[e, i]]
                scores[at, slot] = own * weight[e, slot] * total + offset[e, slot]
    return scores


@njit(cache=True)
def best_slots(scores: NDArray[np.floating]) -> NDArray[np.int64]:
    """The slot of the highest score, int64 [E, T], of scores [E, T, W]; of equal ones the first."""
    episodes, queries, ways = scores.shape
    best = np.empty((episodes, queries), np.int64)
    for e in range(episodes):
        for t in range(queries):
            chosen, highest = 0, scores[e, t, 0]
            for slot in range(1, ways):
                higher = scores[e, t, slot] > highest
                chosen = slot if higher else chosen
                highest = scores[e, t, slot] if higher else highest
            best[e, t] = chosen
    return best


@njit(cache=True)
def log_odds(scores: NDArray[np.floating], slot: NDArray[np.int64]) -> NDArray[np.float64]:
    """The score of `slot` [E] less the logarithm of the sum of the others' exponentials, float64 [E, T], of [E, T, W].

    Taken about the largest score, so that films whose scores differ by a constant tie exactly.
    """
    episodes, queries, ways = scores.shape
    odds = np.empty((episodes, queries), np.float64)
    for e in range(episodes):
        own = slot[e]
        for t in range(queries):
            largest, next_best = -np.inf, -np.inf
            for other in range(ways):
                largest = max(largest, np.float64(scores[e, t, other]))
                if other != own:
                    next_best = max(next_best, np.float64(scores[e, t, other]))
            total = 0.0
            for other in range(ways):
                if other != own:
                    total += 1.0 if scores[e, t, other] == next_best else np.exp(scores[e, t, other] - next_best)
            odds[e, t] = (scores[e, t, own] - largest) - (next_best - largest) - np.log(total)
    return odds
