"""How well an embedding holds what it was trained on, and which epoch of a training to keep."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

NEIGHBOURS = 5
SMOOTHED = 3  # epochs over which the validation score is averaged before one is chosen


def score_neighbours(
    gallery: Tensor, gallery_labels: NDArray[np.int64], queries: Tensor, query_labels: NDArray[np.int64]
) -> tuple[float, float]:
    """Recall@1 and the accuracy of 5-NN, both balanced over classes, of queries [M, D] among a gallery [N, D].

    Embeddings are of length 1; labels int64, 0 to the number of classes.
    """
    nearest = torch.topk(queries @ gallery.T, min(NEIGHBOURS, len(gallery)), dim=1).indices.cpu().numpy()
    labels = gallery_labels[nearest]
    votes = np.stack([(labels == label).sum(1) for label in range(int(gallery_labels.max()) + 1)], axis=1)
    return _balanced(labels[:, 0] == query_labels, query_labels), _balanced(
        votes.argmax(1) == query_labels, query_labels
    )


class ClassScores:
    """The columns of a training's history that say how well validation films, of int64 [M] classes, are told."""

    columns = ("val_recall_at_1", "val_knn")
    main = "val_knn"

    def __init__(self, labels: NDArray[np.int64]) -> None:
        self.labels, self.films = labels, float(len(labels))

    def among(self, gallery: Tensor, labels: NDArray[np.int64], queries: Tensor) -> tuple[float, ...]:
        """A value a column, of embeddings [N, D] of films with known classes int64 [N], and the validation's [M, D]."""
        return score_neighbours(gallery, labels, queries, self.labels)


def smooth(history: Sequence[Mapping[str, float]], score: float, column: str = "val_knn") -> float:
    """The mean of `score` and of those of the epochs just before it, which stand in `column`."""
    recent = [row[column] for row in history[len(history) + 1 - SMOOTHED :]]
    return float(np.mean([*recent, score]))


def choose_epoch(history: Sequence[Mapping[str, float]], films: float) -> int:
    """The last epoch whose smoothed score was within a standard error of the best so far; -1 before any.

    Of epochs that `films` validation films cannot tell apart the later is kept: it is further in telling films apart,
    which the known classes do not show.
    """
    kept, best = -1, 0.0
    for epoch, row in enumerate(history):
        best = max(best, row["score"])
        error = math.sqrt(best * (1 - best) / films)
        kept = epoch if row["score"] >= best - error else kept
    return kept


def _balanced(right: NDArray[np.bool_], labels: NDArray[np.int64]) -> float:
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
