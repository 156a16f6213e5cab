"""The supervised contrastive loss, of whole batches."""

from __future__ import annotations

import torch
from torch import Tensor

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number


class SupConLoss(BatchLoss):
    """Supervised contrastive learning (Khosla 2020, eq. 2): films of one class are each other's positives.

    Where films may show several findings, each other film is a positive in so far as the two sets overlap: in the mean
    over an anchor's positives it weighs as much as `Comparison.overlap` says.

    An anchor without a positive is left out, but stays among the others' rivals. Raises `ArgumentError` for a
    temperature that is not above zero.
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        require_number("temperature", temperature, 0.001, 100)
        self.temperature = temperature

    def terms(self, comparison: Comparison) -> list[Term]:
        weight = comparison.overlap
        similarity = comparison.anchors @ comparison.columns.T / self.temperature
        every = similarity.masked_fill(comparison.is_own, -torch.inf).logsumexp(1)
        weights = weight.sum(1)
        matched = (similarity * weight).sum(1) / weights.where(weights > 0, 1)
        return [Term.over(every - matched, weights > 0)]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        raise ArgumentError("--loss supcon takes whole batches: use --sampler classes, no miner")
