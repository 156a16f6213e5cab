"""The device that a word means."""

import pytest
import torch

from embedlearn.encoders.devices import choose_device
from embedlearn.errors import ArgumentError


@pytest.mark.parametrize(
    ("wanted", "gpu", "expected"),
    [("auto", True, "cuda"), ("auto", False, "cpu"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_auto_takes_a_gpu_where_there_is_one(wanted, gpu, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert choose_device(wanted).type == expected


def test_a_missing_gpu_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ArgumentError, match="--device cuda: torch sees no GPU here; use --device cpu"):
        choose_device("cuda")
