"""Binary cross-entropy of each finding, on a linear head of the embedding."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number


class BinaryLoss(BatchLoss):
    """The mean over films and findings, those that are unknown left out, of the cross-entropy of a logistic head.

    The labels are int64 [C, K]: 1 a film shows the finding, 0 it does not, -1 unknown. The logits are
    W (scale z) + b for an embedding z. With `balanced` a film that shows a finding weighs as much more as such films
    are rarer than the others: `odds`, float32 [K], of those without the finding to those with it. Raises
    `ArgumentError` for a scale that is not above zero.
    """

    compares: ClassVar[bool] = False
    weights: Tensor
    """Of a film that shows the finding, float32 [K]."""

    def __init__(self, dimension: int, odds: Tensor, scale: float = 16.0, balanced: bool = False) -> None:
        super().__init__()
        require_number("scale", scale, 0.001, 1000)
        self.scale = scale
        self.head = nn.Linear(dimension, len(odds))
        self.register_buffer("weights", odds if balanced else torch.ones_like(odds), persistent=False)

    def logits(self, embeddings: Tensor) -> Tensor:
        """The log-odds of each finding, float32 [B, K], of embeddings float32 [B, D]."""
        odds: Tensor = self.head(self.scale * embeddings)
        return odds

    def terms(self, comparison: Comparison) -> list[Term]:
        labels = comparison.labels[comparison.own]
        logits = self.logits(comparison.anchors)
        values = nn.functional.binary_cross_entropy_with_logits(
            logits, labels.clamp_min(0).to(logits.dtype), pos_weight=self.weights, reduction="none"
        )
        return [Term.over(values, labels >= 0)]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        raise ArgumentError("--loss bce takes whole batches: use --sampler classes, no miner")
