"""A training between two steps, on disk: what is needed to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from torch import Tensor

from embedlearn.encoders.checkpoints import load_tensors, save_tensors
from embedlearn.encoders.training import Trainer
from embedlearn.errors import CheckpointError, StorageError

FORMAT = "embedlearn-training-2"
NEWEST, BEFORE = "checkpoint.safetensors", "checkpoint-before.safetensors"


def save_training(folder: Path, trainer: Trainer) -> None:
    """Write weights, best weights, the criterion's state, the optimiser's, and how far the training is.

    The checkpoint that was the newest is kept as the one before. Raises `StorageError`.
    """
    tensors = dict(_named_states(trainer))
    history = [list(row.items()) for row in trainer.history]  # JSON objects lose their order
    state = {"history": history, "step": trainer.step, "spent": trainer.spent.tolist()}
    try:
        if (folder / NEWEST).exists():
            (folder / NEWEST).replace(folder / BEFORE)
    except OSError as error:
        raise StorageError(f"{folder / NEWEST}: cannot be renamed ({error.strerror or error})") from error
    save_tensors(folder / NEWEST, tensors, FORMAT, state)


def restore_training(folder: Path, trainer: Trainer) -> str | None:
    """Put `trainer`, newly made from the same settings, where it was when it was last saved in `folder`.

    Returns what is wrong with the newest checkpoint where the one before had to be taken. Raises `CheckpointError`
    where there is none, or none that is whole and of this training.
    """
    try:
        _restore(folder / NEWEST, trainer)
    except CheckpointError as error:
        if not (folder / BEFORE).exists():
            raise
        _restore(folder / BEFORE, trainer)
        return str(error)
    return None


def has_checkpoint(folder: Path) -> bool:
    """Whether a training was saved in `folder`."""
    return any((folder / name).exists() for name in (NEWEST, BEFORE))


def drop_checkpoints(folder: Path) -> None:
    """Remove them: the training is finished."""
    for name in (NEWEST, BEFORE):
        (folder / name).unlink(missing_ok=True)


def _named_states(trainer: Trainer) -> Iterator[tuple[str, Tensor]]:
    parts = {
        "network": trainer.network.module.state_dict(),
        "best": trainer.best,
        "criterion": trainer.criterion.state_dict(),
    }
    for part, state in parts.items():
        yield from ((f"{part}/{name}", value) for name, value in state.items())
    for number, moments in trainer.optimizer.state_dict()["state"].items():
        yield from ((f"optimizer/{number}/{name}", value) for name, value in moments.items())


def _restore(path: Path, trainer: Trainer) -> None:
    tensors, state = load_tensors(path, FORMAT)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "criterion": {}, "optimizer": {}}
    try:
        for name, value in tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = value
        trainer.network.module.load_state_dict(parts["network"])
        trainer.criterion.load_state_dict(parts["criterion"])
        optimizer = trainer.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in parts["optimizer"].items():
            number, _, key = name.partition("/")
            optimizer["state"].setdefault(int(number), {})[key] = value
        trainer.optimizer.load_state_dict(optimizer)
        trainer.history, trainer.step = [dict(row) for row in state["history"]], int(state["step"])
        trainer.spent = np.array(state["spent"], np.float64)
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: it belongs to another training ({str(error).splitlines()[0]})") from error
    trainer.best = parts["best"]
