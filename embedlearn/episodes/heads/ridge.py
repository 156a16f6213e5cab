"""Ridge regression to the classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import InductiveHead, Ints
from embedlearn.episodes.space import Floats
from embedlearn.errors import ArgumentError


class RidgeClassifier(InductiveHead[tuple[Floats, Floats]]):
    """Least squares to one-hot targets with a penalty on the weights, R2-D2's base learner (Bertinetto 2019).

    arXiv 1805.08136: W = X^T (X X^T + penalty I)^-1 Y, a system of S unknowns whatever the width of X.
    The intercept b is not penalised: X and Y are taken about their means. The scores are `scale` * (x W + b).
    The paper learns the penalty and the scale with the encoder; here they are set, the penalty for embeddings of about
    unit length, and `scale` bears on the probabilities only.

    `learnt_`: weights [e, D, W] and intercepts [e, W], float64.
    """

    def __init__(self, penalty: float = 1.0, scale: float = 10.0) -> None:
        self.penalty = penalty
        self.scale = scale

    def check(self) -> None:
        for name, value in (("penalty", self.penalty), ("scale", self.scale)):
            if not 0 < value < np.inf:
                raise ArgumentError(f"{name}: wanted a number above 0, got {value}")

    def learn(self, support: NDArray[np.floating], label: Ints, n_way: int) -> tuple[Floats, Floats]:
        target = np.eye(n_way)[label]
        share, middle = target.mean(axis=0), support.mean(axis=1, keepdims=True, dtype=np.float64)
        rows = support - middle
        kernel = rows @ rows.transpose(0, 2, 1) + self.penalty * np.eye(len(label))
        weights = rows.transpose(0, 2, 1) @ np.linalg.solve(kernel, self.scale * (target - share))
        return weights, self.scale * share - (middle @ weights)[:, 0]

    def respond(self, learnt: tuple[Floats, Floats], query: NDArray[np.floating]) -> Floats:
        weights, intercept = learnt
        return np.asarray(query @ weights.astype(query.dtype) + intercept[:, None])
