"""Whole batches with equally many films of every class, for losses that look at all of a batch."""

from __future__ import annotations

import numpy as np

from embedlearn.encoders.samplers.base import Sampler
from embedlearn.encoders.samplers.index import Indices, shuffled
from embedlearn.encoders.samplers.spacing import Spacing


class ClassSampler(Sampler):
    """P classes x K films (Hermans 2017): each unit holds one film of every cell, so every batch is balanced.

    With `positives` "different" no batch holds two films of one class and patient, and all batches are of one size.
    """

    name = "classes"
    arity = 0
    rules = ("any", "different")

    def _measure(self) -> tuple[int, int]:
        width, units = len(self.index.sizes), int(self.index.sizes.max())
        if self.positives == "different":
            batches = self._count_batches(units, width)
            self.spacing = Spacing(self.index, batches, share=-(-units // batches))
            units = batches * self.spacing.share
        return units, width

    def _draw(self, random: np.random.Generator) -> Indices:
        if self.positives == "different":
            ordinals = self.spacing.draw(random).reshape(self.width, self.units)
        else:
            cells = np.split(np.arange(len(self.index.films)), self.index.starts[1:-1])
            ordinals = np.stack([shuffled(cell, self.units, random) for cell in cells])
        return self.index.films[ordinals.T]
