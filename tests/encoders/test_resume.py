"""A training that was stopped behind any step and goes on ends where it would have ended."""

import functools
import shutil
from itertools import product

import pytest
import torch
from amounts import mostly_slow, slow
from toys import build_trainer

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.resume import BEFORE, NEWEST, drop_checkpoints, has_checkpoint, restore_training, save_training
from embedlearn.encoders.settings import Architecture, Objective, Sampling, Schedule
from embedlearn.errors import CheckpointError
from embedlearn.files import file_digest


class StoppedError(Exception):
    pass


def run(trainer):
    while not trainer.finished:
        trainer.run_epoch()
    return trainer


def stop_behind(trainer, folder, steps):
    """Train so many steps, save, and stop as a killed process would."""
    left = steps

    def on_step(done, total):
        nonlocal left
        left -= 1
        if not left:
            save_training(folder, trainer)
            raise StoppedError

    with pytest.raises(StoppedError):
        while True:
            trainer.run_epoch(on_step)


def assert_same(ours, theirs):
    rows = [[{**row, "seconds": 0} for row in trainer.history] for trainer in (ours, theirs)]
    assert rows[0] == rows[1]
    for first, second in ((ours.best, theirs.best), (ours.network.state_dict(), theirs.network.state_dict()),
                          (ours.criterion.state_dict(), theirs.criterion.state_dict())):  # fmt: skip
        assert first.keys() == second.keys()
        assert all(torch.equal(value, second[name]) for name, value in first.items())


@functools.cache
def uninterrupted(precision="fp32"):
    """The training of three epochs, which nothing may change."""
    return run(build_trainer(schedule=Schedule(epochs=3, precision=precision)))


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    """The folder of a training that was saved behind four of its nine steps, and once before; a test has a copy."""
    folder, trainer = tmp_path_factory.mktemp("stopped"), build_trainer()
    trainer.run_epoch()
    save_training(folder, trainer)
    stop_behind(trainer, folder, 1)
    return folder


@pytest.fixture
def stopped(stopped_once, tmp_path):
    return shutil.copytree(stopped_once, tmp_path / "stopped")


@pytest.mark.parametrize(
    ("precision", "steps"),
    mostly_slow(list(product(["fp32", "bf16"], [1, 2, 3, 4, 8])), [("fp32", 1), ("fp32", 3), ("fp32", 8), ("bf16", 4)]),
)
def test_a_resumed_training_is_the_uninterrupted_one_to_the_bit(make_trainer, tmp_path, precision, steps):
    whole, schedule = uninterrupted(precision), Schedule(epochs=3, precision=precision)
    first, second = make_trainer(schedule=schedule), make_trainer(schedule=schedule)
    stop_behind(first, tmp_path, steps)
    assert restore_training(tmp_path, second) is None
    assert (len(second.history), second.step) == (len(first.history), first.step)
    assert_same(whole, run(second))
    assert len(whole.history) == 3


@pytest.mark.parametrize(
    ("objective", "sampler"),
    [
        (Objective("supcon", memory=20), "classes"),
        (Objective("triplet", memory=7), "classes"),
        (Objective("ProxyAnchorLoss"), "classes"),
        slow(Objective("contrastive"), "pairs"),
        (Objective("triplet", miner="TripletMarginMiner", miner_args=("type_of_triplets=semihard",)), "classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.loss}-{value.memory}",
)
def test_the_state_of_every_kind_of_criterion_is_resumed(make_trainer, tmp_path, objective, sampler):
    settings = {"objective": objective, "sampling": Sampling(sampler, 8), "schedule": Schedule(2, precision="fp32")}
    whole, first, second = (make_trainer(**settings) for _ in range(3))
    stop_behind(first, tmp_path, first.steps + 2)
    restore_training(tmp_path, second)
    assert_same(run(whole), run(second))


def test_saving_twice_gives_the_same_bytes(make_trainer, stopped, tmp_path):
    trainer = make_trainer()
    restore_training(stopped, trainer)
    (tmp_path / "again").mkdir()
    save_training(tmp_path / "again", trainer)
    assert file_digest(tmp_path / "again" / NEWEST) == file_digest(stopped / NEWEST)


def flip_the_last_byte(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "a byte short": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a byte flipped": flip_the_last_byte,
    "head only": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "network": lambda path: path.write_bytes(path.read_bytes().replace(b'"network/encoder.', b'"netwurk/encoder.')),
    "history": lambda path: path.write_bytes(path.read_bytes().replace(b'\\"history', b'\\"histery')),
    "optimiser": lambda path: path.write_bytes(path.read_bytes().replace(b'"optimizer/0', b'"optimizer/x')),
    "text": lambda path: path.write_text("no weights"),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_torn_checkpoint_is_noticed_and_the_one_before_is_taken(make_trainer, stopped, damage):
    damage(stopped / NEWEST)
    trainer = make_trainer()
    assert str(stopped / NEWEST) in restore_training(stopped, trainer)
    assert (len(trainer.history), trainer.step) == (1, 0)
    assert_same(uninterrupted(), run(trainer))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_torn_checkpoint_with_none_before_it_is_refused_by_name(make_trainer, stopped, damage):
    (stopped / BEFORE).unlink()
    damage(stopped / NEWEST)
    with pytest.raises(CheckpointError, match=str(stopped / NEWEST)):
        restore_training(stopped, make_trainer())


def test_checkpoints_are_found_and_dropped(stopped):
    assert has_checkpoint(stopped)
    drop_checkpoints(stopped)
    assert not has_checkpoint(stopped) and list(stopped.iterdir()) == []


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
