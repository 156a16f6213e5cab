"""Trainings that are killed, interrupted, or divided among processes end where one left alone would have ended."""

import contextlib
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from amounts import slow

from embedlearn import pretrain
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.files import file_digest
from embedlearn.radiographs.phantom import write_phantoms

SMALL = (
    "--size", "32", "--dimension", "16", "--batch", "32", "--epochs", "6", "--crop", "0.7", "--memory", "40",
    "--patience", "2",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with phantoms, a cache of its own, and a training `whole` that nothing disturbed, on one thread."""
    place = tmp_path_factory.mktemp("stopping")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMBEDLEARN_CACHE", str(place / "cache"))
        patch.setenv("OMP_NUM_THREADS", "1")
        write_phantoms(place / "films", patients=240, films=2, size=64, seed=3)
        done = start(place, "whole").communicate()
        assert (place / "whole" / "encoder.safetensors").exists(), done
        yield place


def start(place, name, *more, launcher=("-m", "embedlearn.pretrain")):
    flags = ["--data", str(place / "films"), "--runs", str(place), "--name", name, *SMALL]
    flags = ["--runs", str(place), "--name", name, "--resume"] if "--resume" in more else flags
    more = [word for word in more if word != "--resume"]
    return subprocess.Popen(
        [sys.executable, *launcher, *flags, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_step(child, folder, count):
    """Return once the `count`-th checkpoint since now has been written, which is amid an epoch as a rule."""
    seen = set()
    path = folder / "checkpoint.safetensors"
    while len(seen) < count and child.poll() is None:
        with contextlib.suppress(FileNotFoundError):  # as it is for a moment between two
            seen.add(path.stat().st_mtime_ns)


@pytest.mark.parametrize(("kills", "seed"), [(1, 0), slow(3, 0), slow(3, 1)])
def test_a_training_killed_at_random_steps_goes_on_to_the_same_encoder(place, kills, seed):
    random, name = np.random.default_rng(seed), f"killed-{seed}-{kills}"
    folder = place / name
    for turn in range(kills):
        child = start(place, name, "--save-every", "0", *(["--resume"] if turn else []))
        wait_for_step(child, folder, int(random.integers(2, 6)))
        child.kill()
        child.communicate()
    assert not (folder / "encoder.safetensors").exists()
    said, _ = start(place, name, "--resume").communicate()
    assert re.search(r"going on after epoch \d, step \d+ of \d+", said)
    assert file_digest(folder / "encoder.safetensors") == file_digest(place / "whole" / "encoder.safetensors")
    rows = [pd.read_csv(place / each / "history.csv").drop(columns="seconds") for each in (name, "whole")]
    pd.testing.assert_frame_equal(*rows)
    assert {path.name for path in folder.iterdir()} == {path.name for path in (place / "whole").iterdir()}


@pytest.mark.parametrize("number", [signal.SIGTERM, slow(signal.SIGINT)])
def test_a_training_that_is_asked_to_stop_saves_behind_its_step_and_says_how_to_go_on(place, number):
    name = f"asked-{number.name}"
    child = start(place, name)
    wait_for_step(child, place / name, 1)
    child.send_signal(number)
    said, complaint = child.communicate()
    assert child.returncode == 130 and "Traceback" not in complaint
    assert f"go on with embedlearn pretrain --resume --runs {place} --name {name}" in said
    start(place, name, "--resume").communicate()
    assert file_digest(place / name / "encoder.safetensors") == file_digest(place / "whole" / "encoder.safetensors")


@pytest.mark.slow
def test_two_processes_write_one_run_and_learn_what_one_does(place):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "embedlearn.pretrain")
    child = start(place, "both", "--precision", "fp32", launcher=torchrun)
    said, complaint = child.communicate()
    assert child.returncode == 0, complaint[-2000:]
    start(place, "alone", "--precision", "fp32").communicate()
    assert said.count("\nepoch   1/6") == 1 and said.count("wrote ") == 1
    assert sorted(os.listdir(place / "both")) == sorted(os.listdir(place / "alone"))
    both, alone = (pd.read_csv(place / name / "history.csv") for name in ("both", "alone"))
    np.testing.assert_allclose(both["loss"][:2], alone["loss"][:2], rtol=1e-2)
    first, second = (load_encoder(place / name / "encoder.safetensors").encoder for name in ("both", "alone"))
    distance = (first.projection.weight - second.projection.weight).norm() / second.projection.weight.norm()
    assert distance < 0.2


def test_loggers_and_export_that_are_not_installed_are_named_before_training(place, monkeypatch, capsys):
    for flag, package, extra in (("--log", "tensorboard", "tensorboard"), ("--export", "onnx", "onnx")):
        monkeypatch.setitem(sys.modules, package, None)
        word = package if flag == "--log" else "onnx"
        with pytest.raises(SystemExit) as exit_:
            pretrain.main(["--data", str(place / "films"), "--runs", str(place), "--name", "none", flag, word])
        assert exit_.value.code == 2
        assert f"pip install 'embedlearn[{extra}]'" in capsys.readouterr().err
    assert not (place / "none").exists()
