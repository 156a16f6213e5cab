"""What all samplers share: an epoch is drawn as one array of units, and a batch is a slice of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.samplers.index import FilmIndex, Indices
from embedlearn.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Batch:
    """One step: the B films of one process, of the `size` films that all processes have together.

    `films`: int64 [B], rows of the films. `places`: int64 [B], where each stands among the `size`, from 0.
    `tuples`: int64 [T, 2 or 3], positions in `films`, where pairs or triplets are given. A pair is (anchor, other),
    positive where the two labels are equal; a triplet is (anchor, positive, negative).
    """

    films: Indices
    places: Indices
    size: int
    tuples: Indices | None = None


class Sampler(ABC):
    """Batches of `batch` films, of all processes together, over N films; this process has the `rank`-th of `world`.

    `labels`: int [N]. `patients`: int64 [N], case numbers, and `sources`: int [N]; either may be None where it is not
    asked for. `balance`: what stands in equal parts, the "classes" or the classes of the "sources". `positives`:
    whether a positive pair may ("any"), may not ("different") or has to ("same") come from one patient.

    An epoch is an array of units, int64 [U, W], each W >= 2 films that are never torn apart. Its batches differ in size
    by one unit at the most, and hold at least one, whatever `batch` says.

    Raises `ArgumentError` where the films do not allow what is asked, or a process would have no part of a batch.
    """

    name: ClassVar[str]
    """What --sampler calls it."""
    arity: ClassVar[int]
    """Films in a tuple; 0 where none are given."""
    balances: ClassVar[tuple[str, ...]] = ("classes", "sources")
    rules: ClassVar[tuple[str, ...]] = ("any", "different", "same")

    def __init__(
        self,
        labels: NDArray[np.integer],
        batch: int,
        *,
        patients: NDArray[np.int64] | None = None,
        sources: NDArray[np.integer] | None = None,
        balance: Literal["classes", "sources"] = "classes",
        positives: Literal["any", "different", "same"] = "any",
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._require("--balance", balance, self.balances)
        self._require("--patients", positives, self.rules)
        self.batch, self.positives = batch, positives
        self.seed, self.rank, self.world = seed, rank, world
        labels = np.asarray(labels)
        source = None if balance == "classes" else _column("sources", sources, labels, f"--balance {balance}")
        patient = None if positives == "any" else _column("patients", patients, labels, f"--patients {positives}")
        self.index = FilmIndex(labels, sources=source, patients=patient)
        self.units, self.width = self._measure()
        self.batches = self._count_batches(self.units, self.width)
        if (smallest := self.units // self.batches) < world:
            raise ArgumentError(
                f"--batch {batch}: {world} processes cannot share batches of {smallest} x {self.width} films, as one"
                " would get none; use a larger --batch or fewer processes"
            )

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch in order, from step `first` on."""
        units = self._draw(np.random.default_rng([self.seed, epoch]))
        for step in range(first, self.batches):
            start, stop = (edge * self.units // self.batches for edge in (step, step + 1))
            mine = np.arange(self.rank, stop - start, self.world)
            films = units[start + mine].reshape(-1)
            places = (mine[:, None] * self.width + np.arange(self.width)).reshape(-1)
            tuples = np.arange(len(films)).reshape(-1, self.arity) if self.arity else None
            yield Batch(films, places, (stop - start) * self.width, tuples)

    def __len__(self) -> int:
        """How many batches an epoch has, for every process alike."""
        return self.batches

    @abstractmethod
    def _measure(self) -> tuple[int, int]:
        """Get ready to draw: how many units an epoch has, and how many films a unit. Raises `ArgumentError`."""

    @abstractmethod
    def _draw(self, random: np.random.Generator) -> Indices:
        """An epoch's units, int64 [U, W] rows of films."""

    def _count_batches(self, units: int, width: int) -> int:
        return -(-units // max(1, self.batch // width))

    def _require(self, flag: str, value: str, offered: tuple[str, ...]) -> None:
        if value not in offered:
            raise ArgumentError(
                f"--sampler {self.name} with {flag} {value}: wanted {flag} {' or '.join(offered)};"
                f" --sampler pairs and triplets take any {flag}"
            )


def _column(
    name: str, values: NDArray[np.integer] | None, labels: NDArray[np.integer], flag: str
) -> NDArray[np.integer]:
    if values is None or np.shape(values) != labels.shape:
        found = "None" if values is None else f"shape {np.shape(values)}"
        raise ArgumentError(f"{name}: {flag} wants one for every film, int [{len(labels)}], got {found}")
    return np.asarray(values)
