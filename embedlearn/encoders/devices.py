"""Where to compute."""

import torch

from embedlearn.errors import ArgumentError


def choose_device(wanted: str) -> torch.device:
    """The device that `wanted` ("auto", "cpu" or "cuda") means here. Raises `ArgumentError` where there is no GPU."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ArgumentError("--device cuda: torch sees no GPU here; use --device cpu, or auto")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")
