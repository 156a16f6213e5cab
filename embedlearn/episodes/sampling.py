"""Drawing episodes from a pool so that no patient is on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError, EpisodeError

REDRAWS = 100
KEYS_AT_ONCE = 4_000_000

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class EpisodeSampler:
    """N-way K-shot episodes (Vinyals 2016, section 4.1), disjoint by patient.

    `n_way`: classes an episode; None for all of the pool's.
    `n_shot`: support films a class, each of a different patient.
    `n_query`: query films a class, of different patients as long as there are enough.
    `episodes`: how many to draw. `seed`: the same seed and pool give the same episodes.

    Raises `ArgumentError` where a number is too small.
    """

    n_way: int | None
    n_shot: int
    n_query: int
    episodes: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("n_way", 2), ("n_shot", 1), ("n_query", 1), ("episodes", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ArgumentError(f"{name}: wanted {least} or more, got {value}")

    def sample(
        self, classes: ArrayLike, groups: ArrayLike, draws: ArrayLike | None = None, roles: ArrayLike | None = None
    ) -> Episodes:
        """Draw the episodes from a pool of N films.

        `classes`: str [N], each film's class. `groups`: [N], its patient (or group of near-duplicates).
        `draws`: int [N], for a bootstrapped pool: which drawing of its patient the film came with. A patient drawn
        twice is twice as likely in the support (once at most) and may be twice in the query. None: each drawn once.
        `roles`: bool [N, 2], whether a film may be support and whether it may be a query, for episodes from one source
        to another. None: every film may be both.

        A support patient is drawn uniformly, then one of their films. A draw of patients that leaves a class
        without enough query films is drawn again, up to 100 times. Raises `EpisodeError` where the pool does not
        allow the episodes, `ArgumentError` where the arrays do not fit together or have gaps.
        """
        names, label, group = _encoded(classes, groups)
        ways = self.n_way or 2
        if len(names) < ways:
            raise EpisodeError(f"n_way: {ways} classes wanted, {len(names)} found ({', '.join(names)}); use fewer ways")
        draw = group if draws is None else np.asarray(draws, dtype=np.int64)
        pools = [_Sides.build(name, label == code, group, draw, roles) for code, name in enumerate(names)]
        for pool in pools:
            pool.check(self.n_shot, self.n_query)
        rng = np.random.default_rng(self.seed)
        way = self._ways(len(names), rng)
        step = max(1, KEYS_AT_ONCE // len(label))
        chunks = np.split(way, range(step, len(way), step))
        parts = [self._films(pools, chunk, int(group.max()) + 1, rng) for chunk in chunks]
        support, query = (np.concatenate(side).reshape(len(way), -1) for side in zip(*parts, strict=True))
        return Episodes(names, way, support, query, self.n_shot)

    def _ways(self, count: int, rng: np.random.Generator) -> Ints:
        """The classes of each episode, int [E, W], ascending."""
        if self.n_way in (None, count):
            return np.tile(np.arange(count), (self.episodes, 1))
        return np.sort(rng.random((self.episodes, count)).argsort(axis=1)[:, : self.n_way], axis=1)

    def _films(self, pools: list[_Sides], way: Ints, n_groups: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Support [E, W, K] and query [E, W, Q] films for the classes `way` [E, W]; short episodes are drawn again."""
        support = np.empty((*way.shape, self.n_shot), np.int64)
        query = np.empty((*way.shape, self.n_query), np.int64)
        todo = np.arange(len(way))
        for _ in range(REDRAWS):
            support[todo], query[todo], short = self._attempt(pools, way[todo], n_groups, rng)
            todo = todo[short >= 0]
            if not len(todo):
                return support, query
        found = f"in {REDRAWS} draws of the support patients"
        raise pools[short.max()].query.too_few_queries(self.n_shot, self.n_query, found)

    def _attempt(
        self, pools: list[_Sides], way: Ints, n_groups: int, rng: np.random.Generator
    ) -> tuple[Ints, Ints, Ints]:
        """One draw of every episode, and the class that fell short of queries in each (-1: none), int [E]."""
        support = np.empty((*way.shape, self.n_shot), np.int64)
        query = np.empty((*way.shape, self.n_query), np.int64)
        taken = np.zeros((len(way), n_groups), dtype=bool)
        short = np.full(len(way), -1)
        seats = [np.nonzero(way == code) for code in range(len(pools))]
        orders = [pool.support.shuffled(len(rows), rng) for pool, (rows, _) in zip(pools, seats, strict=True)]
        for pool, (rows, slot), order in zip(pools, seats, orders, strict=True):
            support[rows, slot], patients = pool.support.draw_support(order, self.n_shot, rng)
            taken[rows[:, None], patients] = True
        for code, (pool, (rows, slot), order) in enumerate(zip(pools, seats, orders, strict=True)):
            own = order if pool.query is pool.support else pool.query.shuffled(len(rows), rng)
            query[rows, slot], enough = pool.query.draw_query(own, taken[rows], self.n_query, rng)
            short[rows[~enough]] = code
        return support, query, short


