"""Pairs and triplets around anchors: every film in its turn, with a film of its class and one of another."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from embedlearn.encoders.samplers.base import Sampler
from embedlearn.encoders.samplers.index import Indices, shuffled
from embedlearn.encoders.samplers.partners import Partners


class AnchorSampler(Sampler):
    """Anchors of all cells in equal numbers, in random order, each film at least once, each with two partners.

    With `positives` "same" the anchors are the films whose patient has another of their class; the rest are negatives
    only.
    """

    columns: ClassVar[tuple[int, ...]]
    """The films of a unit: 0 is the anchor, 1 its positive, 2 its negative."""

    def _measure(self) -> tuple[int, int]:
        self.partners = Partners(self.index, self.positives)
        return len(self.partners.anchors) * max(map(len, self.partners.anchors)), len(self.columns)

    def _draw(self, random: np.random.Generator) -> Indices:
        each = self.units // len(self.partners.anchors)
        anchors = random.permutation(np.concatenate([shuffled(cell, each, random) for cell in self.partners.anchors]))
        positives, negatives = (draw(anchors, random) for draw in (self.partners.positives, self.partners.negatives))
        units: Indices = self.index.films[np.stack([anchors, positives, negatives], axis=1)[:, self.columns]]
        return units


class PairSampler(AnchorSampler):
    """Each anchor once with a film of its class and once with one of another (Hadsell 2006).

    A unit is the two pairs of an anchor, so that every process gets as many positives as negatives.
    """

    name = "pairs"
    arity = 2
    columns = (0, 1, 0, 2)


class TripletSampler(AnchorSampler):
    """Each anchor once, with a random positive and a random negative (Schroff 2015)."""

    name = "triplets"
    arity = 3
    columns = (0, 1, 2)
