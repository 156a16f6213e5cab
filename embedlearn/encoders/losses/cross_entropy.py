"""Cross-entropy on the cosines to learnt directions."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number


class CrossEntropyLoss(BatchLoss):
    """Softmax over the cosine to one learnt direction a class (Zhai & Wu 2019, normalised softmax).

    The labels run from 0 to `classes` - 1. Raises `ArgumentError` for a scale that is not above zero.
    """

    compares: ClassVar[bool] = False

    def __init__(self, classes: int, dimension: int, scale: float = 16.0) -> None:
        super().__init__()
        require_number("scale", scale, 0.001, 1000)
        self.scale = scale
        self.directions = nn.Parameter(torch.randn(classes, dimension))

    def terms(self, comparison: Comparison) -> list[Term]:
        cosines = comparison.anchors @ nn.functional.normalize(self.directions, dim=1).T
        labels = comparison.labels[comparison.own]
        return [Term.over(nn.functional.cross_entropy(self.scale * cosines, labels, reduction="none"))]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        raise ArgumentError("--loss cross-entropy takes whole batches: use --sampler classes, no miner")
