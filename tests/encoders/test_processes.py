"""Two processes that train together are one process with the whole batch."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from amounts import mostly_slow
from two_processes import BF16, CASES, NORMALISATION, measure_all

from embedlearn.encoders import processes
from embedlearn.errors import ArgumentError

WORKER = Path(__file__).with_name("two_processes.py")


FAST = ["contrastive, pairs", "triplet, mined", "supcon and instance", "supcon with a memory", "library, proxies", BF16]
every_case = pytest.mark.parametrize("case", mostly_slow(list(CASES), FAST))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Call with a case for what one process found, and what each of two did; the fast cases are run together."""

    @functools.cache
    def run(*cases):
        folder = tmp_path_factory.mktemp("processes")
        torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        words = [sys.executable, *torchrun, str(WORKER), str(folder), *cases]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(words, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return measure_all(cases), *(torch.load(folder / f"{rank}-of-2.pt", weights_only=True) for rank in (0, 1))

    def find(case):
        cases = FAST if case in FAST or case == NORMALISATION else [each for each in CASES if each not in FAST]
        return [found[case] for found in run(*cases)]

    return find


def relative_error(ours, theirs, part):
    """|ours - theirs| / |theirs| over all tensors of a part, as one long vector."""
    names = [name for name in theirs if name.startswith(part)]
    ours, theirs = (torch.cat([found[name].double().flatten() for name in names]) for found in (ours, theirs))
    assert theirs.norm() > 1e-3
    return float((ours - theirs).norm() / theirs.norm())


@every_case
def test_gradients_are_those_of_one_process_with_the_whole_batch(results, case):
    alone, first, second = results(case)
    assert alone.keys() == first.keys()
    assert relative_error(first, alone, "gradient/") < (0.3 if case == BF16 else 1e-5)  # roundings of bf16
    assert relative_error(second, first, "gradient/") == 0


@every_case
def test_an_epoch_ends_in_the_same_weights_and_losses(results, case):
    alone, first, second = results(case)
    torch.testing.assert_close(first["row"][:2], alone["row"][:2], rtol=2e-2, atol=1e-3)
    torch.testing.assert_close(first["row"][2:], alone["row"][2:], rtol=0, atol=0.17)  # two of twelve films
    assert relative_error(second, first, "weight/") == 0, "processes have drifted apart"
    assert relative_error(first, alone, "weight/") < (
        0.1 if case == BF16 else 1e-2
    )  # Adam makes much of the smallest gradients


def test_layers_that_do_more_than_normalise_are_not_shared(monkeypatch):
    """timm's also hold the activation, which would be lost."""
    timm = pytest.importorskip("timm")
    monkeypatch.setattr(processes, "rank_and_world", lambda: (0, 2))
    with pytest.raises(ArgumentError, match="--backbone: several processes cannot share its BatchNormAct2d layers"):
        processes.share_batch_statistics(timm.create_model("efficientnet_b0", in_chans=1))


def test_batch_statistics_are_those_of_all_processes(results):
    alone, first, second = results(NORMALISATION)
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
