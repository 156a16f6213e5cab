"""What a loss of ours is: a sum over anchors, each compared with every embedding there is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

Tuples = tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Anchors and what they are compared with: the batch of all processes, and remembered embeddings behind it.

    The anchors of a process are some of the columns, so that the work and the memory of a loss are A x C, and the sums
    of all processes' anchors are those of one process that has the whole batch.
    """

    columns: Tensor
    """Embeddings float32 [C, D], each of length 1."""
    labels: Tensor
    """Class of each column, int64 [C]; or of each of K findings whether it shows it, int64 [C, K]: 1, 0, -1 unknown."""
    films: Tensor
    """Film of each column, int64 [C]: two views of a film, or a film and its remembered embedding, share it."""
    own: Tensor
    """The column of each anchor, int64 [A]."""

    @staticmethod
    def within(embeddings: Tensor, labels: Tensor) -> Comparison:
        """A batch compared with itself, every row an anchor and a film of its own."""
        rows = torch.arange(len(labels), device=labels.device)
        return Comparison(embeddings, labels, rows, rows)

    @property
    def anchors(self) -> Tensor:
        """Embeddings of the anchors, float32 [A, D]."""
        return self.columns[self.own]

    @property
    def is_own(self) -> Tensor:
        """Where an anchor meets itself, bool [A, C]."""
        return self.own[:, None] == torch.arange(len(self.columns), device=self.own.device)

    @property
    def overlap(self) -> Tensor:
        """How much of what an anchor and a column show is the same, float32 [A, C], from 0 to 1; of itself, 0.

        With one class a film, whether it is the same; with findings, `jaccard` of the two sets.
        """
        several = self.labels.ndim > 1
        shared = jaccard(self.labels[self.own], self.labels) if several else self.is_same_class.float()
        return shared.masked_fill(self.is_own, 0)

    @property
    def is_same_class(self) -> Tensor:
        """Where an anchor meets a column of its class, itself included, bool [A, C]."""
        return self.labels[self.own][:, None] == self.labels

    @property
    def is_positive(self) -> Tensor:
        """Where an anchor meets another column of its class, bool [A, C]."""
        return self.is_same_class & ~self.is_own


def jaccard(first: Tensor, second: Tensor) -> Tensor:
    """Findings that both show over findings that either shows (Jaccard 1912), float32 [A, C].

    `first`, `second`: int64 [A, K] and [C, K], 1 shown, 0 not, -1 unknown. Of two films only the findings that are
    known of both count. To be healthy, showing none at all, counts as a finding too: known of a film that shows
    something, or of which nothing is unknown.
    """
    shown, known = [], []
    for findings in (first, second):
        named = findings == 1
        healthy = (findings == 0).all(1, keepdim=True)
        shown.append(torch.cat([named, healthy], 1).float())
        known.append(torch.cat([findings >= 0, healthy | named.any(1, keepdim=True)], 1).float())
    both = shown[0] @ shown[1].T
    either = shown[0] @ known[1].T + known[0] @ shown[1].T - both
    return both / either.clamp_min(1)


@dataclass(frozen=True, eq=False)
class Term:
    """A part of a loss that is a mean: its sum over these anchors, and how many it is the sum of."""

    total: Tensor
    """float32 [], with a gradient."""
    count: Tensor
    """int64 [], without one."""

    @staticmethod
    def over(values: Tensor, where: Tensor | None = None) -> Term:
        """The mean of `values`, float32 of any shape, or of those where the bool mask `where` of that shape says."""
        if where is None:
            return Term(values.sum(), torch.tensor(values.numel(), device=values.device))
        return Term(values.masked_fill(~where, 0).sum(), where.sum())


class BatchLoss(nn.Module, ABC):
    """A loss whose value is the sum of its terms' means; called as pytorch-metric-learning's losses are."""

    compares: ClassVar[bool] = True
    """Whether embeddings beside the anchor's, remembered ones too, take part."""

    @abstractmethod
    def terms(self, comparison: Comparison) -> list[Term]:
        """The terms over every pair or triplet that the anchors make with the columns."""

    @abstractmethod
    def tuple_terms(self, embeddings: Tensor, tuples: Tuples) -> list[Term]:
        """The terms over given tuples of embeddings float32 [B, D].

        `tuples`: (anchors, positives, anchors, negatives) or (anchors, positives, negatives), int64 rows of them.
        Raises `ArgumentError` where the loss takes whole batches only, `ValueError` where it wants the other kind.
        """

    def forward(self, embeddings: Tensor, labels: Tensor, indices_tuple: Tuples | None = None) -> Tensor:
        """The loss of a whole batch, embeddings float32 [B, D] and labels int64 [B], or of tuples of its rows."""
        if indices_tuple is not None:
            return mean_of(self.tuple_terms(embeddings, indices_tuple))
        return mean_of(self.terms(Comparison.within(embeddings, labels)))


def mean_of(terms: list[Term]) -> Tensor:
    """The sum of the terms' means; a term over nothing is zero, with a gradient of zero."""
    return torch.stack([term.total / term.count.clamp_min(1) for term in terms]).sum()
