"""`python -m embedlearn.pretrain`: train an encoder on common classes; the rare one is never seen."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from embedlearn.console import DataFlags, progress, run_command, say, stopping
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.errors import ArgumentError, MismatchError
from embedlearn.files import require_folder
from embedlearn.flags import as_plain, overlaid, require_number
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from embedlearn.encoders.encoder import Encoder
    from embedlearn.encoders.training import Trainer
    from embedlearn.radiographs.manifest import Manifest
    from embedlearn.sources import Collection

PROGRAM = "embedlearn pretrain"


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
    classes: tuple[str, ...] = ("healthy", "pneumonia")
    """Classes to train on; a name holds its finer labels (pneumonia holds pneumonia/viral)."""
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
        if len(set(self.classes)) < 2:
            raise ArgumentError(f"--classes: wanted two classes or more, got {', '.join(self.classes) or 'none'}")
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
        stored = dataclasses.replace(stored, device=device, save_every=settings.save_every)
        train_run(stored, folder, resume=True)
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
    from embedlearn.encoders import runs
    from embedlearn.encoders.devices import open_fabric
    from embedlearn.encoders.export import require_packages
    from embedlearn.encoders.loggers import close, create_loggers, require_loggers
    from embedlearn.encoders.resume import has_checkpoint, restore_training
    from embedlearn.radiographs.splits import assign_splits
    from embedlearn.sources import Collection, collect

    require_loggers(settings.log)
    if settings.export == "onnx":
        require_packages()
    fabric = open_fabric(settings.device, settings.schedule.precision)
    with fabric.rank_zero_first(local=True):  # decoding and downloads are done once a machine
        encoder = _create_encoder(settings)
        collection = collect(settings, settings.preprocessing)
    manifest = assign_splits(
        collection.manifest, settings.classes, val=settings.val, test=settings.test, seed=settings.seed,
        new=settings.split == "new",
    )  # fmt: skip
    if settings.weights not in ("none", "imagenet"):
        manifest = _compare_with_start(manifest, Path(settings.weights))
    collection = Collection(manifest, collection.films)
    data = runs.describe_data(manifest)
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
    try:
        _run_epochs(trainer, folder, settings.save_every, loggers)
        if fabric.is_global_zero:
            _finish(settings, trainer, collection, folder)
    finally:
        close(loggers, finished=trainer.finished)
    fabric.barrier()


def _run_epochs(trainer: Trainer, folder: Path, save_every: float, loggers: Sequence[Any]) -> None:
    """Train to the end, saving behind epochs, after so many seconds, and when the process is asked to stop."""
    from embedlearn.encoders.loggers import log_epoch
    from embedlearn.encoders.resume import save_training

    epochs, first = trainer.plan.schedule.epochs, trainer.fabric.is_global_zero
    saved = time.monotonic()

    def save() -> None:
        nonlocal saved
        if first:
            save_training(folder, trainer)
        saved = time.monotonic()

    with progress("training") as report, stopping() as asked:

        def on_step(done: int, total: int) -> None:
            report(len(trainer.history) * total + done, epochs * total)
            if asked:
                save()
                again = f"{PROGRAM} --resume " + shlex.join(["--runs", str(folder.parent), "--name", folder.name])
                say(f"stopped in epoch {len(trainer.history) + 1}, saved; go on with {again}")
                raise KeyboardInterrupt
            if time.monotonic() - saved >= save_every:
                save()

        while not trainer.finished:
            row = trainer.run_epoch(on_step)
            save()
            log_epoch(loggers, row)
            say(
                f"epoch {row['epoch']:3d}/{epochs}  loss {row['loss']:.3f} (label {row['label_loss']:.3f}, "
                f"instance {row['instance_loss']:.3f})  validation recall@1 {row['val_recall_at_1']:.3f}, "
                f"5-NN {row['val_knn']:.3f}  {row['seconds']:.1f} s"
            )


def _finish(settings: Pretrain, trainer: Trainer, collection: Collection, folder: Path) -> None:
    """Write the best encoder, the untrained one of its shape, the history and its picture."""
    import torch

    from embedlearn.encoders import runs
    from embedlearn.encoders.checkpoints import load_encoder, save_encoder
    from embedlearn.encoders.curves import draw_curves
    from embedlearn.encoders.encoder import Encoder
    from embedlearn.encoders.inputs import embed_films
    from embedlearn.encoders.resume import drop_checkpoints

    films = collection.where(collection.manifest.frame["split"] == "train").films
    trained = Encoder(settings.architecture)
    trained.load_state_dict(trainer.best)
    untrained = Encoder(settings.architecture, seed=settings.seed)
    for path, encoder in ((runs.UNTRAINED, untrained), (runs.ENCODER, trained)):
        center = embed_films(encoder, films, settings.preprocessing, device=trainer.fabric.device).mean(0)
        save_encoder(folder / path, encoder, settings.preprocessing, torch.from_numpy(center))
    runs.save_history(folder, trainer.history)
    draw_curves(folder / runs.CURVES, trainer.history, trainer.kept_epoch, title=folder.name)
    kept = trainer.history[trainer.kept_epoch]
    runs.finish_run(folder, kept)
    drop_checkpoints(folder)
    if settings.export == "onnx":
        from embedlearn.encoders.export import export_onnx

        difference = export_onnx(load_encoder(folder / runs.ENCODER), folder / runs.ONNX)
        say(f"wrote {folder / runs.ONNX}; its answers differ from torch's by {difference:.1g} at most")
    say(f"kept epoch {kept['epoch']}: validation recall@1 {kept['val_recall_at_1']:.3f}, 5-NN {kept['val_knn']:.3f}")
    say(f"wrote {folder}; next: python -m embedlearn.fewshot --shots 5 --run {folder}")


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


def _compare_with_start(manifest: Manifest, weights: Path) -> Manifest:
    """Refuse a start from a run that was trained on films that are to be unseen here; note where that is not known."""
    from embedlearn.encoders.runs import open_run
    from embedlearn.radiographs.splits import SEEN

    if not weights.is_dir():
        note = f"the training started from {weights.name}; what that encoder has seen is not known"
        return dataclasses.replace(manifest, notes=(*manifest.notes, note))
    start = open_run(weights).manifest().frame
    learnt = set(start["sha256"][start["split"].isin(SEEN)])
    frame = manifest.frame
    met = set(frame["case"][frame["sha256"].isin(learnt)])
    if spoilt := int((frame["case"].isin(met) & ~frame["split"].isin(SEEN)).sum()):
        raise MismatchError(
            f"--weights {weights}: {spoilt} films that are to stay unseen here were seen by that run; start from "
            "another, or train on the same --data with the same --seed and --classes"
        )
    return manifest


def _create_trainer(settings: Pretrain, encoder: Encoder, collection: Collection, fabric: Any) -> Trainer:
    import numpy as np

    from embedlearn.encoders.training import LabelledFilms, Plan, Trainer

    parts = []
    for split in ("train", "val"):
        part = collection.where(collection.manifest.frame["split"] == split)
        labels = [settings.classes.index(name) for name in part.manifest.frame["class"]]
        cases, sources = (np.unique(part.manifest.frame[name], return_inverse=True)[1] for name in ("case", "source"))
        parts.append(LabelledFilms(part.films, np.array(labels, np.int64), cases, sources))
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
    return overlaid(Pretrain(), plain)


def _refuse_changes(given: Pretrain, stored: Pretrain) -> None:
    """A resumed run keeps its settings: a flag that is neither the default nor the run's own is refused."""
    default = Pretrain()
    for item in dataclasses.fields(Pretrain):
        value = getattr(given, item.name)
        kept = item.name in ("name", "runs", "resume", "device", "save_every")
        if not kept and value not in (getattr(default, item.name), getattr(stored, item.name)):
            flag = item.name.replace("_", "-")
            raise ArgumentError(
                f"--{flag}: a resumed run keeps the settings it was started with; drop the flag, or start anew"
            )


if __name__ == "__main__":
    main()
