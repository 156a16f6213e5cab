"""Drawing episodes from a pool so that no patient is on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.drawing import Side, draw_films
from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError, EpisodeError

REDRAWS = 100
DIRICHLET = 2.0
PREVALENCES = ("balanced", "natural", "dirichlet")

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class EpisodeSampler:
    """N-way K-shot episodes (Vinyals 2016, section 4.1), disjoint by patient.

    `n_way`: classes an episode; None for all of the pool's. `n_shot`: support films a class, each of a different
    patient. `shots_of`: other numbers for some classes by name, where all classes take part. `n_query`: query films a
    class, of different patients as long as there are enough; W * n_query in an episode. `prevalence`: how the queries
    fall on the classes: `balanced`, n_query each; `natural`, at random with the shares that the classes have among the
    pool's films that may be queries; `dirichlet`, with shares drawn anew for each episode from Dirichlet(2, .., 2)
    (Veilleux 2021, arXiv 2204.11181, section 3.1); or a share for each class by name. `episodes`: how many to draw.
    `seed`: the same seed and pool give the same episodes.

    Raises `ArgumentError` where a setting is of no use.
    """

    n_way: int | None
    n_shot: int
    n_query: int
    episodes: int = 1000
    seed: int = 0
    shots_of: Mapping[str, int] = field(default_factory=dict)
    prevalence: str | Mapping[str, float] = "balanced"

    def __post_init__(self) -> None:
        for name, least in (("n_way", 2), ("n_shot", 1), ("n_query", 1), ("episodes", 1), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ArgumentError(f"{name}: wanted {least} or more, got {value}")
        for name, shots in self.shots_of.items():
            if shots < 1:
                raise ArgumentError(f"shots_of {name}: wanted 1 or more, got {shots}")
        if isinstance(self.prevalence, str) and self.prevalence not in PREVALENCES:
            wanted = f"{', '.join(PREVALENCES)} or a share for each class"
            raise ArgumentError(f"prevalence: wanted {wanted}, got {self.prevalence!r}")

    def sample(
        self, classes: ArrayLike, groups: ArrayLike, draws: ArrayLike | None = None, roles: ArrayLike | None = None
    ) -> Episodes:
        """Draw the episodes from a pool of N films.

        `classes`: str [N], each film's class. `groups`: [N], its patient (or group of near-duplicates).
        `draws`: int [N], for a bootstrapped pool: which drawing of its patient the film came with. A patient drawn
        twice is twice as likely in the support (once at most) and may be twice in the query. None: each drawn once.
        `roles`: bool [N, 2], whether a film may be support and whether it may be a query, for episodes from one source
        to another. None: every film may be both.

        A support patient is drawn uniformly, then one of their films. An episode that leaves a class without enough
        query films is drawn again, how its queries fall on the classes too, up to 100 times: of a class with few films,
        unbalanced queries hold no more than there are. Raises `EpisodeError` where the pool does not allow the
        episodes, `ArgumentError` where the arrays do not fit together or have gaps.
        """
        names, label, group = _encoded(classes, groups)
        ways = self.n_way or len(names)
        if len(names) < max(ways, 2):
            raise EpisodeError(
                f"n_way: {max(ways, 2)} classes wanted, {len(names)} found ({', '.join(names)}); use fewer ways"
            )
        draw = group if draws is None else np.asarray(draws, dtype=np.int64)
        pool = _Pool.build(names, label, group, draw, roles)
        shots = self._shots(names, ways)
        pool.check(shots, self.n_query if self.prevalence == "balanced" else 0)
        rng = np.random.default_rng(self.seed)
        way = self._ways(len(names), rng)
        shares = self._shares(pool)
        counts = self._counts(shares, way, rng)
        patients, state = int(group.max()) + 1, rng.integers(2**64, size=1, dtype=np.uint64)
        support, query, short = draw_films(way, np.array(shots), counts, pool.support, pool.query, patients, state)
        todo = np.flatnonzero(short >= 0)
        for _ in range(REDRAWS - 1):
            if not len(todo):
                break
            counts[todo] = self._counts(shares, way[todo], rng)
            support[todo], query[todo], short = draw_films(
                way[todo], np.array(shots), counts[todo], pool.support, pool.query, patients, state
            )
            todo = todo[short >= 0]
        if len(todo):
            code, seat = int(short[short >= 0][0]), todo[0]
            slot = int(np.flatnonzero(way[seat] == code)[0])
            raise pool.too_few_queries(code, shots[slot], int(counts[seat, slot]), f"in {REDRAWS} draws")
        return Episodes(names, way, shots, support, query, _labels(counts))

    def _shots(self, names: tuple[str, ...], ways: int) -> tuple[int, ...]:
        """Support films of each slot."""
        if not self.shots_of:
            return (self.n_shot,) * ways
        if unknown := sorted(set(self.shots_of) - set(names)):
            raise ArgumentError(f"shots_of: wanted classes among {', '.join(names)}, got {', '.join(unknown)}")
        if ways < len(names):
            raise ArgumentError(f"shots_of: wanted episodes of all {len(names)} classes, got {ways} ways")
        return tuple(self.shots_of.get(name, self.n_shot) for name in names)

    def _ways(self, count: int, rng: np.random.Generator) -> Ints:
        """The classes of each episode, int [E, W], ascending."""
        if self.n_way in (None, count):
            return np.tile(np.arange(count), (self.episodes, 1))
        return np.sort(rng.random((self.episodes, count)).argsort(axis=1)[:, : self.n_way], axis=1)

    def _shares(self, pool: _Pool) -> NDArray[np.float64] | None:
        """How much of the queries each class has, float64 [C]; None where that is the same or drawn an episode."""
        if self.prevalence == "natural":
            return np.array([len(pool.query.films(code)) for code in range(len(pool.names))], float)
        if isinstance(self.prevalence, str):
            return None
        if set(self.prevalence) != set(pool.names) or not all(0 < share < np.inf for share in self.prevalence.values()):
            wanted = f"wanted a share above 0 for each of {', '.join(pool.names)}"
            raise ArgumentError(f"prevalence: {wanted}, got {dict(self.prevalence)}")
        return np.array([self.prevalence[name] for name in pool.names], float)

    def _counts(self, shares: NDArray[np.float64] | None, way: Ints, rng: np.random.Generator) -> Ints:
        """Queries of each slot, int [E, W]."""
        episodes, ways = way.shape
        if self.prevalence == "balanced":
            return np.full((episodes, ways), self.n_query)
        if shares is None:
            odds = rng.dirichlet(np.full(ways, DIRICHLET), episodes)
        else:
            odds = shares[way] / shares[way].sum(axis=1, keepdims=True)
        return rng.multinomial(ways * self.n_query, odds)


@dataclass(frozen=True, eq=False)
class _Pool:
    """The films that may be support, and those that may be queries; one object where they are the same."""

    names: tuple[str, ...]
    support: Side
    query: Side

    @classmethod
    def build(cls, names: tuple[str, ...], label: Ints, group: Ints, draw: Ints, roles: ArrayLike | None) -> _Pool:
        if roles is None:
            both = Side.build(label, group, draw, np.ones(len(label), bool), len(names))
            return cls(names, both, both)
        allowed = np.asarray(roles, dtype=bool)
        if allowed.shape != (len(label), 2):
            raise ArgumentError(f"roles: wanted bool [{len(label)}, 2], got shape {list(allowed.shape)}")
        sides = [Side.build(label, group, draw, films, len(names)) for films in allowed.T]
        for role, side in zip(("support", "query"), sides, strict=True):
            for code, name in enumerate(names):
                if not len(side.films(code)):
                    raise EpisodeError(f"class '{name}': no film may be {role}; name other roles")
        return cls(names, *sides)

    def check(self, shots: tuple[int, ...], n_query: int) -> None:
        """Raise `EpisodeError` where no choice of support patients could do; `n_query` 0 asks for any number."""
        for code, name in enumerate(self.names):
            wanted = shots[code] if len(shots) == len(self.names) else max(shots)
            patients = self.support.films_of_patients(code)
            if len(patients) < wanted:
                raise EpisodeError(
                    f"class '{name}': {wanted} shots of {wanted} different patients wanted,"
                    f" {len(patients)} patients found ({patients.sum()} films); use fewer shots"
                )
            beside = wanted if self.query is self.support else 0
            left = np.sort(self.query.films_of_patients(code))[beside:].sum()
            if left < n_query:
                raise self.too_few_queries(code, beside, n_query, f"at most {left} left")

    def too_few_queries(self, code: int, n_shot: int, n_query: int, found: str) -> EpisodeError:
        """The error that says how many query films were wanted and what was found."""
        patients = self.query.films_of_patients(code)
        beside = f" beside {n_shot} support patients" if n_shot else ""
        return EpisodeError(
            f"class '{self.names[code]}': {n_query} query films wanted{beside}, not found {found}"
            f" ({patients.sum()} films of {len(patients)} patients in all); use fewer shots or queries"
        )


def _labels(counts: Ints) -> Ints:
    """The slot of each query, int [E, T], from how many each slot has, int [E, W]."""
    if (counts == counts[0]).all():
        return np.broadcast_to(np.repeat(np.arange(counts.shape[1]), counts[0]), (len(counts), counts[0].sum()))
    return np.repeat(np.tile(np.arange(counts.shape[1]), len(counts)), counts.ravel()).reshape(len(counts), -1)


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
