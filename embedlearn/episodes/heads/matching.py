"""Attention over the support films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import InductiveHead, Ints
from embedlearn.episodes.space import Floats, normalized
from embedlearn.errors import ArgumentError


class MatchingClassifier(InductiveHead[tuple[NDArray[np.floating], Ints]]):
    """Matching networks' classifier (Vinyals 2016, arXiv 1606.04080) on a frozen encoder.

    A query's probabilities are the support labels weighed by attention, the softmax of `scale` * cosine (eq. 1 and
    section 2.1.1, where the scale is 1; more is sharper). A class with more support films draws more attention.
    The paper's full context embeddings (section 2.1.2) are LSTMs trained with the encoder, and are left out.

    `learnt_`: support films of unit length [e, S, D], and their slots, int [S].
    """

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def check(self) -> None:
        if not 0 < self.scale < np.inf:
            raise ArgumentError(f"scale: wanted a number above 0, got {self.scale}")

    def learn(self, support: NDArray[np.floating], label: Ints, n_way: int) -> tuple[NDArray[np.floating], Ints]:
        return normalized(support), label

    def respond(self, learnt: tuple[NDArray[np.floating], Ints], query: NDArray[np.floating]) -> Floats:
        support, label = learnt
        logits = self.scale * (normalized(query) @ support.transpose(0, 2, 1)).astype(np.float64)
        order = np.argsort(label, kind="stable")
        first = np.flatnonzero(np.diff(label[order], prepend=-1))
        grouped = logits[..., order]
        # about each class's own peak, so that no class's sum vanishes
        peak = np.maximum.reduceat(grouped, first, axis=2)
        odds = np.exp(grouped - peak[..., label[order]])
        return np.asarray(peak + np.log(np.add.reduceat(odds, first, axis=2)))
