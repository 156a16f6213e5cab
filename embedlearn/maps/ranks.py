"""Who is near whom in the embedding and on its map: films against all films, block by block, on every core.

Distances are plain sums, so that a film's numbers do not depend on the block it came in; of films equally far the first
is the nearer one, but none is ranked behind another for that.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.gallery.quality.kernels import squared_distances

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
BLOCK = 64  # films asked about together: a distance to every film, for each


@dataclass(frozen=True, eq=False)
class Ranks:
    """Of each film asked about: how far strangers were drawn in and neighbours driven off, and who is near elsewhere.

    `drawn_in`, `driven_off`: int64 [M], the sums of Venna and Kaski 2001: over the k nearest on the map, by how much
    each one's rank in the embedding exceeds k, and the other way round. `kept`: int64 [M], how many are the same.
    `near_space`, `near_map`: int64 [M, k], the k nearest of other cases in both, -1 where there are fewer.
    """

    drawn_in: Rows
    driven_off: Rows
    kept: Rows
    near_space: Rows
    near_map: Rows


def ranked(X: Floats, Y: Floats, asked: Rows, cases: Rows, k: int) -> Ranks:
    """How the films `asked` (rows, int64 [M]) lie in `X`, float32 [N, D], and on the map `Y`, float32 [N, 2].

    `cases`: int64 [N]; k < N.
    """
    made = Ranks(*(np.zeros(len(asked), np.int64) for _ in range(3)), *(np.full((len(asked), k), -1) for _ in range(2)))

    def answer(start: int) -> None:
        rows = slice(start, start + BLOCK)
        films = asked[rows]
        space, places = squared_distances(X[films], X), squared_distances(Y[films], Y)
        _rank_block(
            space, places, films, cases,
            made.drawn_in[rows], made.driven_off[rows], made.kept[rows], made.near_space[rows], made.near_map[rows],
        )  # fmt: skip

    _in_threads(answer, len(asked))
    return made


def nearest_on(Y: Floats, k: int) -> Rows:
    """The `k` nearest other films of each, int64 [N, k], on a map `Y`, float32 [N, 2]; k < N."""
    found, each = np.full((len(Y), k), -1), np.arange(len(Y))

    def answer(start: int) -> None:
        films = each[start : start + BLOCK]
        _nearest_of_block(squared_distances(Y[films], Y), films, each, found[start : start + BLOCK])

    _in_threads(answer, len(Y))
    return found


def _in_threads(answer: Callable[[int], None], count: int) -> None:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(answer, range(0, count, BLOCK)):
            pass


@njit(cache=True, nogil=True)
def shared(first: Rows, second: Rows) -> Rows:
    """How many entries of each row of `first`, int64 [M, k], are in that row of `second`, int64 [M]."""
    counts = np.zeros(len(first), np.int64)
    for i in range(len(first)):
        for row in first[i]:
            for other in second[i]:
                counts[i] += row == other
    return counts


@njit(cache=True, nogil=True)
def vote(codes: Rows, near: Rows, classes: int) -> Rows:
    """The code that most of each row's films have, int64 [M]: of as many the one whose film is first; -1 for none.

    `near`: int64 [M, k], nearest first, -1 for no film. A film with the code -1 has no voice.
    """
    answers = np.full(len(near), -1)
    for i in range(len(near)):
        votes = np.zeros(classes, np.int64)
        for row in near[i]:
            if row >= 0 and codes[row] >= 0:
                votes[codes[row]] += 1
        most = votes.max() if classes else 0
        for row in near[i]:
            if row >= 0 and codes[row] >= 0 and votes[codes[row]] == most:
                answers[i] = codes[row]
                break
    return answers


@njit(cache=True, nogil=True)
def _rank_block(
    space: Floats, places: Floats, films: Rows, cases: Rows,
    drawn_in: Rows, driven_off: Rows, kept: Rows, near_space: Rows, near_map: Rows,
) -> None:  # fmt: skip
    """Fill the rows of `Ranks` for a block of films, from their distances to all, float32 [B, N]."""
    each = np.arange(len(cases))
    in_space, on_map = np.full(near_space.shape, -1), np.full(near_space.shape, -1)
    _nearest_of_block(space, films, each, in_space)
    _nearest_of_block(places, films, each, on_map)
    _nearest_of_block(space, films, cases, near_space)
    _nearest_of_block(places, films, cases, near_map)
    kept[:] = shared(in_space, on_map)
    for i in range(len(films)):
        drawn_in[i] = _beyond(space[i], on_map[i])
        driven_off[i] = _beyond(places[i], in_space[i])


@njit(cache=True, nogil=True)
def _nearest_of_block(distances: Floats, films: Rows, codes: Rows, found: Rows) -> None:
    """Fill `found`, int64 [B, k], with the nearest films that have another code than the one asked about."""
    k = found.shape[1]
    for i in range(len(films)):
        own, best = codes[films[i]], np.full(k, np.inf, np.float32)
        for j in range(len(codes)):
            distance = distances[i, j]
            if distance >= best[k - 1] or codes[j] == own:
                continue
            at = k - 1
            while at > 0 and best[at - 1] > distance:
                best[at], found[i, at] = best[at - 1], found[i, at - 1]
                at -= 1
            best[at], found[i, at] = distance, j


@njit(cache=True, nogil=True)
def _beyond(distances: Floats, near: Rows) -> int:
    """By how much the ranks of the films `near`, int64 [k], exceed k, added up; the film itself, at 0, has no rank."""
    total = 0
    for row in near:
        bound, nearer = distances[row], 0
        for distance in distances:
            if distance < bound:
                nearer += 1
        total += max(nearer - near.size, 0)
    return total
