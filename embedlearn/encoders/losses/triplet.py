"""The triplet loss, over every triplet without listing one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses.base import BatchLoss, Comparison, Term, Tuples
from embedlearn.encoders.losses.distances import root, squared_between, squared_distances
from embedlearn.flags import require_number


class TripletLoss(BatchLoss):
    """A positive is to be nearer than a negative by a margin (Schroff 2015, eq. 3).

    The mean of max(0, d(a, p) - d(a, n) + margin) over triplets, d being the squared distance, or the Euclidean one
    where `squared` is false. `semihard` takes only the triplets with d(a, p) < d(a, n) <= d(a, p) + margin (Schroff
    2015, eq. 4); `nonzero` takes the mean over the triplets that owe something, not over all of them.

    Over all triplets of A anchors and C columns in time O(A C log C) and memory O(A C): an anchor's columns are sorted
    once, and the negatives of one positive are then a run of them. Raises `ArgumentError` for a negative margin.
    """

    def __init__(
        self, margin: float = 0.2, squared: bool = True, semihard: bool = False, nonzero: bool = False
    ) -> None:
        super().__init__()
        require_number("margin", margin, 0, 100)
        self.margin, self.squared, self.semihard, self.nonzero = margin, squared, semihard, nonzero

    def terms(self, comparison: Comparison) -> list[Term]:
        distance = self._measure(squared_distances(comparison))
        positive, negative = comparison.is_positive, ~comparison.is_same_class
        weight = self._weight(distance.detach().float(), positive, negative)  # in which equal rows tie
        taken = weight.clamp_min(0).sum()
        total = (weight * distance).sum() + self.margin * taken.to(distance.dtype)
        every = (positive.sum(1) * negative.sum(1)).sum()
        return [Term(total, taken if self.semihard or self.nonzero else every)]

    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        if len(tuples) != 3:
            raise ValueError("the triplet loss wants triplets (anchors, positives, negatives), got pairs")
        anchors, positives, negatives = (embeddings[rows] for rows in tuples)
        near = self._measure(squared_between(anchors, positives))
        far = self._measure(squared_between(anchors, negatives))
        owed = (near - far + self.margin).clamp_min(0)
        taken = torch.ones_like(owed, dtype=torch.bool)
        if self.semihard:
            taken &= (near < far) & (far <= near + self.margin)
        if self.nonzero:
            taken &= owed > 0
        return [Term.over(owed, taken)]

    def _measure(self, squared: Tensor) -> Tensor:
        return squared if self.squared else root(squared)

    def _weight(self, distance: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """How many of the triplets taken each distance [A, C] is part of: above zero d(a, p), below zero d(a, n).

        The loss is linear in the distances with these weights. With an anchor's columns by distance, a positive makes
        triplets with the negatives from `start` to `end`; how many such runs cover a negative is a sum of their steps.
        """
        ranked, order = distance.sort(1)
        positive, negative = positive.gather(1, order), negative.gather(1, order)
        on_margin = self.semihard and not self.nonzero  # a triplet there owes nothing, but is semi-hard
        end = torch.searchsorted(ranked, ranked + self.margin, right=on_margin)
        start = torch.searchsorted(ranked, ranked, right=True) if self.semihard else torch.zeros_like(end)
        nearer = nn.functional.pad(negative.cumsum(1), (1, 0))  # negatives before each place
        owing = (nearer.gather(1, end) - nearer.gather(1, start)).masked_fill(~positive | (end < start), 0)
        runs = owing.sign()
        steps = torch.zeros_like(nearer).scatter_add_(1, start, runs).scatter_add_(1, end, -runs)
        owed = steps.cumsum(1)[:, :-1].masked_fill(~negative, 0)
        return torch.empty_like(order).scatter_(1, order, owing - owed)
