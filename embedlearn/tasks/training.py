"""A training from its first step, or the one it was stopped behind, to a finished run folder."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import math
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.console import progress, say, stopping
from embedlearn.encoders import runs
from embedlearn.encoders.checkpoints import load_encoder, save_encoder
from embedlearn.encoders.curves import draw_curves
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.export import export_onnx
from embedlearn.encoders.findings import MEAN
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.loggers import close, log_epoch
from embedlearn.encoders.losses import BinaryLoss
from embedlearn.encoders.multilabel import HEAD
from embedlearn.encoders.processes import total
from embedlearn.encoders.resume import drop_checkpoints, save_training
from embedlearn.encoders.training import Trainer
from embedlearn.errors import EmbedlearnError, MismatchError
from embedlearn.radiographs.labelsets import finding_targets
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.splits import PARTS, SEEN
from embedlearn.sources import Collection
from embedlearn.tasks import findings
from embedlearn.tasks.cards import renew_cards


class Saving:
    """Checkpoints of a training, by the first of its processes only, and none of one whose loss is no number."""

    def __init__(self, trainer: Trainer, folder: Path, every: float) -> None:
        self.trainer, self.folder, self.every = trainer, folder, every
        self.last = time.monotonic()

    def save(self) -> None:
        if self.trainer.fabric.is_global_zero and math.isfinite(self.trainer.spent.sum()):
            save_training(self.folder, self.trainer)
        self.last = time.monotonic()

    def save_when_due(self) -> None:
        if time.monotonic() - self.last >= self.every:
            self.save()


def run_epochs(trainer: Trainer, folder: Path, save_every: float, loggers: Sequence[Any]) -> None:
    """Train to the end, saving behind epochs, after so many seconds, and when the processes are asked to stop."""
    epochs, saving = trainer.plan.schedule.epochs, Saving(trainer, folder, save_every)
    with _closing(loggers), progress("training") as report, stopping() as asked:

        def on_step(done: int, films: int) -> None:
            report(len(trainer.history) * films + done, epochs * films)
            if float(total(torch.tensor(float(bool(asked)), device=trainer.fabric.device))):  # all stop behind one step
                saving.save()
                again = shlex.join(["--runs", str(folder.parent), "--name", folder.name])
                where = f"stopped in epoch {len(trainer.history) + 1}, saved"
                say(f"{where}; go on with embedlearn pretrain --resume {again}")
                raise KeyboardInterrupt
            saving.save_when_due()

        while not trainer.finished:
            row = trainer.run_epoch(on_step)
            saving.save()
            log_epoch(loggers, row)
            say(
                f"epoch {row['epoch']:3d}/{epochs}  loss {row['loss']:.3f} (label {row['label_loss']:.3f}, "
                f"instance {row['instance_loss']:.3f})  validation {_scores_in(row)}  {row['seconds']:.1f} s"
            )


def finish(
    trainer: Trainer, folder: Path, *, export: bool, collection: Collection | None = None, absent: Sequence[str] = ()
) -> None:
    """Write the best encoder, the untrained one of its shape, the history with its picture, `export`, and the cards.

    Where films may show several findings, the films of `collection` that are split for testing are judged, finding by
    finding (`absent` as in `finding_targets`). Raises `MismatchError` where the run is finished but could not be
    exported.
    """
    architecture, preprocessing = trainer.encoder.architecture, trainer.plan.preprocessing
    trained, untrained = Encoder(architecture), Encoder(architecture, seed=trainer.plan.seed)
    trained.load_state_dict({name: value for name, value in trainer.best.items() if not name.startswith(HEAD)})
    for name, encoder in ((runs.UNTRAINED, untrained), (runs.ENCODER, trained)):
        center = embed_films(encoder, trainer.training.films, preprocessing, device=trainer.fabric.device).mean(0)
        save_encoder(folder / name, encoder, preprocessing, torch.from_numpy(center))
    runs.save_history(folder, trainer.history)
    draw_curves(folder / runs.CURVES, trainer.history, trainer.kept_epoch, title=folder.name)
    if trainer.training.findings and collection is not None:
        targets = finding_targets(collection.manifest.frame, trainer.training.findings, absent)
        encoders = {findings.TRAINED: trained, findings.UNTRAINED: untrained}
        _judge_findings(trainer, folder, collection, targets, encoders)
    kept = trainer.history[trainer.kept_epoch]
    runs.finish_run(folder, kept)
    drop_checkpoints(folder)
    say(f"kept epoch {kept['epoch']}: validation {_scores_in(kept)}")
    first = " (where a film of several findings counts as the first of them)" if trainer.training.findings else ""
    say(f"wrote {folder}; next: python -m embedlearn.fewshot --shots 5 --run {folder}{first}")
    try:
        if export:
            export_run(folder)
    except EmbedlearnError as error:
        raise MismatchError(f"{error}; the run itself is finished") from error
    finally:
        renew_cards(folder, "what the encoder is, and which films it saw")


def compare_with_start(manifest: Manifest, weights: Path) -> Manifest:
    """Refuse a start from a run that was trained on films that are to be unseen here; note where that is not known.

    Raises `MismatchError`.
    """
    if not weights.is_dir():
        note = f"the training started from {weights.name}; what that encoder has seen is not known"
        return dataclasses.replace(manifest, notes=(*manifest.notes, note))
    start = runs.open_run(weights).manifest().frame
    learnt = set(start["sha256"][start["split"].isin(SEEN)])
    frame = manifest.frame
    met = set(frame["case"][frame["sha256"].isin(learnt)])
    if spoilt := int((frame["case"].isin(met) & ~frame["split"].isin(SEEN)).sum()):
        raise MismatchError(
            f"--weights {weights}: {spoilt} films that are to stay unseen here were seen by that run; start from "
            "another, or train on the same --data with the same --seed and --classes"
        )
    return manifest


def _scores_in(row: Mapping[str, float]) -> str:
    if MEAN in row:
        return f"mean AUC {row[MEAN]:.3f}"
    return f"recall@1 {row['val_recall_at_1']:.3f}, 5-NN {row['val_knn']:.3f}"


def _judge_findings(
    trainer: Trainer, folder: Path, collection: Collection, targets: NDArray[np.int64], encoders: Mapping[str, Encoder]
) -> None:
    """Write what the run's own test films say of every finding."""
    names = trainer.training.findings
    frame = collection.manifest.frame
    judged = collection.where(frame["split"].isin(PARTS))
    vectors = {}
    for name, encoder in encoders.items():
        with progress(f"embedding, {name}") as report:
            vectors[name] = embed_films(
                encoder, judged.films, trainer.plan.preprocessing, device=trainer.fabric.device, progress=report
            )
    told = findings.report_findings(
        folder, judged, names, targets[frame["split"].isin(PARTS)], vectors, _head_of(trainer)
    )
    means = ", ".join(str(row) for row in told if row.finding == findings.MEAN)
    say(f"test films, mean AUC of the findings: {means}")
    say(f"wrote {folder / findings.TABLE} and {folder / findings.PICTURE}: each finding")


