"""Linear discriminant analysis with a shrunk covariance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import InductiveHead, Ints
from embedlearn.episodes.space import Floats
from embedlearn.errors import ArgumentError

ROUNDING = 1e-10  # of the spread of all films: no more than twins leave within their classes


class LDAClassifier(InductiveHead[tuple[Floats, Floats]]):
    """Normal classes of one covariance, equally probable beforehand (Fisher 1936; Hastie 2009, section 4.3).

    The covariance is (1 - shrinkage) * C + shrinkage * tr(C) / D * I, the form of Ledoit and Wolf 2004 (doi
    10.1016/S0047-259X(03)00096-4), where C is what the support films spread about their class means, over S - W.
    `shrinkage`: above 0, at most 1; at 1 the nearest mean wins. A handful of films says little of a covariance: on the
    validation films of the real sets less than 0.9 answered worse, at 5 and at 20 shots. With one film a class C is
    zero, and the covariance is that of all support films shrunk wholly: the nearest mean again. The scores are the log
    posteriors up to a constant a film; they take the estimated means for the true ones, and with few films are far too
    sure.

    By Woodbury's identity the system has S unknowns, and no D x D matrix is formed.
    `learnt_`: weights [e, D, W] and intercepts [e, W], float64.
    """

    def __init__(self, shrinkage: float = 0.9) -> None:
        self.shrinkage = shrinkage

    def check(self) -> None:
        if not 0 < self.shrinkage <= 1:
            raise ArgumentError(f"shrinkage: wanted a number above 0, at most 1, got {self.shrinkage}")

    def learn(self, support: NDArray[np.floating], label: Ints, n_way: int) -> tuple[Floats, Floats]:
        films, width = support.shape[1:]
        member = np.eye(n_way)[label]
        middle = support.mean(axis=1, keepdims=True, dtype=np.float64)
        rows = support - middle
        means = (member / member.sum(axis=0)).T @ rows
        within = rows - means[:, label]
        kernel = within @ within.transpose(0, 2, 1)
        spread, whole = np.einsum("ess->e", kernel), np.einsum("esd,esd->e", rows, rows)
        known = spread > ROUNDING * whole
        kept = np.where(known, (1 - self.shrinkage) / max(films - n_way, 1), 0)[:, None, None]
        ridge = np.where(known, self.shrinkage * spread / max(films - n_way, 1), whole / (films - 1)) / width
        ridge = np.where(ridge > 0, ridge, 1)[:, None, None]
        dual = np.linalg.solve(kept * kernel + ridge * np.eye(films), within @ means.transpose(0, 2, 1))
        weights = (means.transpose(0, 2, 1) - kept * within.transpose(0, 2, 1) @ dual) / ridge
        return weights, -np.einsum("ewd,edw->ew", means / 2 + middle, weights)

    def respond(self, learnt: tuple[Floats, Floats], query: NDArray[np.floating]) -> Floats:
        weights, intercept = learnt
        return np.asarray(query @ weights.astype(query.dtype) + intercept[:, None])
