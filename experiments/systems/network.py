"""A classifier as the published systems are: a backbone, pooling, and something linear."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from embedlearn.encoders.backbones import count_channels, create_backbone
from embedlearn.encoders.devices import seeded
from embedlearn.errors import ArgumentError
from experiments.systems.pretrained import PACKAGED, imagenet_state, why_not
from experiments.systems.row import Model


class Classifier(nn.Module):
    """Films float [B, 1, S, S] to scores float32 [B, C] of C classes: linear in the mean of the feature map.

    With `hidden` units a dense layer and a ReLU lie between, and the score is no sum over places any more.
    """

    def __init__(self, model: Model, classes: int, *, seed: int) -> None:
        super().__init__()
        with seeded(seed):
            self.backbone = _backbone(model)
            width = count_channels(self.backbone)
            self.hidden = nn.Sequential(nn.Linear(width, model.hidden), nn.ReLU()) if model.hidden else nn.Identity()
            self.head = nn.Linear(model.hidden or width, classes)
        self.frozen = model.frozen
        if self.frozen:
            self.backbone.requires_grad_(False)

    def pool(self, films: Tensor) -> Tensor:
        """Films to pooled features float [B, channels]."""
        pooled: Tensor = self.backbone(films).mean((-2, -1))
        return pooled

    def answer(self, pooled: Tensor) -> Tensor:
        """Pooled features to scores."""
        scores: Tensor = self.head(self.hidden(pooled))
        return scores.float()

    def forward(self, films: Tensor) -> Tensor:
        return self.answer(self.pool(films))

    def train(self, mode: bool = True) -> Classifier:
        """Training mode; a frozen backbone keeps its running means."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self


class Pooling(nn.Module):
    """The pooled features of a classifier, float32 [B, width], as a network of its own."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network
        self.width = count_channels(network.backbone)

    def forward(self, films: Tensor) -> Tensor:
        return self.network.pool(films).float()


class WeightsError(ArgumentError):
    """Published weights cannot be had."""


def weights_of(model: Model) -> str:
    """Where the weights that a model starts from are: none, the digest of an installed package's, or downloaded."""
    if model.weights != "imagenet":
        return "none"
    return PACKAGED[model.backbone].sha256 if why_not(model.backbone) is None else "downloaded"


def _backbone(model: Model) -> nn.Module:
    """The backbone with the weights the model starts from. Raises `WeightsError`."""
    packaged = model.weights == "imagenet" and why_not(model.backbone) is None
    try:
        backbone = create_backbone(model.backbone, imagenet=model.weights == "imagenet" and not packaged)
    except ArgumentError as error:
        if "--weights imagenet" in str(error):
            raise WeightsError(str(error)) from error
        raise
    if packaged and (state := imagenet_state(model.backbone)):
        backbone.load_state_dict(state)
    return backbone


@torch.no_grad()
def evidence(network: Classifier, inputs: Tensor, wanted: Tensor) -> Tensor:
    """What each place adds to the score of class `wanted` int64 [B] less the mean of all classes: float [B, h, w].

    The class activation map (Zhou 2016) of a head that is linear; ReLU maps of others are not sums, so a hidden layer
    is followed by its gradient at the film (Selvaraju 2017, eq. 1-2, without their ReLU).
    """
    network.eval()
    features = network.backbone(inputs)
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    pooled = features.mean((-2, -1))
    with torch.enable_grad():
        free = pooled.detach().requires_grad_(True)
        scores = network.answer(free)
        margin = scores.gather(1, wanted[:, None]).squeeze(1) - scores.mean(1)
        (slope,) = torch.autograd.grad(margin.sum(), free)
    maps: Tensor = torch.einsum("bc,bchw->bhw", slope, features) / (features.shape[-1] * features.shape[-2])
    return maps
