"""The supervised contrastive loss, of whole batches."""

from __future__ import annotations

import torch
from torch import Tensor

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number


class SupConLoss(BatchLoss):
    """Supervised contrastive learning (Khosla 2020, eq. 2): films of one class are each other's positives.

    An anchor without a positive is left out, but stays among the others' rivals. Raises `ArgumentError` for a
    temperature that is not above zero.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        require_number("temperature", temperature, 0.001, 100)
        self.temperature = temperature

    def terms(self, comparison: Comparison) -> list[Term]:
        positive = comparison.is_positive
        similarity = comparison.anchors @ comparison.columns.T / self.temperature
        every = similarity.masked_fill(comparison.is_own, -torch.inf).logsumexp(1)
        matched = similarity.masked_fill(~positive, 0).sum(1) / positive.sum(1).clamp_min(1)
        return [Term.over(every - matched, positive.any(1))]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        raise ArgumentError("--loss supcon takes whole batches: use --sampler classes, no miner")
