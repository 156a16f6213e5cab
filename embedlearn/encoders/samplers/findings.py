"""Whole batches in which every finding has its films, and every film another that it shares a finding with."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.samplers.base import Sampler
from embedlearn.encoders.samplers.index import Indices, shuffled


class FindingSampler(Sampler):
    """Each unit holds an anchor and a partner of every finding, and of the healthy films: findings in equal parts.

    `findings`: int64 [N, K], 1 where a film shows one, 0 where not, -1 where that is unknown. A film is a member of all
    it shows, and may stand in a batch for several. A finding's films are its anchors one after another; a partner is
    any other of them, so that the label sets of every film and of at least one other in its batch overlap. Films that
    show nothing but of which something is unknown may be healthy or not, and are a part of their own, without that
    promise (a single one is left out). With `balance` "sources" the parts are the findings of
    every source; one of a single film there gets no partner but itself.

    An epoch is as many films as there are: of a rare finding each comes often, of a frequent one some come, which ones
    is drawn anew each epoch.
    """

    name = "findings"
    arity = 0
    rules = ("any",)

    def __init__(
        self,
        findings: NDArray[np.integer],
        batch: int,
        *,
        sources: NDArray[np.integer] | None = None,
        balance: Literal["classes", "sources"] = "classes",
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        shown = findings == 1
        open_ = ~shown.any(1) & (findings < 0).any(1)
        members = np.column_stack([~shown.any(1) & ~open_, shown, open_ & (open_.sum() > 1)])
        self.rows, part = np.nonzero(members)  # a row for each film and each part it is a member of
        self.count = len(findings)
        super().__init__(
            part, batch, sources=None if sources is None else sources[self.rows], balance=balance, seed=seed,
            rank=rank, world=world,
        )  # fmt: skip

    def shares(self) -> NDArray[np.float64]:
        """How much of all that is drawn each film is, float64 [N]."""
        sizes = self.index.sizes
        drawn = 1 / (len(sizes) * np.repeat(sizes, sizes))
        shares = np.zeros(self.count)
        np.add.at(shares, self.rows[self.index.films], drawn)
        return shares

    def _measure(self) -> tuple[int, int]:
        width = 2 * len(self.index.sizes)
        return max(self.world, -(-self.count // width)), width

    def _draw(self, random: np.random.Generator) -> Indices:
        columns = []
        for start, size in zip(self.index.starts[:-1], self.index.sizes, strict=True):
            anchors = shuffled(np.arange(size), self.units, random)
            steps = random.integers(1, max(size, 2), self.units)
            columns += [start + anchors, start + (anchors + steps) % size]
        units: Indices = self.rows[self.index.films[np.stack(columns, axis=1)]]
        return units
