"""The contrastive loss, of pairs."""

from __future__ import annotations

from torch import Tensor

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.encoders.losses.distances import root, squared_between, squared_distances
from embedlearn.flags import require_number


class ContrastiveLoss(BatchLoss):
    """Pull pairs of one class together, push others beyond a margin (Hadsell 2006, eq. 4, distances Euclidean).

    The mean of d^2 / 2 over positive pairs plus the mean of max(0, margin - d)^2 / 2 over negative pairs, so that
    neither outweighs the other by its number. Raises `ArgumentError` for a margin that is negative.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        require_number("margin", margin, 0, 100)
        self.margin = margin

    def terms(self, comparison: Comparison) -> list[Term]:
        squared = squared_distances(comparison)
        pulled = Term.over(squared / 2, comparison.is_positive)
        return [pulled, Term.over(self._pushed(squared), ~comparison.is_same_class)]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        if len(tuples) != 4:
            raise ValueError("the contrastive loss wants pairs (anchors, positives, anchors, negatives), got triplets")
        anchors, positives, others, negatives = (embeddings[rows] for rows in tuples)
        pulled = Term.over(squared_between(anchors, positives) / 2)
        return [pulled, Term.over(self._pushed(squared_between(others, negatives)))]

    def _pushed(self, squared: Tensor) -> Tensor:
        return (self.margin - root(squared)).clamp_min(0).square() / 2
