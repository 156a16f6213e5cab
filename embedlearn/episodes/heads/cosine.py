"""A cosine classifier fine-tuned on the support films."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import InductiveHead, Ints
from embedlearn.episodes.heads.descent import COSINE, check_descent, descended, logits, objective, unit
from embedlearn.episodes.space import Floats, Singles


class CosineClassifier(InductiveHead[Singles]):
    """Baseline++ (Chen 2019, arXiv 1904.04232) on a frozen encoder: softmax(`scale` * cosine), by gradient descent.

    Embeddings are brought to unit length. The prototypes start at the means of the classes, and not at random as in the
    paper, and take `steps` of Adam down the cross-entropy of the support films, all of them in each step. What is
    learnt: prototypes, float32 [e, W, D].
    A step moves each number by about `learning_rate`, and those of a row of 512 at unit length are near 0.04, so that
    100 steps of 1e-3 can turn a prototype anywhere. easyfsl's settings are steps=200, learning_rate=1e-4, scale=1.
    """

    def __init__(self, steps: int = 100, learning_rate: float = 1e-3, scale: float = 10.0) -> None:
        self.steps = steps
        self.learning_rate = learning_rate
        self.scale = scale

    def check(self) -> None:
        check_descent(self.steps, self.learning_rate, self.scale)

    def learn(self, support: NDArray[np.floating], label: Ints, n_way: int) -> Singles:
        aim = objective("cosine", self.scale)
        return descended(unit(support), label, n_way, aim, self.steps, self.learning_rate)

    def respond(self, learnt: Singles, query: NDArray[np.floating]) -> Floats:
        return logits(unit(query), learnt, COSINE, float(self.scale))
