"""Where to compute, and drawing from torch's own generators without leaving a trace in them."""

import contextlib
from collections.abc import Iterator

import torch

from embedlearn.errors import ArgumentError


def choose_device(wanted: str) -> torch.device:
    """The device that `wanted` ("auto", "cpu" or "cuda") means here. Raises `ArgumentError` where there is no GPU."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("--device cuda: torch sees no GPU here; use --device cpu, or auto")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generators inside the block; behind it they are what they were before."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield
