"""How well each of several findings is told on validation films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.errors import ArgumentError

MEAN = "val_mean_auc"
OF_EACH = "val_auc "
TEMPERATURE = 0.1  # of the votes of neighbours
ASKED_AT_ONCE = 256


def finding_auc(scores: NDArray[np.floating], targets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of each finding, how often a film that shows it scores above one that does not, ties counting half: [K].

    Exact, by ranks (Mann and Whitney 1947), over the films of which it is known; NaN where one side is empty. `scores`:
    float [N, K]. `targets`: int64 [N, K], 1 shown, 0 not shown, -1 unknown.
    """
    from scipy.stats import rankdata

    areas = np.full(targets.shape[1], np.nan)
    for column in range(targets.shape[1]):
        known = targets[:, column] >= 0
        shown = targets[known, column] == 1
        there, absent = int(shown.sum()), int((~shown).sum())
        if there and absent:
            ranks = rankdata(scores[known, column])[shown].sum()
            areas[column] = (ranks - there * (there + 1) / 2) / (there * absent)
    return areas


@torch.no_grad()
def neighbour_votes(gallery: Tensor, targets: NDArray[np.int64], queries: Tensor) -> Tensor:
    """How much of each finding there is around each query, float32 [M, K]: a mean over the gallery's films.

    A film weighs exp(cosine / 0.1) (Nadaraya 1964, Watson 1964), and nothing where the finding is unknown of it.
    `gallery`: float32 [N, D] and `queries`: float32 [M, D], of length 1. `targets`: int64 [N, K].
    """
    labels = torch.from_numpy(targets).to(gallery.device)
    known, shown = (labels >= 0).float(), (labels == 1).float()
    votes = []
    for some in torch.split(queries, ASKED_AT_ONCE):
        weights = torch.softmax(some @ gallery.T / TEMPERATURE, dim=1)
        votes.append((weights @ shown) / (weights @ known).clamp_min(1e-30))
    return torch.cat(votes)


class FindingScores:
    """The columns of a training's history that say how well validation films are told: an AUC a finding, their mean.

    Left out are findings that validation films do not both show and not show. `films` is how many films would tell as
    much about one share as these do about the mean: an AUC of m films with a finding and n without has a variance of
    no more than A (1 - A) / min(m, n) (Birnbaum and Klose 1957); those of different findings are taken for independent.
    Raises `ArgumentError` where there is no finding left.
    """

    main = MEAN

    def __init__(self, findings: Sequence[str], targets: NDArray[np.int64]) -> None:
        sides = np.minimum((targets == 1).sum(0), (targets == 0).sum(0))
        self.measured = np.flatnonzero(sides)
        if not len(self.measured):
            raise ArgumentError("training: no finding is both on a validation film and known to be absent from another")
        self.columns = (MEAN, *(f"{OF_EACH}{findings[int(number)]}" for number in self.measured))
        self.targets = targets
        self.films = float(len(self.measured) ** 2 / (1 / sides[self.measured]).sum())

    def among(self, gallery: Tensor, targets: NDArray[np.int64], queries: Tensor) -> tuple[float, ...]:
        """A value a column by `neighbour_votes`, of embeddings of known films [N, D] and of the validation's [M, D]."""
        return self.of(neighbour_votes(gallery, targets, queries))

    def of(self, scores: Tensor) -> tuple[float, ...]:
        """A value a column, for scores float [M, K] of the validation films."""
        areas = finding_auc(scores.double().cpu().numpy(), self.targets)[self.measured]
        return float(areas.mean()), *map(float, areas)
