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

TIE = np.float32(1e-6)  # added to the score of a tie's winner: far below one voice, above rounding
TILE = 64
LANES = 64  # queries side by side, some vectors of float32


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
def class_scores(
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
def _log_shares(k: int, ways: int, smoothing: float) -> Singles:
    """Scores of 0 to k votes among k, float32 [k + 1]."""
    logs = np.empty(k + 1, np.float32)
    for votes in range(k + 1):
        logs[votes] = np.log((votes + smoothing) / (k + ways * smoothing))
    return logs


@njit(cache=True)
def _elect(
    votes: Singles, nearest: Singles, lane: int, whole: bool, logs: Singles, smoothing: float, scores: Singles, at: int
) -> None:
    """The logarithm of each slot's smoothed share of `votes[:, lane]` [W], into row `at` of `scores` [n, W].

    Where the largest shares are equal, the slot whose `nearest` film is nearest gets `TIE` more. `whole`: votes are
    numbers that add up to k, whose `logs` are known.
    """
    ways, k, total, most, winner, tied = len(votes), len(logs) - 1, np.float32(0), np.float32(0), -1, 0
    for slot in range(ways):
        total += votes[slot, lane]
        most = max(most, votes[slot, lane])
    for slot in range(ways):
        if whole:
            scores[at, slot] = logs[int(votes[slot, lane])]
        else:
            scores[at, slot] = np.log((votes[slot, lane] / total * k + smoothing) / (k + ways * smoothing))
        if votes[slot, lane] >= most - total * TIE / 2:
            tied += 1
            if winner < 0 or nearest[slot, lane] < nearest[winner, lane]:
                winner = slot
    if tied > 1:
        for slot in range(ways):
            scores[at, winner] = max(scores[at, winner], scores[at, slot])
        scores[at, winner] += TIE


@njit(cache=True)
def votes_of_nearest(
    distance: Singles, voter: NDArray[np.int64], inverse: bool, smoothing: float, ways: int
) -> Singles:
    """Scores of each of T queries, float32 [T, W], from distances and slots of its voters [T, k], nearest first."""
    scores = np.empty((len(voter), ways), np.float32)
    votes, nearest = np.empty((ways, 1), np.float32), np.empty((ways, 1), np.float32)
    logs = _log_shares(voter.shape[1], ways, smoothing)
    for t in range(len(voter)):
        votes[:], nearest[:] = 0, np.inf
        for i in range(voter.shape[1]):
            voice = np.float32(1)
            if inverse and distance[t, 0] == 0:
                voice = np.float32(distance[t, i] == 0)
            elif inverse:
                voice = 1 / distance[t, i]
            votes[voter[t, i], 0] += voice
            nearest[voter[t, i], 0] = min(nearest[voter[t, i], 0], distance[t, i])
        _elect(votes, nearest, 0, not inverse, logs, smoothing, scores, t)
    return scores


@njit(cache=True)
def neighbour_scores(
    matrix: Singles,
    start: Places,
    place: Places,
    support: Places,
    first: NDArray[np.int64],
    query_length: Singles,
    support_length: Singles,
    k: int,
    inverse: bool,
    smoothing: float,
) -> Singles:
    """Scores by a vote among the k nearest support films of every query, float32 [E * T, W]; of equally near the first.

    As in `class_scores`; `query_length`: squared lengths [rows]; `support_length`: squared lengths [E, S].
    The queries of a film are counted side by side, as many as fill some vectors; one whose k-th and next film are
    equally near, or that is itself in the support, is then counted for itself.
    """
    ways, (episodes, films) = len(first) - 1, support.shape
    queries = np.uint32(place.size // episodes)
    scores = np.empty((place.size, ways), np.float32)
    squared = np.zeros((films, LANES), np.float32)
    best, voters = np.empty((k, LANES), np.float32), np.empty(LANES, np.int32)
    votes, nearest = np.empty((ways, LANES), np.float32), np.empty((ways, LANES), np.float32)
    logs, none = _log_shares(k, ways, smoothing), np.float32(0)
    for film in range(start.size - 1):
        row, own = matrix[film], query_length[film]
        for low in range(start[film], start[film + 1], LANES):
            count = min(LANES, int(start[film + 1]) - low)
            for lane in range(count):
                e = place[low + lane] // queries
                for i in range(films):
                    squared[i, lane] = max(own + support_length[e, i] - 2 * row[support[e, i]], none)
            _smallest(squared, best)
            _count_votes(squared, best[k - 1], first, inverse, votes, nearest, voters)
            for lane in range(count):
                if voters[lane] > k or (inverse and best[0, lane] == 0):
                    _count_one(squared, lane, first, k, inverse, votes)
                _elect(votes, nearest, lane, not inverse, logs, smoothing, scores, place[low + lane])
    return scores


@njit(cache=True)
def _smallest(values: Singles, best: Singles) -> None:
    """The k smallest of each column of `values` [n, LANES], ascending, into `best` [k, LANES]."""
    carried = np.empty(LANES, np.float32)
    best[:] = np.inf
    for i in range(len(values)):
        carried[:] = values[i]
        for j in range(len(best)):
            for lane in range(LANES):
                lesser = best[j, lane] < carried[lane]
                low = best[j, lane] if lesser else carried[lane]
                carried[lane] = carried[lane] if lesser else best[j, lane]
                best[j, lane] = low


@njit(cache=True, error_model="numpy")
def _count_votes(
    squared: Singles,
    bound: Singles,
    first: NDArray[np.int64],
    inverse: bool,
    votes: Singles,
    nearest: Singles,
    voters: NDArray[np.int32],
) -> None:
    """The votes of all films up to the squared distance `bound` [LANES], by slot, and each slot's nearest film."""
    one, none = np.float32(1), np.float32(0)
    voters[:] = 0
    for slot in range(len(votes)):
        votes[slot], nearest[slot] = none, np.float32(np.inf)
        for i in range(first[slot], first[slot + 1]):
            for lane in range(LANES):
                distance = squared[i, lane]
                voice = one / np.sqrt(distance) if inverse else one
                votes[slot, lane] += voice if distance <= bound[lane] else none
                voters[lane] += np.int32(distance <= bound[lane])
                nearest[slot, lane] = distance if distance < nearest[slot, lane] else nearest[slot, lane]


@njit(cache=True)
def _count_one(squared: Singles, lane: int, first: NDArray[np.int64], k: int, inverse: bool, votes: Singles) -> None:
    """The votes of one query: of its k nearest films, the first of equally near ones."""
    order = np.argsort(squared[:, lane], kind="mergesort")
    alone = inverse and squared[order[0], lane] == 0
    for slot in range(len(votes)):
        votes[slot, lane] = 0
        for i in order[:k]:
            if first[slot] <= i < first[slot + 1]:
                if not inverse:
                    votes[slot, lane] += 1
                elif alone:
                    votes[slot, lane] += 1 if squared[i, lane] == 0 else 0
                else:
                    votes[slot, lane] += 1 / np.sqrt(squared[i, lane])


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
