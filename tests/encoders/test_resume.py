"""A training that was stopped between epochs and goes on ends where it would have ended."""

import pytest
import torch

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.resume import restore_training, save_training
from embedlearn.encoders.settings import Architecture, Objective, Schedule
from embedlearn.errors import CheckpointError
from embedlearn.files import file_digest


@pytest.fixture
def stopped(make_trainer, tmp_path):
    """The checkpoint of a training after one of its three epochs."""
    trainer = make_trainer()
    trainer.run_epoch()
    save_training(tmp_path / "checkpoint.safetensors", trainer)
    return tmp_path / "checkpoint.safetensors"


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(make_trainer, tmp_path, precision):
    schedule = Schedule(epochs=3, precision=precision)
    whole, first, second = (make_trainer(schedule=schedule) for _ in range(3))
    path = tmp_path / "checkpoint.safetensors"
    first.run_epoch()
    save_training(path, first)
    restore_training(path, second)
    assert second.history == first.history
    for trainer in (whole, second):
        while not trainer.finished:
            trainer.run_epoch()
    rows = [[{**row, "seconds": 0} for row in trainer.history] for trainer in (whole, second)]
    assert rows[0] == rows[1] and len(rows[0]) == 3
    for ours, theirs in ((whole.best, second.best), (whole.network.state_dict(), second.network.state_dict()),
                         (whole.loss.state_dict(), second.loss.state_dict())):  # fmt: skip
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_saving_twice_gives_the_same_bytes(make_trainer, stopped):
    trainer = make_trainer()
    restore_training(stopped, trainer)
    again = stopped.with_name("again")
    save_training(again, trainer)
    assert file_digest(again) == file_digest(stopped)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:5000]),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"network/encoder.', b'"netwurk/encoder.')),
        lambda path: path.write_bytes(path.read_bytes().replace(b'\\"history', b'\\"histery')),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"optimizer/0', b'"optimizer/x')),
        lambda path: path.write_text("no weights"),
        lambda path: path.unlink(),
    ],
    ids=["a byte short", "head only", "network", "history", "optimiser", "text", "missing"],
)
def test_a_torn_checkpoint_is_refused_by_name(make_trainer, stopped, damage):
    damage(stopped)
    with pytest.raises(CheckpointError, match=str(stopped)):
        restore_training(stopped, make_trainer())


@pytest.mark.parametrize(
    "other",
    [
        {"encoder": Encoder(Architecture(dimension=12))},
        {"objective": Objective(instance_width=16)},
        {"objective": Objective(instance=0)},
    ],
    ids=["dimension", "instance width", "no instance term"],
)
def test_the_checkpoint_of_another_training_is_refused(make_trainer, stopped, other):
    with pytest.raises(CheckpointError, match="it belongs to another training"):
        restore_training(stopped, make_trainer(**other))
