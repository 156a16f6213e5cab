"""Maps that add up: a score of a pooled, linear, normalised embedding as an exact sum over the places of a film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from embedlearn.encoders.devices import evaluating
from embedlearn.encoders.encoder import Encoder
from embedlearn.explanations.readout import Readout, read_encoder
from embedlearn.explanations.targets import Target


@dataclass(frozen=True, eq=False)
class Explained:
    """`maps` [B, R, h, w], signed, and `constants` [B, R], which together are the `scores` [B, R] of R targets.

    Where the scores are made of the network's own embeddings, `residual` tells whether the maps explain what the
    network said; where they are made by the readout, only how far rounding went.
    """

    maps: Tensor
    constants: Tensor
    scores: Tensor

    @property
    def residual(self) -> Tensor:
        """|sum of the map + constant - score|, [B, R]."""
        return (self.maps.sum((-2, -1)) + self.constants - self.scores).abs()


def exact_maps(
    features: Tensor,
    readout: Readout,
    vectors: Tensor,
    offsets: Tensor | None = None,
    embeddings: Tensor | None = None,
) -> Explained:
    """What each place of a feature map adds to the scores s = z . v + offset (Stylianou 2019; Zhu 2019).

    `features` float [B, C, h, w], what the network pools: behind its last activation. `vectors` float [R, D], or
    [B, R, D] where each film has its own; `offsets` [R] or [B, R]. `embeddings` float [B, D] of length 1 are the
    network's own: give them, or nothing tells a readout that is not the network's. With w = W^T v / |z| the map is the
    sum over channels of w_c times what the place gives to pooled channel c, and the bias and the offset are the
    constant. The length |z| is held as it is: the map says what the score is made of, not what it would be without a
    region.
    """
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    vectors = vectors.to(features)
    offset = features.new_zeros(()) if offsets is None else offsets.to(features)
    raw = readout.project(readout.pool(features))
    length = raw.norm(dim=1, keepdim=True).clamp_min(1e-12)
    own = raw / length if embeddings is None else embeddings.to(features)
    per_film = vectors if vectors.ndim == 3 else vectors.expand(len(features), -1, -1)
    scores = torch.einsum("bd,brd->br", own, per_film) + offset
    shares = readout.shares(features)
    channels = (vectors @ readout.weight.to(features)).expand(len(features), -1, -1)
    maps = (channels * (shares.factors / length)[:, None]) @ shares.values
    constants = offset.expand_as(scores)
    if readout.bias is not None:
        constants = constants + per_film @ readout.bias.to(features) / length
    return Explained(maps.unflatten(2, features.shape[-2:]), constants, scores)


@torch.no_grad()
def explain_films(encoder: Encoder, inputs: Tensor, targets: Sequence[Target]) -> Explained:
    """The exact maps of an encoder's scores for films, as `standardise` makes them: float [B, 1, S, S].

    The encoder answers in evaluation mode, whatever mode it is in.
    """
    with evaluating(encoder):
        features = encoder.backbone(inputs)
        embeddings = encoder.project(encoder.pool(features))
    vectors = torch.stack([target.vector for target in targets]).to(inputs)
    offsets = torch.tensor([target.offset for target in targets], dtype=inputs.dtype, device=inputs.device)
    return exact_maps(features, read_encoder(encoder), vectors, offsets, embeddings)
