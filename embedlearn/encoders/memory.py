"""Embeddings of past batches, kept to be compared with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedlearn.encoders.losses.base import Comparison
from embedlearn.flags import require_number


class CrossBatchMemory(nn.Module):
    """The last `size` embeddings that were put in (Wang 2020, algorithm 1): first in, first out.

    A batch is compared with itself and with what is remembered, and put in afterwards; remembered embeddings take no
    gradient. A remembered embedding of the anchor's own film is one more view of that film, and so a positive like
    any other of its class. Everything, the queue's position too, is in the `state_dict`.

    Raises `ArgumentError` for a size that is no positive number.
    """

    embeddings: Tensor
    """float32 [size, D]."""
    labels: Tensor
    """int64 [size]."""
    films: Tensor
    """int64 [size]."""
    position: Tensor
    """The row that is written next, int64 []."""
    filled: Tensor
    """How many rows hold an embedding, int64 []."""

    def __init__(self, size: int, dimension: int) -> None:
        super().__init__()
        require_number("--memory", size, 1, 10_000_000)
        self.register_buffer("embeddings", torch.zeros(size, dimension))
        for name, shape in {"labels": (size,), "films": (size,), "position": (), "filled": ()}.items():
            self.register_buffer(name, torch.zeros(shape, dtype=torch.int64))

    @torch.no_grad()
    def put(self, embeddings: Tensor, labels: Tensor, films: Tensor) -> None:
        """Copy a batch in over the oldest rows: float32 [B, D], int64 [B], int64 [B]. Of more than fit, the last."""
        size = len(self.labels)
        kept = min(size, len(labels))
        rows = (self.position + torch.arange(kept, device=labels.device)) % size
        first = len(labels) - kept
        self.embeddings[rows], self.labels[rows], self.films[rows] = embeddings[first:], labels[first:], films[first:]
        self.position.copy_((self.position + kept) % size)
        self.filled.copy_((self.filled + kept).clamp_max(size))

    def rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """What is remembered, the oldest first, as copies: embeddings float32 [M, D], labels and films int64 [M]."""
        filled = int(self.filled)
        rows = (self.position - filled + torch.arange(filled, device=self.labels.device)) % len(self.labels)
        return self.embeddings[rows], self.labels[rows], self.films[rows]

    def extend(self, comparison: Comparison) -> Comparison:
        """The same anchors, with what is remembered as columns behind the comparison's own."""
        own = comparison.columns, comparison.labels, comparison.films
        columns, labels, films = (torch.cat(parts) for parts in zip(own, self.rows(), strict=True))
        return Comparison(columns, labels, films, comparison.own)
