"""`python -m embedlearn.pretrain`: train an encoder on common classes; the rare one is never seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlearn.console import DataFlags, run_command, say
from embedlearn.encoders.multilabel import require_class_flags, require_finding_flags
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.errors import ArgumentError
from embedlearn.files import require_folder
from embedlearn.flags import as_plain, overlaid, require_number, require_packages
from embedlearn.radiographs.labels import HEALTHY
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from embedlearn.encoders.encoder import Encoder
    from embedlearn.encoders.training import Trainer
    from embedlearn.sources import Collection

PROGRAM = "embedlearn pretrain"
CLASSES = (HEALTHY, "pneumonia")  # where none are named
MAY_CHANGE = ("name", "runs", "resume", "device", "save_every")  # in a run that is gone on with


@dataclass(frozen=True, kw_only=True)
class Pretrain(DataFlags):
    """Train an encoder on common classes. With no --data it trains on synthetic phantoms.

    Films of every other label (COVID-19 among them) are set aside and never seen. The run folder says so, film by film.
    """

    name: str | None = None
    """Name of the run; a free one is made of the backbone and a number."""
    runs: Path = Path("runs")
    """Folder of the runs."""
    resume: bool = False
    """Go on with the run --name, or with the newest unfinished one, under the settings it was started with."""
    classes: tuple[str, ...] = ()
    """Classes to train on, healthy and pneumonia unless named; a name holds its finer labels (pneumonia/viral).

    With --multi-label: findings; unless named, every finding that films of 20 patients or more show."""
    multi_label: bool = False
    """Let a film show several findings, by the data's column labels ("a|b"); a healthy film shows none of them.

    Films with a finding that is no class here are set aside. What a source never names is unknown of its films, not
    absent, unless it names several findings a film and at least half of the classes."""
    absent: tuple[str, ...] = ()
    """With --multi-label: findings that no film shows unless it is labelled so, whatever its source names (covid-19).

    For a finding that one set alone names. Take care: whatever tells that set's films from others then tells it too."""
    split: Literal["auto", "new"] = "auto"
    """auto takes the split column of the data where there is one; new splits again, by patient."""
    val: float = 0.15
    """Share of the patients to validate on."""
    test: float = 0.2
    """Share of the patients kept for the few-shot test."""
    weights: str = "none"
    """Weights to start from: none, imagenet, a run folder, or an encoder file."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    save_every: float = 300.0
    """Seconds between two checkpoints within an epoch; there is one behind every epoch, and when it is stopped."""
    log: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = ()
    """Where the history goes besides history.csv: tensorboard, wandb, mlflow."""
    export: Literal["none", "onnx"] = "none"
    """A further form to write the encoder in: onnx, for any runtime that reads it."""
    seed: int = 0
    """Of the split, the first weights, the batches and the views."""
    architecture: Architecture = field(default_factory=Architecture)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    augmentation: Augmentation = field(default_factory=Augmentation)
    objective: Objective = field(default_factory=Objective)
    sampling: Sampling = field(default_factory=Sampling)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        if self.multi_label:
            require_finding_flags(self.objective, self.sampling)
            if HEALTHY in self.classes:
                raise ArgumentError(f"--classes {HEALTHY}: with --multi-label it is no finding; leave it out")
        else:
            require_class_flags(self.objective)
            if self.absent:
                raise ArgumentError(f"--absent {' '.join(self.absent)}: is for --multi-label; add it, or drop the flag")
            object.__setattr__(self, "classes", self.classes or CLASSES)
            if len(set(self.classes)) < 2:
                raise ArgumentError(f"--classes: wanted two classes or more, got {', '.join(self.classes)}")
        require_number("--val", self.val, 0.05, 0.45)
        require_number("--test", self.test, 0.05, 0.45)
        require_number("--seed", self.seed, 0, 2**31 - 1)
        require_number("--save-every", self.save_every, 0, 1e9)


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Pretrain, _run, PROGRAM, arguments)


def _run(settings: Pretrain) -> None:
    from embedlearn.encoders.runs import find_unfinished, free_name, read_config

    if settings.resume:
        folder = find_unfinished(settings.runs, settings.name)
        stored = settings_from(read_config(folder)["settings"])
        _refuse_changes(settings, stored)
        device = stored.device if settings.device == "auto" else settings.device
        save_every = stored.save_every if settings.save_every == Pretrain.save_every else settings.save_every
        train_run(dataclasses.replace(stored, device=device, save_every=save_every), folder, resume=True)
        return
    folder = settings.runs / (settings.name or free_name(settings.runs, settings.architecture.backbone))
    if folder.exists():
        raise ArgumentError(f"--name {folder.name}: {folder} is there already; --resume it, or name another")
    require_folder(settings.runs, "--runs")
    train_run(settings, folder, resume=False)


def train_run(settings: Pretrain, folder: Path, *, resume: bool) -> None:
    """Train from the data to a finished run in `folder`, or go on with the one begun there.

    Under torchrun every process calls this; the first of them speaks and writes.
    """
    from embedlearn.encoders import export, runs
    from embedlearn.encoders.devices import open_fabric
    from embedlearn.encoders.loggers import create_loggers, require_loggers
    from embedlearn.encoders.resume import has_checkpoint, restore_training
    from embedlearn.radiographs.splits import assign_finding_splits, assign_splits
    from embedlearn.sources import Collection, collect
    from embedlearn.tasks.findings import choose_absent, choose_findings, say_findings
    from embedlearn.tasks.training import compare_with_start, finish, run_epochs

    require_loggers(settings.log)
    if settings.export == "onnx":
        require_packages(export.FLAG, export.PACKAGES, "onnx")
    fabric = open_fabric(settings.device, settings.schedule.precision)
    with fabric.rank_zero_first(local=True):  # decoding and downloads are done once a machine
        encoder = _create_encoder(settings)
        collection = collect(settings, settings.preprocessing)
    if settings.multi_label:
        findings = choose_findings(collection.manifest.frame, settings.classes)
        settings = dataclasses.replace(settings, classes=findings, absent=choose_absent(settings.absent, findings))
    manifest = (assign_finding_splits if settings.multi_label else assign_splits)(
        collection.manifest, settings.classes, val=settings.val, test=settings.test, seed=settings.seed,
        new=settings.split == "new",
    )  # fmt: skip
    if settings.weights not in ("none", "imagenet"):
        manifest = compare_with_start(manifest, Path(settings.weights))
    collection = Collection(manifest, collection.films)
    data = runs.describe_data(manifest)
    if settings.multi_label:
        say_findings(manifest.frame, settings.classes, settings.absent)
    else:
        _say_split(manifest.frame)
    trainer = _create_trainer(settings, encoder, collection, fabric)
    if resume:
        runs.require_same_data(folder, data)
        if has_checkpoint(folder):
            if wrong := restore_training(folder, trainer):
                say(f"note: {wrong}; the checkpoint before it is taken")
            say(f"going on after epoch {len(trainer.history)}, step {trainer.step} of {trainer.steps}")
    elif fabric.is_global_zero:
        runs.start_run(folder, as_plain(settings), manifest, data)
    fabric.barrier()
    loggers = create_loggers(settings.log, folder, folder.name, as_plain(settings)) if fabric.is_global_zero else []
    run_epochs(trainer, folder, settings.save_every, loggers)
    if fabric.is_global_zero:
        finish(
            trainer, folder, export=settings.export == "onnx", collection=collection, absent=settings.absent
        )  # fmt: skip


def _create_encoder(settings: Pretrain) -> Encoder:
    from embedlearn.encoders.checkpoints import start_weights
    from embedlearn.encoders.encoder import Encoder, require_size
    from embedlearn.encoders.runs import ENCODER

    encoder = Encoder(settings.architecture, imagenet=settings.weights == "imagenet", seed=settings.seed)
    require_size(encoder, settings.preprocessing.size)
    if settings.weights not in ("none", "imagenet"):
        path = Path(settings.weights)
        start_weights(encoder, path / ENCODER if path.is_dir() else path)
    return encoder


def _create_trainer(settings: Pretrain, encoder: Encoder, collection: Collection, fabric: Any) -> Trainer:
    import numpy as np
    import pandas as pd

    from embedlearn.encoders.training import LabelledFilms, Plan, Trainer
    from embedlearn.radiographs.labelsets import finding_targets

    frame = collection.manifest.frame
    if settings.multi_label:
        labels = finding_targets(frame, settings.classes, settings.absent)
    else:
        labels = np.array([-1 if pd.isna(name) else settings.classes.index(name) for name in frame["class"]], np.int64)
    parts = []
    for split in ("train", "val"):
        here = (frame["split"] == split).to_numpy()
        part = collection.where(here)
        cases, sources = (np.unique(part.manifest.frame[name], return_inverse=True)[1] for name in ("case", "source"))
        findings = settings.classes if settings.multi_label else ()
        parts.append(LabelledFilms(part.films, labels[here], cases, sources, findings))
    plan = Plan(
        settings.preprocessing, settings.augmentation, settings.objective, settings.sampling, settings.schedule,
        settings.seed,
    )  # fmt: skip
    return Trainer(encoder, parts[0], parts[1], plan, fabric)


def _say_split(frame: Any) -> None:
    from embedlearn.sources import count_labels

    for split, rows in frame.groupby("split"):
        say(f"{split}: {len(rows)} films of {rows['case'].nunique()} cases ({count_labels(rows)})")


def settings_from(plain: Mapping[str, Any]) -> Pretrain:
    """Settings from plain data, as a run's `config.json` or an experiment's TOML has them, over the defaults.

    Raises `ArgumentError` for a name that is no setting.
    """
    return overlaid(Pretrain(), {"classes": (), **plain})  # without names, those that fit --multi-label


def _refuse_changes(given: Any, stored: Any, default: Any = None) -> None:
    """A resumed run keeps its settings: a flag that is neither the default nor the run's own is refused."""
    default = default or Pretrain()
    for item in dataclasses.fields(given):
        wanted, kept, usual = (getattr(settings, item.name) for settings in (given, stored, default))
        if dataclasses.is_dataclass(wanted):
            _refuse_changes(wanted, kept, usual)
        elif item.name not in MAY_CHANGE and wanted not in (usual, kept, ()):  # (): nothing was said
            flag = item.name.replace("_", "-")
            raise ArgumentError(
                f"--{flag} {wanted}: a resumed run keeps the settings it was started with ({kept}); drop the flag, or "
                "start anew"
            )


if __name__ == "__main__":
    main()
