"""The encoder: backbone, pooling, linear projection, L2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedlearn.encoders.backbones import count_channels, create_backbone
from embedlearn.encoders.settings import Architecture


class Encoder(nn.Module):
    """Films, float [B, 1, S, S], to embeddings, float [B, dimension], each of length 1.

    z = W pool(f(x)) / |W pool(f(x))|, with no layer after the pooling that is not linear, so that a similarity is an
    exact sum over the places of the feature map (Zhu 2019).
    """

    def __init__(self, architecture: Architecture, *, imagenet: bool = False, seed: int = 0) -> None:
        super().__init__()
        self.architecture = architecture
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.backbone = create_backbone(architecture.backbone, imagenet=imagenet)
            self.channels = count_channels(self.backbone)
            self.projection = nn.Linear(self.channels, architecture.dimension, bias=False)

    def pool(self, features: Tensor) -> Tensor:
        """A feature map [B, C, h, w] to vectors [B, C]."""
        if self.architecture.pooling == "gem":
            return features.clamp_min(1e-6).pow(3).mean((-2, -1)).pow(1 / 3)
        return features.mean((-2, -1))

    def project(self, pooled: Tensor) -> Tensor:
        """Pooled features [B, C] to embeddings float32 [B, dimension]."""
        return nn.functional.normalize(self.projection(pooled).float(), dim=1)

    def forward(self, films: Tensor) -> Tensor:
        return self.project(self.pool(self.backbone(films)))
