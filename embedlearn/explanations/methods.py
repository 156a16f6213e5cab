"""Every way to make a map of a film for a target, by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from embedlearn.encoders.devices import evaluating
from embedlearn.encoders.encoder import Encoder
from embedlearn.errors import ArgumentError
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.gradient import GRADIENT_METHODS, REFUSED, require_one_each
from embedlearn.explanations.readout import read_encoder

Method = Callable[[Encoder, Tensor, Tensor], Tensor]
"""(encoder, standardised inputs [B, 1, S, S], target vectors [B, D], one a film) to maps float32 [B, h, w]."""


@torch.no_grad()
def exact(encoder: Encoder, inputs: Tensor, vectors: Tensor) -> Tensor:
    """What each place adds to z . v, as `exact_maps` has it, for one vector a film."""
    require_one_each(inputs, vectors)
    with evaluating(encoder):
        features = encoder.backbone(inputs)
    return exact_maps(features, read_encoder(encoder), vectors[:, None]).maps[:, 0].float()


METHODS: dict[str, Method] = {"exact": exact, **GRADIENT_METHODS}


def named_method(name: str) -> Method:
    """The method of a name. Raises `ArgumentError` for one that is unknown, or of the package but refused."""
    if name not in METHODS:
        family = name.lower().removesuffix("-cosine")
        reason = f"not offered: {REFUSED[family]}" if family in REFUSED else "no such method"
        raise ArgumentError(f"--method {name}: {reason}; wanted one of {', '.join(METHODS)}")
    return METHODS[name]


def trap(name: str) -> str:
    """What a reader of the method's maps must know, in plain words; empty where there is nothing."""
    return str(getattr(named_method(name), "trap", ""))
