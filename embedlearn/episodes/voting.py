"""The vote of the nearest support films, for every query of many episodes: compiled, on one thread.

As in `kernels`, queries are taken film by film.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.episodes.kernels import Places, Singles

TIE = np.float32(1e-6)  # added to the score of a tie's winner: far below one voice, above rounding
LANES = 64  # queries side by side, some vectors of float32


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

    As in `kernels.prototype_scores`; `query_length`: squared lengths [rows]; `support_length`: squared lengths [E, S].
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
