"""The encoders that a row trains, by name, as its TOML file says under `pretrain.models`."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from embedlearn.flags import overlaid
from embedlearn.pretrain import Pretrain, settings_from
from experiments.systems.row import Row, slug

MODELS, GPU, DRAWN = "models", "gpu", "drawn"


def named_trainings(row: Row, data: tuple[str, ...], folder: Path) -> dict[str, Pretrain]:
    """The settings of every encoder by name; what `pretrain` says of all goes before what it says of one.

    Raises `ArgumentError` for a setting that does not exist.
    """
    shared = {name: value for name, value in row.pretrain.items() if name != MODELS}
    made = {}
    for name, plain in row.pretrain[MODELS].items():
        own = {key: value for key, value in plain.items() if key not in (GPU, DRAWN)}
        settings = overlaid(settings_from({**own, "data": data}), shared)
        made[name] = dataclasses.replace(settings, name=slug(name), runs=folder)
    return made


def wants_gpu(row: Row, name: str) -> bool:
    """Whether an encoder is not to be trained on a processor, which would take days."""
    return bool(row.pretrain[MODELS][name].get(GPU))


def is_drawn(row: Row, name: str) -> bool:
    """Whether an encoder is trained for the pictures of its latent space."""
    return bool(row.pretrain[MODELS][name].get(DRAWN))


def quickened_trainings(row: Row) -> Row:
    """The row with an epoch of small films for every encoder, and the first two numbers of shots."""
    small = {"preprocessing": {"size": 32}, "schedule": {"epochs": 1}}
    return dataclasses.replace(row, pretrain={**row.pretrain, **small}, shots=row.shots[:2])
