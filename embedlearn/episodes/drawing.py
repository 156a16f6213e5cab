"""Drawing the films of episodes: compiled, since a draw of ten thousand episodes is a million small choices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Side(NamedTuple):
    """The films that may be support (or query), by class and within it by draw of a patient.

    The draws of class c are `draw_start[c]` to `draw_start[c + 1]`, int [C + 1]; draw d is of patient `group[d]`, int
    [D], and its films are `film[film_start[d]:film_start[d + 1]]`, int [D + 1] and [n].
    """

    draw_start: Ints
    group: Ints
    film_start: Ints
    film: Ints

    @classmethod
    def build(cls, label: Ints, group: Ints, draw: Ints, allowed: NDArray[np.bool_], classes: int) -> Side:
        """Of the films that are `allowed` (bool [N]), given each one's class, patient and draw (int [N])."""
        film = np.flatnonzero(allowed)
        film = film[np.lexsort((draw[film], group[film], label[film]))]
        keys = np.stack([label[film], group[film], draw[film]])
        new = np.append(True, (keys[:, 1:] != keys[:, :-1]).any(axis=0))[: len(film)]
        first = np.flatnonzero(new)
        draw_start = np.searchsorted(label[film][first], np.arange(classes + 1))
        return cls(draw_start, group[film][first], np.append(first, len(film)), film)

    def films(self, code: int) -> Ints:
        """The films of a class, patient after patient."""
        low, high = self.film_start[self.draw_start[code : code + 2]]
        return self.film[low:high]

    def films_of_patients(self, code: int) -> Ints:
        """How many films each patient of a class has, int [patients]."""
        low, high = self.draw_start[code : code + 2]
        _, patient = np.unique(self.group[low:high], return_inverse=True)
        return np.bincount(patient, np.diff(self.film_start)[low:high]).astype(np.int64)


@njit(cache=True)
def below(state: NDArray[np.uint64], count: int) -> np.int64:
    """A random number 0..count-1, count < 2^32, by SplitMix64 (Steele 2014, doi 10.1145/2660193.2660195).

    `state`: uint64 [1], moved on by each number. The bias of taking the upper bits is below count / 2^32.
    """
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    bits = state[0]
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits = bits ^ (bits >> np.uint64(31))
    return np.int64(((bits >> np.uint64(32)) * np.uint64(count)) >> np.uint64(32))


@njit(cache=True)
def draw_films(
    way: Ints, shots: Ints, counts: Ints, support: Side, query: Side, patients: int, state: NDArray[np.uint64]
) -> tuple[Ints, Ints, Ints]:
    """Support films [E, S], query films [E, T], and the class that fell short of queries in each episode, -1 for none.

    `way`: int [E, W]. `shots`: int [W]. `counts`: int [E, W], queries of each slot, T in every episode. `state`: of
    `below`.
    Support: a draw at random, if its patient is not there yet, and one film of it. Query: draws of patients in no
    class's support in random order, one film of each; then a second film of each that has one; and so on.
    """
    episodes, ways = way.shape
    chosen = np.empty((episodes, shots.sum()), np.int64)
    asked = np.full((episodes, counts[0].sum()), -1, np.int64)
    short = np.full(episodes, -1, np.int64)
    order, asked_order = np.arange(len(support.group)), np.arange(len(query.group))
    films = query.film.copy()
    seated = np.full(patients, -1, np.int64)  # the last episode and slot whose support the patient was in
    for e in range(episodes):
        at = 0
        for slot in range(ways):
            low, high = support.draw_start[way[e, slot]], support.draw_start[way[e, slot] + 1]
            left = shots[slot]
            for i in range(low, high):
                if left == 0:
                    break
                j = i + below(state, high - i)
                order[i], order[j] = order[j], order[i]
                patient = support.group[order[i]]
                if seated[patient] == e * ways + slot:
                    continue
                seated[patient] = e * ways + slot
                first, behind = support.film_start[order[i]], support.film_start[order[i] + 1]
                chosen[e, at] = support.film[first + below(state, behind - first)]
                at += 1
                left -= 1
        at = 0
        for slot in range(ways):
            low, high = query.draw_start[way[e, slot]], query.draw_start[way[e, slot] + 1]
            left, turn, found = counts[e, slot], 0, True
            while left > 0 and found:
                found = False
                for i in range(low, high):
                    if left == 0:
                        break
                    j = i + below(state, high - i)
                    asked_order[i], asked_order[j] = asked_order[j], asked_order[i]
                    first, behind = query.film_start[asked_order[i]], query.film_start[asked_order[i] + 1]
                    if first + turn >= behind or seated[query.group[asked_order[i]]] >= e * ways:
                        continue
                    j = first + turn + below(state, behind - first - turn)
                    films[first + turn], films[j] = films[j], films[first + turn]
                    asked[e, at] = films[first + turn]
                    at += 1
                    left -= 1
                    found = True
                turn += 1
            if left > 0:
                short[e] = way[e, slot]
                break
    return chosen, asked, short
