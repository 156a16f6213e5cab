"""What a training step is judged by: a label term and instance discrimination, over the batch of all processes."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses import (
    BatchLoss,
    Comparison,
    InstanceLoss,
    Term,
    create_finding_loss,
    create_loss,
    create_miner,
)
from embedlearn.encoders.memory import CrossBatchMemory
from embedlearn.encoders.processes import gather, rank_and_world, total
from embedlearn.encoders.settings import Objective


class Criterion(nn.Module):
    """The two terms of an objective. Each process is given its part of a batch, and gets its part of the gradient.

    A loss of ours compares a process's own anchors with the embeddings of all, so that work and memory are divided
    among the processes; one of pytorch-metric-learning's is given the whole batch in each. Averaged over processes,
    as data-parallel training does, values and gradients are those of one process with the whole batch.
    `odds`, float32 [K], are given where a film may show several findings: of those without each to those with it.
    """

    def __init__(self, objective: Objective, classes: int, dimension: int, odds: Tensor | None = None) -> None:
        super().__init__()
        if odds is None:
            self.loss = create_loss(objective, classes=classes, dimension=dimension)
        else:
            self.loss = create_finding_loss(objective, odds=odds, dimension=dimension)
        self.miner = create_miner(objective)
        self.instance = InstanceLoss(objective.temperature) if objective.instance else None
        self.memory = CrossBatchMemory(objective.memory, dimension) if objective.memory else None

    def forward(
        self, embeddings: Tensor, projected: Tensor, labels: Tensor, films: Tensor, tuples: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The label term and the instance term.

        `embeddings`, `projected`: float32 [V * B, D], view after view of B films; the second is what instance
        discrimination sees. `labels`: int64 [B], of findings int64 [B, K]; `films`: int64 [B]. `tuples`: int64
        [T, 2 or 3], rows of the first view that make pairs or triplets; None for all that there are.
        """
        label_term = instance_term = embeddings.new_zeros(())
        batch = self._compare(embeddings, labels, films)
        if self.loss is not None:
            label_term = self._label_term(embeddings, labels, batch, tuples)
        if self.instance is not None:
            seen = batch if projected is embeddings else self._compare(projected, labels, films)
            partner = seen.own.roll(len(labels))  # the other of the two views
            instance_term = _share_of([self.instance.term(seen, partner)])
        return label_term, instance_term

    @torch.no_grad()
    def remember(self, embeddings: Tensor, labels: Tensor, films: Tensor) -> None:
        """Keep the embeddings of a step for those to come."""
        if self.memory is not None:
            batch = self._compare(embeddings, labels, films)
            self.memory.put(batch.columns, batch.labels, batch.films)

    def _label_term(self, embeddings: Tensor, labels: Tensor, batch: Comparison, tuples: Tensor | None) -> Tensor:
        loss = cast("nn.Module", self.loss)
        if isinstance(loss, BatchLoss) and self.miner is None:
            if tuples is not None:
                return _share_of(loss.tuple_terms(embeddings[: len(labels)], _as_tuple(tuples, labels)))
            return _share_of(loss.terms(self.memory.extend(batch) if self.memory else batch))
        pairs = None if self.miner is None else self.miner(batch.columns, batch.labels)
        if tuples is not None:
            pairs = _as_tuple(gather(batch.own[tuples])[0], batch.labels)
        return cast("Tensor", loss(batch.columns, batch.labels, pairs))

    @staticmethod
    def _compare(embeddings: Tensor, labels: Tensor, films: Tensor) -> Comparison:
        """One's own rows, view after view, as anchors among those of all processes."""
        views = len(embeddings) // len(labels)
        columns, begin = gather(embeddings)
        known = gather(torch.column_stack([labels, films]).repeat(views, 1))[0]
        own = torch.arange(begin, begin + len(embeddings), device=labels.device)
        return Comparison(columns, known[:, :-1].reshape(len(known), *labels.shape[1:]), known[:, -1], own)


def _share_of(terms: list[Term]) -> Tensor:
    """One process's part of a loss, times the number of processes, so that their average is the loss."""
    counts = total(torch.stack([term.count.detach().float() for term in terms]))
    totals = torch.stack([term.total for term in terms])
    return rank_and_world()[1] * (totals / counts.clamp_min(1)).sum()


def _as_tuple(positions: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    """Positions int64 [T, 2 or 3] as pytorch-metric-learning's tuple of pairs or of triplets."""
    if positions.shape[1] == 3:
        return tuple(positions.T)
    positive = labels[positions[:, 0]] == labels[positions[:, 1]]
    return (*positions[positive].T, *positions[~positive].T)