class _Sides(NamedTuple):
    """The films of one class that may be support, and those that may be queries; one object where they are the same."""

    support: _ClassPool
    query: _ClassPool

    @classmethod
    def build(cls, name: str, here: NDArray[np.bool_], group: Ints, draw: Ints, roles: ArrayLike | None) -> _Sides:
        """From `here`, bool [N], the films of the class."""
        if roles is None:
            both = _ClassPool.build(name, np.flatnonzero(here), group, draw)
            return cls(both, both)
        allowed = np.asarray(roles, dtype=bool)
        if allowed.shape != (len(here), 2):
            raise ArgumentError(f"roles: wanted bool [{len(here)}, 2], got shape {list(allowed.shape)}")
        sides = dict(zip(cls._fields, (here[:, None] & allowed).T, strict=True))
        for side, films in sides.items():
            if not films.any():
                raise EpisodeError(f"class '{name}': no film may be {side}; name other roles")
        return cls(*(_ClassPool.build(name, np.flatnonzero(films), group, draw) for films in sides.values()))

    def check(self, n_shot: int, n_query: int) -> None:
        """Raise `EpisodeError` where no choice of support patients could do."""
        self.support.check_support(n_shot)
        if self.query is self.support:
            self.query.check_query(n_shot, n_query)
        else:
            self.query.check_query(0, n_query)


@dataclass(frozen=True, eq=False)
class _ClassPool:
    """The n films of one class, sorted by patient and then by draw.

    `film`, `group`, `draw`: int [n]; `draw` counts from 0. `rank`: int [n], place within the draw.
    `group_start`: int [G], each patient's first draw; `film_start`: int [G], each patient's first film.
    """

    name: str
    film: Ints
    group: Ints
    draw: Ints
    rank: Ints
    group_start: Ints
    film_start: Ints

    @classmethod
    def build(cls, name: str, film: Ints, group: Ints, draw: Ints) -> _ClassPool:
        film = film[np.lexsort((draw[film], group[film]))]
        new_group = np.diff(group[film], prepend=-1) != 0
        new_draw = new_group | (np.diff(draw[film], prepend=-1) != 0)
        number = np.cumsum(new_draw) - 1
        rank = np.arange(len(film)) - np.flatnonzero(new_draw)[number]
        return cls(name, film, group[film], number, rank, number[new_group], np.flatnonzero(new_group))

    def check_support(self, n_shot: int) -> None:
        """Raise `EpisodeError` where there are too few patients for the support."""
        patients = len(self.group_start)
        if patients < n_shot:
            raise EpisodeError(
                f"class '{self.name}': {n_shot} shots of {n_shot} different patients wanted,"
                f" {patients} patients found ({len(self.film)} films); use fewer shots"
            )

    def check_query(self, n_shot: int, n_query: int) -> None:
        """Raise `EpisodeError` where too few films are left beside any `n_shot` patients of these."""
        films_each = np.sort(np.diff(self.film_start, append=len(self.film)))
        if films_each[n_shot:].sum() < n_query:
            raise self.too_few_queries(n_shot, n_query, f"at most {films_each[n_shot:].sum()} left")

    def too_few_queries(self, n_shot: int, n_query: int, found: str) -> EpisodeError:
        """The error that says how many query films were wanted and what was found."""
        return EpisodeError(
            f"class '{self.name}': {n_query} query films wanted beside {n_shot} support patients, not found {found}"
            f" ({len(self.film)} films of {len(self.group_start)} patients in all); use fewer shots or queries"
        )

    def shuffled(self, count: int, rng: np.random.Generator) -> Ints:
        """Positions [count, n] with the films of every draw in random order, the draws in their places."""
        if not self.rank.any():
            return np.broadcast_to(np.arange(len(self.film)), (count, len(self.film)))
        return (self.draw + rng.random((count, len(self.film)))).argsort(axis=1)

    def draw_support(self, order: Ints, n_shot: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Films and patients, both [count, K]: K patients, and of each the first film in `order`."""
        keys = rng.random((len(order), int(self.draw[-1]) + 1))
        lowest = np.minimum.reduceat(keys, self.group_start, axis=1)
        first = self.film_start[lowest.argpartition(n_shot - 1, axis=1)[:, :n_shot]]
        return self.film[np.take_along_axis(order, first, axis=1)], self.group[first]

    def draw_query(
        self, order: Ints, taken: NDArray[np.bool_], n_query: int, rng: np.random.Generator
    ) -> tuple[Ints, NDArray[np.bool_]]:
        """Films [count, Q] of patients not `taken` (bool [count, patients]), and whether there were Q (bool [count]).

        The key's whole part is the film's place within its draw, so that second films come after all first ones.
        """
        keys = self.rank + rng.random(order.shape)
        keys[taken[:, self.group]] = np.inf
        nearest = keys.argpartition(n_query - 1, axis=1)[:, :n_query]
        enough = np.asarray(np.isfinite(np.take_along_axis(keys, nearest, axis=1)).all(axis=1))
        return self.film[np.take_along_axis(order, nearest, axis=1)], enough


def _encoded(classes: ArrayLike, groups: ArrayLike) -> tuple[tuple[str, ...], Ints, Ints]:
    """Sorted class names, and each film's class and patient as numbers, int [N]."""
    label, names = pd.factorize(np.asarray(classes, dtype=object), sort=True)
    group, _ = pd.factorize(np.asarray(groups, dtype=object))
    if len(label) != len(group) or not len(label):
        raise ArgumentError(f"classes and groups: wanted one of each per film, got {len(label)} and {len(group)}")
    for name, codes in (("classes", label), ("groups", group)):
        if (codes < 0).any():
            film = int(np.flatnonzero(codes < 0)[0])
            raise ArgumentError(f"{name}: film {film} has none; give it one of its own or leave it out")
    return tuple(str(name) for name in names), label.astype(np.int64), group.astype(np.int64)
