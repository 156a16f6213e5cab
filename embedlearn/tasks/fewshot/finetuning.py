"""The head that trains the encoder's last block on the support films of every episode."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.finetuning import FrozenTrunk, TunedTail, tune_tail
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.space import Floats, Space
from embedlearn.errors import ArgumentError, MismatchError


class FineTuneClassifier(EpisodeHead):
    """Fine-tuning from class means (Dhillon 2020, arXiv 1909.02729, section 3.1), of the encoder's last block only.

    The block, the linear layer and a cosine classifier are trained on the support films, as `tune_tail` says; the
    scores are `scale` * cosine.
    Instead of embeddings it reads the activations of the encoder's frozen trunk: X is float [S, D], the row of a film
    is `trunk.activations[film].ravel()`, and the films of an episode are places in `trunk.activations`.

    `trunk`: the pool's, by `freeze_trunk`; neither it nor the encoder is ever changed.
    `steps` of AdamW with `learning_rate` on the cross-entropy of `scale` * cosine.
    `device`: "cpu", "cuda" or "auto". On one, the same films give the same scores; nothing is drawn.
    Attribute set by `fit`: `tuned_`.
    """

    episodes_at_once: ClassVar[int] = 1  # one takes a third of a second and shares nothing with the next

    def __init__(
        self,
        trunk: FrozenTrunk,
        steps: int = 20,
        learning_rate: float = 3e-4,
        scale: float = 10.0,
        device: str = "cpu",
    ) -> None:
        self.trunk = trunk
        self.steps = steps
        self.learning_rate = learning_rate
        self.scale = scale
        self.device = device

    def check(self) -> None:
        """Raise `ArgumentError` for a setting of no use."""
        if self.steps < 1:
            raise ArgumentError(f"steps: wanted 1 or more, got {self.steps}")
        for name, value in (("learning_rate", self.learning_rate), ("scale", self.scale)):
            if not 0 < value < np.inf:
                raise ArgumentError(f"{name}: wanted a number above 0, got {value}")

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        self.check()
        rows, codes = self._support(X, y)
        self.tuned_ = self._tune(self._activations(rows), codes, len(self.classes_))
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        return self.scale * self.tuned_.cosines(self._activations(rows))

    def episode_scores(self, space: Space, episodes: Episodes) -> Floats:
        """As the base says; of `space` only the number of films counts. Raises `MismatchError` where it is another."""
        self.check()
        films = self.trunk.activations
        if len(space) != len(films):
            raise MismatchError(f"trunk: wanted the activations of the pool's {len(space)} films, got {len(films)}")
        scores = np.empty((*episodes.query.shape, episodes.n_way))
        for episode, (support, query) in enumerate(zip(episodes.support, episodes.query, strict=True)):
            tuned = self._tune(films[support], episodes.support_label, episodes.n_way)
            scores[episode] = self.scale * tuned.cosines(films[query])
        return scores

    def _activations(self, rows: Floats) -> Floats:
        """Rows [S, D] in the shape of activations, [S, ...]."""
        shape = self.trunk.activations.shape[1:]
        if rows.shape[1] != np.prod(shape):
            raise ArgumentError(f"X: wanted the {np.prod(shape)} activations {shape} of a film, got {rows.shape[1]}")
        return rows.reshape(-1, *shape)

    def _tune(self, support: NDArray[np.floating], label: NDArray[np.int64], n_way: int) -> TunedTail:
        return tune_tail(
            self.trunk.tail,
            support,
            label,
            n_way,
            steps=self.steps,
            learning_rate=self.learning_rate,
            scale=self.scale,
            device=choose_device(self.device),
        )
