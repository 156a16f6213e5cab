"""Euclidean distances of embeddings, with gradients that stay finite where two coincide."""

from __future__ import annotations

import torch
from torch import Tensor

from embedlearn.encoders.losses.base import Comparison

ROUNDING = 64  # epsilons of the largest squared norm; equal rows were seen to come out up to 28 apart


def squared_distances(comparison: Comparison) -> Tensor:
    """Squared distances of the anchors to all columns, of the embeddings' type, [A, C].

    From scalar products in double precision, where near rows lose no digits to their common length. Equal rows are at
    zero, without a gradient; and distances to equal rows, once rounded to float32, are equal in any order of summing.
    """
    columns = comparison.columns.double()
    norms = columns.square().sum(1)
    own = comparison.own
    apart = torch.addmm(norms, columns[own], columns.T, alpha=-2) + norms[own][:, None]
    least = ROUNDING * torch.finfo(apart.dtype).eps * norms.detach().max()
    return torch.where(apart > least, apart, 0).to(comparison.columns.dtype)


def squared_between(first: Tensor, second: Tensor) -> Tensor:
    """Squared distance of each row of `first` to its row of `second`, both float32 [T, D], as float32 [T]."""
    return (first - second).square().sum(1)


def root(squared: Tensor) -> Tensor:
    """Distances of squared ones, of any shape. Zero counts as 1e-12, without the root's infinite gradient there."""
    return squared.clamp_min(1e-24).sqrt()
