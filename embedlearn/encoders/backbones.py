"""Backbones by name: our own, torchvision's, and timm's where it is installed."""

from __future__ import annotations

import difflib
from typing import cast

import torch
from torch import Tensor, nn

from embedlearn.encoders.deepcovid19 import DeepCovid19
from embedlearn.encoders.resdense import ResDense
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_packages

OWN: dict[str, type[nn.Module]] = {"resdense": ResDense, "deepcovid19": DeepCovid19}
# What torchvision's classifiers put behind the last feature map, and the branches used only in training.
_NOT_FEATURES = {
    "aux1", "aux2", "AuxLogits", "avgpool", "classifier", "dropout", "fc", "flatten", "head",
}  # fmt: skip
# These hold no single [B, C, H, W] map before their pooling.
_WITHOUT_MAP = ("vit_", "maxvit", "squeezenet")


def create_backbone(name: str, *, imagenet: bool = False) -> nn.Module:
    """A network from float [B, 1, H, W] to a feature map [B, C, h, w], its weights drawn from torch's generator.

    `name` is one of `OWN`, a torchvision classifier ("resnet18", "densenet121") or "timm:NAME". With `imagenet` the
    published weights are loaded, the first convolution's three input channels summed into one (torchvision, timm).
    Raises `ArgumentError` for an unknown name, or where the weights cannot be had.
    """
    if name in OWN:
        if imagenet:
            raise ArgumentError(f"--weights imagenet: {name} has no published weights; use none, a file or a run")
        return OWN[name]()
    if name.startswith("timm:"):
        return _create_timm(name.removeprefix("timm:"), imagenet)
    return _create_torchvision(name, imagenet)


def backbone_names() -> list[str]:
    """The names that `create_backbone` takes, but for timm's."""
    import torchvision

    names = torchvision.models.list_models(module=torchvision.models)
    return [*OWN, *(name for name in names if not name.startswith(_WITHOUT_MAP))]


def count_channels(backbone: nn.Module) -> int:
    """The channels of the backbone's feature map, found by a pass over a blank film."""
    return _map_shape(backbone)[1]


class DenseNetFeatures(nn.Sequential):
    """DenseNet's features with the ReLU that torchvision applies outside of them."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x = layer(x)
        return torch.relu(x)


def _create_torchvision(name: str, imagenet: bool) -> nn.Module:
    import torchvision

    known = backbone_names()
    if name not in known:
        near = ", ".join(difflib.get_close_matches(name, known, n=3)) or "resdense, resnet18, densenet121"
        raise ArgumentError(f"--backbone {name}: no such backbone; wanted one like {near}, or timm:NAME")
    options = {"init_weights": True} if name in ("googlenet", "inception_v3") and not imagenet else {}
    try:
        model = torchvision.models.get_model(name, weights="DEFAULT" if imagenet else None, **options)
    except OSError as error:
        raise ArgumentError(
            f"--weights imagenet: {name}'s weights cannot be downloaded ({error}); get them on a machine that is "
            "online into $TORCH_HOME/hub/checkpoints, or use --weights none"
        ) from error
    layers = [layer for child, layer in model.named_children() if child not in _NOT_FEATURES]
    backbone = DenseNetFeatures(*layers) if name.startswith("densenet") else nn.Sequential(*layers)
    _take_one_channel(backbone)
    return backbone


def _create_timm(name: str, imagenet: bool) -> nn.Module:
    require_packages(f"--backbone timm:{name}", ["timm"], "timm")
    import timm

    try:
        model = timm.create_model(name, pretrained=imagenet, in_chans=1, num_classes=0, global_pool="")
    except (RuntimeError, ValueError) as error:
        raise ArgumentError(f"--backbone timm:{name}: timm refuses it ({error})") from error
    except Exception as error:
        if not imagenet:
            raise
        raise ArgumentError(
            f"--weights imagenet: timm:{name}'s weights cannot be downloaded ({type(error).__name__}); "
            "use --weights none or a file"
        ) from error
    try:
        shape = _map_shape(model)
    except (AssertionError, RuntimeError) as error:
        raise ArgumentError(f"--backbone timm:{name}: it cannot read films of every size ({error})") from error
    if len(shape) != 4 or shape[2] != shape[3]:
        raise ArgumentError(f"--backbone timm:{name}: it has no feature map [B, C, h, w]; wanted a convolutional one")
    return model


def _map_shape(backbone: nn.Module) -> torch.Size:
    """The shape of the answer to one blank film, asked in evaluation mode so that no running mean moves."""
    training = backbone.training
    backbone.eval()
    with torch.no_grad():
        shape = backbone(torch.zeros(1, 1, 96, 96)).shape
    backbone.train(training)
    return cast("torch.Size", shape)


def _take_one_channel(backbone: nn.Module) -> None:
    """Let the first convolution read one channel and answer to it as it did to three equal ones."""
    first = next(layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d))
    first.in_channels = 1
    first.weight = nn.Parameter(first.weight.detach().sum(1, keepdim=True))
