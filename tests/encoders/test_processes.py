"""Two processes that train together are one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from two_processes import CASES

WORKER = Path(__file__).with_name("two_processes.py")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What one process found, and what each of two did."""
    folder = tmp_path_factory.mktemp("processes")
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for start in ([], torchrun):
        done = subprocess.run(
            [sys.executable, *start, str(WORKER), str(folder)], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / name) for name in ("0-of-1.pt", "0-of-2.pt", "1-of-2.pt")]


def relative_error(ours, theirs, part):
    """|ours - theirs| / |theirs| over all tensors of a part, as one long vector."""
    names = [name for name in theirs if name.startswith(part)]
    ours, theirs = (torch.cat([found[name].double().flatten() for name in names]) for found in (ours, theirs))
    assert theirs.norm() > 1e-3
    return float((ours - theirs).norm() / theirs.norm())


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_one_process_with_the_whole_batch(results, case):
    alone, first, second = (found[case] for found in results)
    assert alone.keys() == first.keys()
    assert relative_error(first, alone, "gradient/") < 1e-5
    assert relative_error(second, first, "gradient/") == 0


@pytest.mark.parametrize("case", CASES)
def test_an_epoch_ends_in_the_same_weights_and_losses(results, case):
    alone, first, second = (found[case] for found in results)
    torch.testing.assert_close(first["row"][:2], alone["row"][:2], rtol=2e-2, atol=1e-3)
    torch.testing.assert_close(first["row"][2:], alone["row"][2:], rtol=0, atol=0.17)  # two of twelve films
    assert relative_error(second, first, "weight/") == 0, "processes have drifted apart"
    assert relative_error(first, alone, "weight/") < 1e-2  # Adam makes much of the smallest gradients


def test_batch_statistics_are_those_of_all_processes(results):
    alone, first, second = (found["normalisation"] for found in results)
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
