"""The encoder: backbone, pooling, linear projection, L2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedlearn.encoders.backbones import count_channels, create_backbone
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError

GEM_POWER = 3.0
GEM_FLOOR = 1e-6  # features below it count as it: a power of a negative number has no root


class Encoder(nn.Module):
    """Films, float [B, 1, S, S], to embeddings, float [B, dimension], each of length 1.

    z = W pool(f(x)) / |W pool(f(x))|, with no layer after the pooling that is not linear, so that a similarity is an
    exact sum over the places of the feature map (Zhu 2019).
    """

    def __init__(self, architecture: Architecture, *, imagenet: bool = False, seed: int = 0) -> None:
        super().__init__()
        self.architecture = architecture
        with seeded(seed):
            self.backbone = create_backbone(architecture.backbone, imagenet=imagenet)
            self.channels = count_channels(self.backbone)
            self.projection = nn.Linear(self.channels, architecture.dimension, bias=False)

    def pool(self, features: Tensor) -> Tensor:
        """A feature map [B, C, h, w] to vectors [B, C]."""
        if self.architecture.pooling == "gem":
            return features.clamp_min(GEM_FLOOR).pow(GEM_POWER).mean((-2, -1)).pow(1 / GEM_POWER)
        return features.mean((-2, -1))

    def project(self, pooled: Tensor) -> Tensor:
        """Pooled features [B, C] to embeddings [B, dimension], float32, or float64 where the network is."""
        raw: Tensor = self.projection(pooled)
        return nn.functional.normalize(raw.to(torch.promote_types(raw.dtype, torch.float32)), dim=1)

    def forward(self, films: Tensor) -> Tensor:
        return self.project(self.pool(self.backbone(films)))


def require_size(encoder: Encoder, size: int) -> None:
    """Raise `ArgumentError` unless `encoder` can read films of `size` pixels a side."""
    training = encoder.training
    try:
        with torch.no_grad():
            encoder.eval()(torch.zeros(1, 1, size, size))
    except RuntimeError as error:
        name = encoder.architecture.backbone
        raise ArgumentError(f"--size {size}: {name} cannot read films so small ({error}); use larger ones") from error
    finally:
        encoder.train(training)