def _head_of(trainer: Trainer) -> Callable[[NDArray[np.float32]], NDArray[np.float32]] | None:
    """The log-odds [M, K] that the kept epoch's linear head gives embeddings [M, D]; None where there is no head."""
    loss = trainer.criterion.loss
    if not isinstance(loss, BinaryLoss):
        return None
    head = copy.deepcopy(loss).cpu()
    head.head.load_state_dict(
        {name.removeprefix(HEAD): value for name, value in trainer.best.items() if name.startswith(HEAD)}
    )

    @torch.no_grad()
    def judge(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return head.logits(torch.from_numpy(vectors)).numpy()

    return judge


def export_run(folder: Path) -> None:
    """Write the encoder of a finished run as ONNX beside its weights. Raises as `export_onnx` does."""
    difference = export_onnx(load_encoder(folder / runs.ENCODER), folder / runs.ONNX)
    say(f"wrote {folder / runs.ONNX}; its answers differ from torch's by {difference:.1g} at most")


@contextlib.contextmanager
def _closing(loggers: Sequence[Any]) -> Iterator[None]:
    """Close the loggers behind the block; what went wrong inside of it is not hidden by what goes wrong then."""
    try:
        yield
    except BaseException:
        with contextlib.suppress(EmbedlearnError):
            close(loggers, finished=False)
        raise
    close(loggers, finished=True)
