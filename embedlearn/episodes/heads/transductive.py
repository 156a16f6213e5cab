"""Prototypes that make the answers to the queries sure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import Ints, TransductiveHead
from embedlearn.episodes.heads.descent import adapted, check_descent, check_weights, objective
from embedlearn.episodes.space import Floats


class TransductiveFineTuning(TransductiveHead):
    """Transductive fine-tuning (Dhillon 2020, arXiv 1909.02729, section 3.2) of the prototypes on a frozen encoder.

    Embeddings are brought to unit length. The prototypes start at the means of the classes (support-based
    initialization, section 3.1) and take `steps` of Adam down CE + `conditional_weight` * H(Y|X): the cross-entropy of
    the support films and the mean Shannon entropy of the queries' probabilities, softmax(`scale` * cosine).
    The paper takes 25 steps of 5e-5 with the whole encoder, which is not moved here: prototypes alone need longer ones.

    One answer to all queries is sure, too. Where embeddings have much in common (cosines near 1) the prototypes end
    there, so subtract the mean of the training embeddings first. easyfsl's `metric="euclidean"`, minus the distance
    (steps of 5e-5, scale 1), ends there sooner.
    """

    def __init__(
        self,
        steps: int = 25,
        learning_rate: float = 1e-3,
        scale: float = 10.0,
        metric: str = "cosine",
        conditional_weight: float = 1.0,
    ) -> None:
        self.steps = steps
        self.learning_rate = learning_rate
        self.scale = scale
        self.metric = metric
        self.conditional_weight = conditional_weight

    def check(self) -> None:
        check_descent(self.steps, self.learning_rate, self.scale, self.metric)
        check_weights(conditional_weight=self.conditional_weight)

    def answer(self, support: NDArray[np.floating], label: Ints, query: NDArray[np.floating], n_way: int) -> Floats:
        aim = objective(self.metric, self.scale, conditional=self.conditional_weight)
        return adapted(support, label, query, n_way, aim, self.steps, self.learning_rate)
