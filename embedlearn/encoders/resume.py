"""A training between two epochs, on disk: what is needed to go on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from embedlearn.encoders.checkpoints import load_tensors, save_tensors
from embedlearn.encoders.training import Trainer
from embedlearn.errors import CheckpointError

FORMAT = "embedlearn-training-1"


def save_training(path: Path, trainer: Trainer) -> None:
    """Write weights, best weights, optimiser state and history, whole or not at all. Raises `StorageError`."""
    tensors = {f"network/{name}": value for name, value in trainer.network.module.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in trainer.best.items()}
    if trainer.loss is not None:
        tensors |= {f"loss/{name}": value for name, value in trainer.loss.state_dict().items()}
    for number, state in trainer.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{number}/{name}": value for name, value in state.items()}
    save_tensors(path, tensors, FORMAT, {"history": trainer.history})


def restore_training(path: Path, trainer: Trainer) -> None:
    """Put `trainer`, newly made from the same settings, where it was when `path` was written.

    Raises `CheckpointError` where the file is torn or belongs to another training.
    """
    tensors, settings = load_tensors(path, FORMAT)
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "best": {}, "loss": {}, "optimizer": {}}
    try:
        for name, value in tensors.items():
            part, _, rest = name.partition("/")
            parts[part][rest] = value
        trainer.network.module.load_state_dict(parts["network"])
        if trainer.loss is not None:
            trainer.loss.load_state_dict(parts["loss"])
        optimizer = trainer.optimizer.state_dict()
        optimizer["state"] = {}
        for name, value in parts["optimizer"].items():
            number, _, key = name.partition("/")
            optimizer["state"].setdefault(int(number), {})[key] = value
        trainer.optimizer.load_state_dict(optimizer)
        trainer.history = list(settings["history"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path}: it belongs to another training ({str(error).splitlines()[0]})") from error
    trainer.best = parts["best"]
