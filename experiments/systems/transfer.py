"""The row of the transfer study: findings of ChestX-ray14, COVID-19 after several pretrainings, and what it changed."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

from embedlearn.console import DataFlags, say
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import Run
from embedlearn.episodes.pool import TRAINED
from embedlearn.maps.som.figures import draw_before_after
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.view import SomView, view_som
from embedlearn.pretrain import Pretrain
from embedlearn.radiographs.layouts import layout_of
from embedlearn.radiographs.manifest import class_of
from embedlearn.sources import Collection, collect, collect_for_run
from embedlearn.tasks.explain.explaining import show_reasons
from embedlearn.tasks.explain.flags import Explain
from embedlearn.tasks.findings import HEAD, MEAN, TABLE
from embedlearn.tasks.maps.drawing import draw_maps
from embedlearn.tasks.maps.flags import UNTRAINED, Visualize
from experiments.systems.beside import answers_beside
from experiments.systems.classifier import classifier_scores
from experiments.systems.fewshots import trained_run
from experiments.systems.judging import as_scores, judge_answers
from experiments.systems.protocols import divide
from experiments.systems.results import Missing, Score
from experiments.systems.row import Row
from experiments.systems.trainings import is_drawn, named_trainings, quickened_trainings, wants_gpu

NIH, COLLECTION = "chestxray14", "ieee8023"
FINDINGS, FIFTEEN = "ChestX-ray14, 14 findings", "15 classes"
SIDE, SOM_EPOCHS = 15, 100  # of the study's self-organising map


def transfer_scores(
    row: Row, data: tuple[str, ...], folder: Path, *, quick: bool = False
) -> Iterator[Score | Missing]:  # fmt: skip
    """Findings where ChestX-ray14 is among the data, COVID-19 by every model and protocol, and the figures.

    Finished trainings in `folder` are kept. With `quick` every encoder is trained for an epoch of 32 pixels.
    """
    row = quickened_trainings(row) if quick else row
    specs = {name: tuple(spec for spec in data if layout_of(spec)[0] == name) for name in (COLLECTION, NIH)}
    collected = specs[COLLECTION]
    encoders = named_trainings(row, collected, folder)
    yield from classifier_scores(row, collected, folder)
    for name, settings in encoders.items():
        if is_drawn(row, name):
            draw_space(trained_run(settings, folder), folder, side=5 if quick else SIDE)
        else:
            yield from _pretrained(row, name, settings, specs, folder, quick=quick)


def _pretrained(
    row: Row, name: str, settings: Pretrain, specs: Mapping[str, tuple[str, ...]], folder: Path, *, quick: bool
) -> Iterator[Score | Missing]:
    """Findings told by an encoder of ChestX-ray14, and COVID-19 by a logistic model on what it sees."""
    task = FIFTEEN if settings.absent else FINDINGS
    if not specs[NIH]:
        yield Missing(f"{task}, {name}", "wants ChestX-ray14, which is not here")
        return
    if wants_gpu(row, name) and not quick and choose_device("auto").type != "cuda":
        yield Missing(f"{task}, {name}", "its training wants a GPU")
        return
    data = (*specs[NIH], *(specs[COLLECTION] if settings.absent else ()))
    run = trained_run(dataclasses.replace(settings, data=data), folder)
    yield from finding_scores(run, task, name)
    if task == FINDINGS:
        yield from _logistic(row, run, f"{name}, pretrained on ChestX-ray14", specs[COLLECTION])


def finding_scores(run: Run, task: str, model: str) -> Iterator[Score]:
    """The AUC of each finding on the run's test films, and their mean, as the run's own table has them."""
    rows = list(csv.DictReader((run.folder / TABLE).read_text(encoding="utf-8").splitlines()))
    cases = run.manifest().frame.query("split == 'test'")["case"].nunique()
    for each in rows:
        if each["auc"]:
            shown = {HEAD: model, TRAINED: f"{model}, logistic"}.get(each["scores"], each["scores"])
            metric = "mean AUC" if each["finding"] == MEAN else f"AUC {each['finding']}"
            value, low, high = (float(each[end] or "nan") for end in ("auc", "low", "high"))
            yield Score(task, "by patient", shown, metric, value, low, high, int(each["films"]), cases)


def _logistic(row: Row, run: Run, model: str, data: tuple[str, ...]) -> Iterator[Score]:
    """How well a logistic model on an encoder's embeddings answers the row's tasks, by every protocol."""
    saved = load_encoder(run.encoder)
    collection = collect(Pretrain(data=data), saved.preprocessing)
    for task in row.tasks:
        for protocol in row.protocols:
            divided = divide(collection, task, protocol)
            films = divided.collection.films
            vectors = embed_films(saved.encoder, films, saved.preprocessing, device=choose_device("auto"))
            answers = answers_beside(divided, vectors)
            names = {"task": task.name, "protocol": protocol.name, "model": model}
            yield from as_scores(judge_answers(answers, {}, calibrated=False), answers, **names)


def draw_space(run: Run, folder: Path, *, side: int = SIDE) -> None:
    """Draw the run's latent space before and after training: a self-organising map, t-SNE, and maps of evidence.

    The self-organising map has `side` nodes a side, as the study's. Raises `StorageError`.
    """
    films = collect_for_run(DataFlags(), run, load_encoder(run.encoder).preprocessing)
    before, after = (_som(run, path, films, side) for path in (run.untrained, run.encoder))
    draw_before_after(folder / "som.png", before, after)
    compared = (str(run.folder), UNTRAINED)
    draw_maps(Visualize(compare=compared, maps=("tsne",), page=False, out=folder / "maps"))
    show_reasons(Explain(run=run.folder, classes=run.classes, out=folder / "evidence"))
    say(f"wrote {folder}: som.png, maps, evidence")


def _som(run: Run, encoder: Path, collection: Collection, side: int) -> SomView:
    saved, frame = load_encoder(encoder), collection.manifest.frame
    vectors = embed_films(saved.encoder, collection.films, saved.preprocessing, device=choose_device("auto"))
    som = SelfOrganisingMap(rows=side, columns=side, epochs=SOM_EPOCHS).fit(vectors)
    seen = int((frame["split"] == "train").sum())
    name = TRAINED if encoder == run.encoder else UNTRAINED
    title = f"{len(frame)} films, {seen} of them trained on; {name}"
    labels = [class_of(label, run.classes) or str(label) for label in frame["label"]]
    return view_som(title, som, vectors, labels, frame["source"].tolist(), frame["case"].to_numpy())
