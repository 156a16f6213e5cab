"""The flag --threads is what torch computes with, once the command starts."""

import pytest
import torch

from embedlearn.errors import ArgumentError
from embedlearn.tasks.serve import starting
from embedlearn.tasks.serve.flags import Serve


def test_threads_are_those_of_the_flag(monkeypatch):
    def stop(*_):
        raise ArgumentError("far enough")

    before = torch.get_num_threads()
    monkeypatch.setattr(starting, "make_engine", stop)
    try:
        for wanted in (1, 2):
            with pytest.raises(ArgumentError, match="far enough"):
                starting.serve(Serve(port=0, threads=wanted))
            assert torch.get_num_threads() == wanted
    finally:
        torch.set_num_threads(before)
