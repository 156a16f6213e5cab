"""The pairs of the Siamese DeepCovid19."""

from __future__ import annotations

import numpy as np

from embedlearn.encoders.samplers.base import Sampler
from embedlearn.encoders.samplers.index import Indices


class SiamesePairSampler(Sampler):
    """The pairs of the Siamese DeepCovid19, on an epoch's shuffled films: n of each class, n the smallest class's size.

    Positives are neighbours, (i, i + 1 mod n); negatives are (i, i) with the next class, reversed for the smallest.
    Films of larger classes beyond the first n wait for another epoch. A unit is a pair.
    """

    name = "siamese"
    arity = 2
    balances = ("classes",)
    rules = ("any",)

    def _measure(self) -> tuple[int, int]:
        return 2 * len(self.index.sizes) * int(self.index.sizes.min()), 2

    def _draw(self, random: np.random.Generator) -> Indices:
        classes = np.split(self.index.films, self.index.starts[1:-1])
        n, smallest = self.index.sizes.min(), self.index.sizes.argmin()
        drawn = [random.permutation(films)[:n] for films in classes]
        pairs = []
        for index, films in enumerate(drawn):
            other = drawn[(index + 1) % len(drawn)]
            pairs.append(np.stack([films, np.roll(films, -1)], axis=1))
            pairs.append(np.stack([films, other[::-1] if index == smallest else other], axis=1))
        return random.permutation(np.concatenate(pairs))
