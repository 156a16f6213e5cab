"""Which films stand together in a batch. Every sampler is stateless: an epoch's batches follow from (seed, epoch).

All are balanced over classes and see every film in an epoch (a smaller class is gone through more than once), but for
`siamese`, which keeps the published scheme. With several processes each takes its own part of every batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.settings import Sampling
from embedlearn.errors import ArgumentError

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Films of one step: int64 [B] rows, and int64 [T, 2 or 3] positions in them where pairs or triplets are given.

    A pair is (anchor, other), positive where the two labels are equal; a triplet is (anchor, positive, negative).
    """

    films: Indices
    tuples: Indices | None = None


class Sampler(ABC):
    """Batches of `batch` films over `labels`, int [N]; this process takes the `rank`-th of `world` parts of each."""

    def __init__(
        self, labels: NDArray[np.integer], batch: int, *, seed: int = 0, rank: int = 0, world: int = 1
    ) -> None:
        self.labels = np.asarray(labels)
        self.classes = [np.flatnonzero(self.labels == label) for label in np.unique(self.labels)]
        self.batch, self.seed, self.rank, self.world = batch, seed, rank, world
        if len(self.classes) < 2:
            raise ArgumentError("training: wanted films of at least two classes, got one; add data or drop --classes")
        if min(map(len, self.classes)) < 2:
            raise ArgumentError("training: a class has a single film, which makes no positive pair; add films")

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, in order."""
        units = self._units(np.random.default_rng([self.seed, epoch]))
        width = units.shape[1]
        per_batch = max(1, self.batch // width)
        for start in range(0, len(units), per_batch):
            mine = units[start : start + per_batch][self.rank :: self.world]
            if len(mine) * width >= 2:
                yield self._make_batch(mine)

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return sum(1 for _ in self.epoch(0))

    @abstractmethod
    def _units(self, random: np.random.Generator) -> Indices:
        """What an epoch is made of, int64 [U, films in a unit]: a unit is never torn apart."""

    def _make_batch(self, units: Indices) -> Batch:
        positions = np.arange(units.size).reshape(units.shape)
        return Batch(units.reshape(-1), positions)

    def _shuffled(self, rows: Indices, length: int, random: np.random.Generator) -> Indices:
        """`length` entries of `rows`, permutation after permutation."""
        rounds = -(-length // len(rows))
        return np.concatenate([random.permutation(rows) for _ in range(rounds)])[:length]

    def _other_of_same_class(self, anchors: Indices, random: np.random.Generator) -> Indices:
        """A film of each anchor's class that is not the anchor itself."""
        chosen = np.empty_like(anchors)
        for rows in self.classes:
            here = np.isin(anchors, rows)
            place = np.searchsorted(rows, anchors[here])
            chosen[here] = rows[(place + random.integers(1, len(rows), here.sum())) % len(rows)]
        return chosen

    def _of_another_class(self, anchors: Indices, random: np.random.Generator) -> Indices:
        """A film of a class that is not the anchor's, the class drawn first."""
        chosen = np.empty_like(anchors)
        for index, rows in enumerate(self.classes):
            here = np.flatnonzero(np.isin(anchors, rows))
            others = [other for place, other in enumerate(self.classes) if place != index]
            drawn = random.integers(0, len(others), len(here))
            for place, other in enumerate(others):
                at = here[drawn == place]
                chosen[at] = random.choice(other, len(at))
        return chosen

    def _anchors(self, random: np.random.Generator) -> Indices:
        """Every film at least once, the classes in equal numbers, in random order."""
        largest = max(map(len, self.classes))
        return random.permutation(np.concatenate([self._shuffled(rows, largest, random) for rows in self.classes]))


class ClassSampler(Sampler):
    """P classes x K films (Hermans 2017): each unit holds one film of every class, so every batch is balanced."""

    def _units(self, random: np.random.Generator) -> Indices:
        largest = max(map(len, self.classes))
        return np.stack([self._shuffled(rows, largest, random) for rows in self.classes], axis=1)

    def _make_batch(self, units: Indices) -> Batch:
        return Batch(units.reshape(-1))


class PairSampler(Sampler):
    """Each anchor once with a film of its class and once with one of another (Hadsell 2006).

    A unit is the two pairs of an anchor, so that every process gets as many positives as negatives.
    """

    def _units(self, random: np.random.Generator) -> Indices:
        anchors = self._anchors(random)
        positives = self._other_of_same_class(anchors, random)
        return np.stack([anchors, positives, anchors, self._of_another_class(anchors, random)], axis=1)

    def _make_batch(self, units: Indices) -> Batch:
        return Batch(units.reshape(-1), np.arange(units.size).reshape(-1, 2))


class SiamesePairSampler(Sampler):
    """The pairs of the Siamese DeepCovid19, on an epoch's shuffled films: n of each class, n the smallest class's size.

    Positives are neighbours, (i, i + 1 mod n); negatives are (i, i) with the next class, reversed for the smallest.
    Films of larger classes beyond the first n wait for another epoch.
    """

    def _units(self, random: np.random.Generator) -> Indices:
        n = min(map(len, self.classes))
        smallest = min(range(len(self.classes)), key=lambda index: len(self.classes[index]))
        drawn = [random.permutation(rows)[:n] for rows in self.classes]
        pairs = []
        for index, films in enumerate(drawn):
            other = drawn[(index + 1) % len(drawn)]
            pairs.append(np.stack([films, np.roll(films, -1)], axis=1))
            pairs.append(np.stack([films, other[::-1] if index == smallest else other], axis=1))
        return random.permutation(np.concatenate(pairs))


class TripletSampler(Sampler):
    """Each anchor once, with a random positive and a random negative (Schroff 2015)."""

    def _units(self, random: np.random.Generator) -> Indices:
        anchors = self._anchors(random)
        return np.stack(
            [anchors, self._other_of_same_class(anchors, random), self._of_another_class(anchors, random)], axis=1
        )


SAMPLERS: dict[str, type[Sampler]] = {
    "classes": ClassSampler,
    "pairs": PairSampler,
    "siamese": SiamesePairSampler,
    "triplets": TripletSampler,
}


def create_sampler(
    settings: Sampling, labels: NDArray[np.integer], *, seed: int = 0, rank: int = 0, world: int = 1
) -> Sampler:
    """The sampler that `settings` name. Raises `ArgumentError` where the labels allow no pair."""
    return SAMPLERS[settings.sampler](labels, settings.batch, seed=seed, rank=rank, world=world)
