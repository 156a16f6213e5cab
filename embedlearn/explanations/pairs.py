"""The similarity of two films, region by region: what each place of one finds in each place of the other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from embedlearn.explanations.readout import Readout


@dataclass(frozen=True, eq=False)
class Pair:
    """`matrix` [h, w, h', w']: what a place of the first film and one of the second add to their cosine `score`.

    With `constant`, what the bias of the head adds, the matrix is the score; `residual` is what is missing.
    """

    matrix: Tensor
    constant: Tensor
    score: Tensor

    @property
    def residual(self) -> Tensor:
        return (self.matrix.sum() + self.constant - self.score).abs()

    def strongest(self, count: int) -> list[tuple[int, int, int, int]]:
        """The pairs (row, column, row', column') that add most, the greatest first, no place of either film twice."""
        height, width, _, other_width = self.matrix.shape
        left = self.matrix.reshape(height * width, -1).clone()
        found = []
        for _ in range(min(count, *left.shape)):
            here, there = divmod(int(left.argmax()), left.shape[1])
            if not torch.isfinite(left[here, there]):
                break
            found.append((*divmod(here, width), *divmod(there, other_width)))
            left[here], left[:, there] = -torch.inf, -torch.inf
        return found


def pair_maps(features: Tensor, others: Tensor, readout: Readout, embeddings: Tensor | None = None) -> Pair:
    """The cosine of two films by pairs of places (Zhu 2019); feature maps [C, h, w] and [C, h', w'].

    `embeddings` float [2, D] of length 1 are the network's own of both films: give them, or the residual tells rounding
    only, as in `exact_maps`.
    """
    first, length, raw = _parts(features, readout)
    second, other_length, other_raw = _parts(others, readout)
    scale = length * other_length
    matrix = first.T @ second / scale
    score = raw @ other_raw / scale if embeddings is None else embeddings[0].to(raw) @ embeddings[1].to(raw)
    constant = score.new_zeros(())
    if readout.bias is not None:
        bias = readout.bias.to(features)
        constant = (first.sum(1) @ bias + bias @ second.sum(1) + bias @ bias) / scale
    return Pair(matrix.reshape(*features.shape[1:], *others.shape[1:]), constant, score)


def _parts(features: Tensor, readout: Readout) -> tuple[Tensor, Tensor, Tensor]:
    """What each place adds to the raw embedding, [D, P]; its length; and the raw embedding [D]."""
    shares = readout.shares(features[None])
    parts = readout.weight.to(features) @ (shares.values * shares.factors[..., None])[0]
    raw = readout.project(readout.pool(features[None]))[0]
    return parts, raw.norm().clamp_min(1e-12), raw
