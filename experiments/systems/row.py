"""A row: a published system as a TOML file says it, its figures, its questions, its splits and its networks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from embedlearn.encoders.settings import Augmentation
from embedlearn.errors import ArgumentError
from embedlearn.flags import Settings, overlaid, require_choice, require_number
from embedlearn.radiographs.preprocessing import Preprocessing

FOLDER = Path(__file__).parent.parent / "rows"
KEPT = Augmentation(crop=1.0, rotate=0.0, contrast=0.0, gamma=0.0, blur=0.0, noise=0.0, spectrum=0.0)


@dataclass(frozen=True)
class Published:
    """A figure that the authors give, of a model on a task."""

    task: str = ""
    model: str = ""
    metric: str = "accuracy"
    value: float = 0.0
    protocol: str = ""
    films: int = 0


@dataclass(frozen=True)
class Task:
    """A question: which labels make which classes. A film whose label is of no class takes no part."""

    name: str = ""
    classes: dict[str, tuple[str, ...]] = field(default_factory=dict)  # class: labels, with those that are finer


@dataclass(frozen=True)
class Protocol:
    """How films are divided into those trained on and those tested on."""

    name: str = "by patient"
    by: Literal["image", "patient"] = "patient"
    kind: Literal["folds", "holdout", "each"] = "folds"
    folds: int = 5
    test: float = 0.2
    """Of holdout: the share tested."""
    each: int = 100
    """Of each: films of a class tested, and as many to validate on."""
    of_class: int = 0
    """Films of a class that take part, drawn by lot; 0 for all."""
    repeat_twins: bool = True
    """Whether near-identical films take part as often as they are there, or once."""
    seed: int = 42

    def __post_init__(self) -> None:
        require_choice("by", self.by, ("image", "patient"))
        require_choice("kind", self.kind, ("folds", "holdout", "each"))


@dataclass(frozen=True)
class Recipe:
    """How a network is trained."""

    epochs: int = 40
    batch: int = 32
    optimizer: Literal["adam", "amsgrad", "adamw", "sgd", "adagrad"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    momentum: float = 0.9
    """Of sgd, after Nesterov."""
    decay: Literal["none", "cosine"] = "cosine"
    """Whether the rate stays, or comes down along a cosine after a tenth of the steps in which it rises."""
    smoothing: float = 0.0
    """Label smoothing (Szegedy 2016)."""
    mixup: float = 0.0
    """Of the Beta distribution by which a batch is mixed with itself (Zhang 2018, mixup); 0 for none."""
    average: float = 0.0
    """Of the weights over steps: how much of the average is kept at each (Polyak 1992); 0 takes the last."""
    balance: bool = False
    """Whether classes count alike in the loss."""
    flip: bool = False
    """Whether half of the views are mirrored, as several authors did."""
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    """Of the network's arithmetic, as `pretrain --precision` has it."""
    views: Augmentation = KEPT

    def __post_init__(self) -> None:
        require_choice("optimizer", self.optimizer, ("adam", "amsgrad", "adamw", "sgd", "adagrad"))
        require_choice("decay", self.decay, ("none", "cosine"))
        require_number("epochs", self.epochs, 1, 10_000)
        require_number("batch", self.batch, 2, 4096)
        require_number("mixup", self.mixup, 0, 10)
        require_choice("precision", self.precision, ("auto", "bf16", "fp32"))
        require_number("average", self.average, 0, 0.9999)


@dataclass(frozen=True)
class Model:
    """A network and how it is trained."""

    name: str = "resdense, from scratch"
    backbone: str = "resdense"
    weights: str = "none"
    """none, or imagenet: the published weights, which are downloaded where they are not there."""
    frozen: bool = False
    """Whether only the head is trained."""
    hidden: int = 0
    """Units of a dense layer before the classes; 0 for none, so that a map of the evidence adds up."""
    size: int = 0
    """Side of a film in pixels, where it differs from the row's."""
    tasks: tuple[str, ...] = ()
    """The tasks it is put to; all where none is named."""
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True)
class Row:
    """A published system. `make` says what kind of system it is, see `experiments.systems.running`."""

    name: str
    title: str = ""
    about: str = ""
    cite: str = ""
    make: Literal["classifier", "siamese", "transfer"] = "classifier"
    data: tuple[str, ...] = ()
    """Data sets: layouts by name; those under ../shared/data are found, others are named by --data."""
    also: tuple[str, ...] = ()
    """Layouts that may be named by --data besides."""
    instead: tuple[tuple[str, ...], ...] = ()
    """Sets of layouts that will do in the place of `data`."""
    main: str = ""
    """The model that stands for ours in the overview."""
    published: tuple[Published, ...] = ()
    tasks: tuple[Task, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    models: tuple[Model, ...] = ()
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    pretrain: dict[str, Any] = field(default_factory=dict)
    """Settings of the pretraining behind the few-shot curve, over the defaults."""
    shots: tuple[int, ...] = (1, 5, 10, 20)

    def put_to(self, task: str) -> list[Model]:
        """The models that are put to a task."""
        return [model for model in self.models if not model.tasks or task in model.tasks]

    def main_of(self, task: str, ran: Sequence[str] | None = None) -> str:
        """The model that stands for ours on a task: the row's, or the first that is put to it (of those that `ran`)."""
        names = [model.name for model in self.put_to(task) if ran is None or model.name in ran]
        return self.main if self.main in names or not names else names[0]


def slug(*names: str) -> str:
    """Names as one that a file can have."""
    return "-".join("-".join(re.findall(r"[a-z0-9]+", name.lower())) for name in names)


def row_names() -> list[str]:
    """The rows there are."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_row(name: str, folder: Path = FOLDER) -> Row:
    """The row of that name. Raises `ArgumentError` for a name or a setting that does not exist."""
    path = folder / f"{name}.toml"
    if not path.is_file():
        raise ArgumentError(f"NAME {name}: no such row; wanted one of {', '.join(row_names())}")
    plain = tomllib.loads(path.read_text(encoding="utf-8"))
    return overlaid(
        Row(
            name,
            published=_each(Published(), plain.pop("published", ())),
            tasks=_each(Task(), plain.pop("tasks", ())),
            protocols=_each(Protocol(), plain.pop("protocols", ())),
            models=_each(Model(), plain.pop("models", ())),
        ),
        plain,
    )


def _each(default: Settings, tables: Sequence[Mapping[str, Any]]) -> tuple[Settings, ...]:
    return tuple(overlaid(default, table) for table in tables)
