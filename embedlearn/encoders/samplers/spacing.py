"""Films in batches so that no batch holds two of one class and patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.samplers.index import FilmIndex, Indices
from embedlearn.encoders.samplers.splitting import split_evenly
from embedlearn.errors import ArgumentError


class Spacing:
    """Plans in which each of `batches` batches holds `share` films of every cell of `index`, and no two kin.

    A plan holds every film, those of smaller cells more than once, but no kin more often than there are batches; kin
    stand evenly apart. Raises `ArgumentError` where kin outnumber the batches, or a cell has too few patients.
    """

    def __init__(self, index: FilmIndex, batches: int, share: int) -> None:
        self.index, self.batches, self.share = index, batches, share
        self._check_kin()
        start, films, most = index.runs[:-1], np.diff(index.runs), self._limits()
        edges = np.searchsorted(start, index.starts)
        self.cells = []
        for part in map(slice, edges[:-1], edges[1:]):
            if most[part].sum() < batches * share:
                torn = ", some with films in other sources," if (patients := len(start[part])) >= share else ","
                raise ArgumentError(
                    f"--patients different: {index.name_cell(start[part][0])} has {patients} patients{torn} too few for"
                    f" {share} different ones in each of {batches} batches; use a smaller --batch or --patients any"
                )
            self.cells.append(_Repeats(start[part], films[part], most[part], batches * share))

    def draw(self, random: np.random.Generator) -> Indices:
        """A plan, ordinals of films int64 [cells, batches, share]."""
        films = np.stack([cell.draw(random) for cell in self.cells])
        due = _spread(self.index.kin[films].reshape(-1), random).reshape(films.shape)
        films = np.take_along_axis(films, due.argsort(axis=1), axis=1)
        plan: Indices = films.reshape(-1, self.batches, self.share)
        self._part_kin(plan, random)
        return plan

    def _check_kin(self) -> None:
        sizes = np.bincount(self.index.kin)
        if sizes.max() > self.batches:
            film = int(np.flatnonzero(self.index.kin == sizes.argmax())[0])
            raise ArgumentError(
                f"--patients different: {self.index.name_patient(film)} has {sizes.max()} films of"
                f" {self.index.name_class(film)}, more than the {self.batches} batches of an epoch; use a smaller"
                " --batch or --patients any"
            )

    def _limits(self) -> Indices:
        """How often a plan may hold films of each run, int64 [runs], so that kin are in it `batches` times at most.

        A run gets a time for each film; what is left to the kin goes to its runs by the repeats that each would need.
        """
        run, films = self.index.runs[:-1], np.diff(self.index.runs)
        kin, cell = self.index.kin[run], self.index.cell[run]
        wanted = films * (self.batches * self.share - self.index.sizes[cell])
        of_all = np.zeros(kin.max() + 1, np.int64)
        np.add.at(of_all, kin, wanted)
        left = self.batches - np.bincount(self.index.kin)[kin]
        limits: Indices = films + left * wanted // np.maximum(of_all, 1)[kin]
        return limits

    def _part_kin(self, plan: Indices, random: np.random.Generator) -> None:
        """Part, in place, the kin that still meet in a batch of `plan`.

        Where kin meet, that batch and one without them share out their films anew, evenly for all kin, so that meetings
        only become fewer. There is one without them, since kin are in the plan no more often than there are batches.
        """
        kin = self.index.kin[plan]
        while len(meetings := self._find_meetings(kin)):
            for who, batch in meetings:
                if np.count_nonzero(kin[:, batch] == who) > 1:
                    pair = [batch, random.choice(np.flatnonzero((kin != who).all(axis=(0, 2))))]
                    films = plan[:, pair].reshape(len(plan), -1)
                    films = np.take_along_axis(films, split_evenly(self.index.kin[films], random), axis=1)
                    plan[:, pair] = films.reshape(len(plan), 2, -1)
                    kin[:, pair] = self.index.kin[plan[:, pair]]

    def _find_meetings(self, kin: Indices) -> Indices:
        """Kin that are in a batch more than once, and the batch, int64 [M, 2]; `kin` are those of a plan."""
        codes = np.sort(kin * self.batches + np.arange(self.batches)[:, None], axis=None)
        return np.stack(np.divmod(codes[1:][codes[1:] == codes[:-1]], self.batches), axis=1)


class _Repeats:
    """How often the films of a cell are drawn, `length` in all: alike often, where the limits of their runs allow it.

    `start`, `films` and `most`, int64 [runs]: the first film of each run, its films, and how often it may be drawn.
    """

    def __init__(self, start: Indices, films: Indices, most: Indices, length: int) -> None:
        self.start, self.films, self.length = start, films, length
        full = np.zeros(len(films), np.bool_)  # runs that are drawn as often as they may
        while True:
            left, rest = length - most[full].sum(), films[~full].sum()
            over = ~full & (left * films > most * rest)
            if not over.any():
                break
            full |= over
        self.scale = rest
        self.expected = np.where(full, most * rest, left * films)  # times `scale`, so that all is exact

    def draw(self, random: np.random.Generator) -> Indices:
        """Ordinals, int64 [length], by systematic sampling (Madow 1949): each run as often as expected, within one."""
        order = random.permutation(len(self.start))
        start, films = self.start[order], self.films[order]
        ends = -((random.integers(self.scale) - np.cumsum(self.expected[order])) // self.scale)
        times = np.diff(ends, prepend=0)
        turns = np.arange(self.length) - np.repeat(ends - times - random.integers(films), times)
        drawn: Indices = np.repeat(start, times) + turns % np.repeat(films, times)
        return drawn


def _spread(kin: Indices, random: np.random.Generator) -> NDArray[np.float64]:
    """When in an epoch each film is due, float64 [M] from 0 to 1: kin, int64 [M], in random order and evenly apart."""
    order, count = np.argsort(kin + random.random(len(kin))), np.bincount(kin)
    turn = np.empty(len(kin), np.int64)
    turn[order] = np.arange(len(kin)) - np.repeat(np.cumsum(count) - count, count)
    return (turn + random.random(len(count))[kin]) / count[kin]
