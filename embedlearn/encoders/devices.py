"""Where and in what precision to compute, and drawing from torch's own generators without leaving a trace in them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import nn

from embedlearn.errors import ArgumentError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def choose_device(wanted: str) -> torch.device:
    """The device that `wanted` ("auto", "cpu" or "cuda") means here. Raises `ArgumentError` where there is no GPU."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("--device cuda: torch sees no GPU here; use --device cpu, or auto")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def computes_in_bf16(wanted: str, device: torch.device) -> bool:
    """Whether to train in bf16: as `wanted` ("bf16" or "fp32"), or for "auto" where the machine computes in it."""
    if wanted != "auto":
        return wanted == "bf16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def open_fabric(wanted: str, precision: str) -> Fabric:
    """What training runs on: the device that `wanted` means, in `precision`, with the other processes of torchrun.

    Raises `ArgumentError` where there is no GPU.
    """
    from lightning_fabric import Fabric
    from lightning_fabric.plugins import MixedPrecision, Precision

    device = choose_device(wanted)
    arithmetic = MixedPrecision("bf16-mixed", device.type) if computes_in_bf16(precision, device) else Precision()
    world, here = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if world == 1:
        return Fabric(accelerator=device.type, devices=1, plugins=arithmetic)
    fabric = Fabric(accelerator=device.type, devices=here, num_nodes=world // here, strategy="ddp", plugins=arithmetic)
    fabric.launch()
    return fabric


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside the block; behind it they are what they were before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside the block; behind it every layer is in the mode that it was in."""
    training = [layer for layer in network.modules() if layer.training]
    network.eval()
    try:
        yield
    finally:
        for layer in training:
            layer.training = True
