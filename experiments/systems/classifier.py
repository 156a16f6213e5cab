"""A row of classifiers: every model on every task and protocol, with what its authors did not look at beside it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlearn.console import progress, say
from embedlearn.encoders.devices import choose_device
from embedlearn.errors import ArgumentError
from embedlearn.files import value_digest, write_json
from embedlearn.flags import as_plain
from embedlearn.pretrain import Pretrain
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import Collection, collect
from experiments.systems.beside import answers_beside, beside_features
from experiments.systems.drawing import draw_answers, draw_films
from experiments.systems.judging import Answers, as_scores, judge_answers, mean_with_interval
from experiments.systems.learning import LearningSet, probabilities, train_classifier
from experiments.systems.lungs import evidence_in_lungs
from experiments.systems.protocols import Divided, Part, divide
from experiments.systems.results import Missing, Score
from experiments.systems.row import Model, Row

LUNGS = "evidence in the lungs less their share"


@dataclass(frozen=True, eq=False)
class Told:
    """What a model's trainings on all parts of a protocol said of the tested films.

    `lungs`: float64 [N], `evidence_in_lungs` of each film's answer. `curves`: of each training the mean loss by epoch,
    and the accuracy on its tested films, which chose nothing, at some epochs.
    """

    answers: Answers
    lungs: np.ndarray
    curves: list[dict[str, Any]]


def classifier_scores(row: Row, data: tuple[str, ...], folder: Path) -> Iterator[Score | Missing]:
    """The scores of every model, task and protocol of a row; trainings that are finished in `folder` are kept."""
    films: dict[Preprocessing, Collection] = {}
    for model in row.models:
        settings = _settings_of(model, row)
        if settings not in films:
            films[settings] = collect(Pretrain(data=data), settings)
        try:
            yield from _model_scores(row, model, films[settings], settings, folder)
        except ArgumentError as error:
            if model.weights != "imagenet" or "--weights imagenet" not in str(error):
                raise
            say(f"  note: {model.name}: {error}")
            yield Missing(model.name, "its ImageNet weights were not at hand")


def _model_scores(
    row: Row, model: Model, collection: Collection, settings: Preprocessing, folder: Path
) -> Iterator[Score]:
    for task in row.tasks:
        if model.tasks and task.name not in model.tasks:
            continue
        for protocol in row.protocols:
            divided = divide(collection, task, protocol)
            say(f"{model.name}, {task.name}, {protocol.name}: {len(divided.labels)} films, {len(divided.parts)} parts")
            slug = _slug(model.name, task.name, protocol.name)
            told = train_parts(model, divided, settings, folder, slug, seed=protocol.seed)
            main = model.name == row.main_of(task.name)
            beside = {}
            if main:
                features = beside_features(divided, model, settings, seed=protocol.seed, device=choose_device("auto"))
                beside = {name: answers_beside(divided, found) for name, found in features.items()}
            names = {"task": task.name, "protocol": protocol.name}
            found = judge_answers(told.answers, beside)
            found[LUNGS] = mean_with_interval(told.lungs, told.answers.cases)
            yield from as_scores(found, told.answers, **names, model=model.name)
            for name, answers in beside.items():
                yield from as_scores(judge_answers(answers, {}, calibrated=False), answers, **names, model=name)
            title = f"{model.name}: {task.name}, {protocol.name}"
            draw_answers(folder / slug, told.answers, told.curves, title)


def _settings_of(model: Model, row: Row) -> Preprocessing:
    return dataclasses.replace(row.preprocessing, size=model.size) if model.size else row.preprocessing


def train_parts(
    model: Model, divided: Divided, settings: Preprocessing, folder: Path, slug: str, *, seed: int
) -> Told:  # fmt: skip
    """Train on each part and ask about its tested films; a part that is done is read from `folder`.

    Pictures of films go to its folder `slug`.
    """
    done = []
    with progress("trainings") as report:
        for number, part in enumerate(divided.parts):
            pictures = folder / slug if number == 0 else None
            done.append(_train_part(model, divided, part, settings, folder, seed + 1000 * number, pictures))
            report(number + 1, len(divided.parts))
    tested = np.concatenate([part.test for part in divided.parts])
    scores = np.concatenate([np.array(each["scores"]) for each in done])
    answers = Answers(scores, divided.labels[tested], divided.cases[tested], divided.classes)
    lungs = np.concatenate([np.array([np.nan if v is None else v for v in each["lungs"]]) for each in done])
    return Told(answers, lungs, [{"loss": each["loss"], "accuracy": each["accuracy"]} for each in done])


def _train_part(
    model: Model, divided: Divided, part: Part, settings: Preprocessing, folder: Path, seed: int,
    pictures: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Scores and lungs of the tested films, losses and accuracies by epoch; of several seeds the mean of scores."""
    digests = divided.collection.manifest.frame["sha256"].to_numpy(str)
    made = {
        "model": as_plain(dataclasses.replace(model, tasks=())),
        "settings": as_plain(settings), "seed": seed, "classes": divided.classes,
        "train": digests[part.train].tolist(), "labels": divided.labels[part.train].tolist(),
        "test": digests[part.test].tolist(),
    }  # fmt: skip
    kept = folder / "parts" / f"{value_digest(made)[:16]}.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        return found
    each = [
        _train_once(model, divided, part, settings, seed + 7 * count, None if count else pictures)
        for count in range(model.seeds)
    ]
    found = {
        "scores": np.mean([one["scores"] for one in each], axis=0).tolist(),
        "lungs": [None if np.isnan(v) else float(v) for v in np.mean([one["lungs"] for one in each], axis=0)],
        "loss": each[0]["loss"], "accuracy": each[0]["accuracy"],
    }  # fmt: skip
    write_json(kept, found)
    return found


def _train_once(
    model: Model, divided: Divided, part: Part, settings: Preprocessing, seed: int, pictures: Path | None
) -> dict[str, Any]:
    films, device = divided.collection.films, choose_device("auto")
    tested, truth = films.take(part.test), divided.labels[part.test]
    learning = LearningSet(films.take(part.train), divided.labels[part.train], len(divided.classes))
    flip, accuracy, every = model.recipe.flip, [], max(1, model.recipe.epochs // 10)

    def look(epoch: int, network: Any) -> None:
        if epoch % every == 0 or epoch == model.recipe.epochs:
            scores = probabilities(network, tested, settings, device=device)
            accuracy.append((epoch, float((scores.argmax(1) == truth).mean())))

    with progress("epochs") as report:
        network, losses = train_classifier(
            model, learning, settings, seed=seed, device=device, told=report, after=look
        )  # fmt: skip
    scores = probabilities(network, tested, settings, device=device, flip=flip)
    lungs = evidence_in_lungs(network, tested, scores.argmax(1), settings, device)
    if pictures is not None:
        draw_films(pictures, model, network, tested, truth, divided.classes, settings)
    return {"scores": scores, "lungs": lungs, "loss": losses, "accuracy": accuracy}


def _slug(*names: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else "-" for sign in name.lower()) for name in names)
