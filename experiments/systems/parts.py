"""A model's trainings on the parts of a protocol, each kept in a file once it is done."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from embedlearn.console import progress
from embedlearn.encoders.devices import choose_device
from embedlearn.files import value_digest, write_json
from embedlearn.flags import as_plain
from embedlearn.provenance import describe_software
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.drawing import draw_films
from experiments.systems.judging import Answers
from experiments.systems.learning import LearningSet, class_scores, train_classifier
from experiments.systems.lungs import evidence_in_lungs
from experiments.systems.network import weights_of
from experiments.systems.protocols import Divided, Part
from experiments.systems.row import Model

FORM = 1  # raised where the same settings would train another network


@dataclass(frozen=True, eq=False)
class Told:
    """What a model's trainings on all parts of a protocol said of the tested films.

    `lungs`: float64 [N], `evidence_in_lungs` of each film's answer. `curves`: of each training the mean loss by epoch,
    and accuracy and AUC on its tested films, which chose nothing, at some epochs.
    """

    answers: Answers
    lungs: NDArray[np.float64]
    curves: list[dict[str, Any]]


def train_parts(
    model: Model, divided: Divided, settings: Preprocessing, folder: Path, pictures: Path, *, seed: int
) -> Told:  # fmt: skip
    """Train on each part and ask about its tested films; a part that is done is read from `folder`.

    Pictures of the first part's films go to `pictures`.
    """
    done = []
    with progress("trainings") as report:
        for number, part in enumerate(divided.parts):
            made = _made(model, divided, part, settings, seed + 1000 * number)
            kept = folder / f"{value_digest(made)[:16]}.json"
            if not kept.is_file():
                found = _train(model, divided, part, settings, made["seed"], None if number else pictures)
                write_json(kept, {**found, "software": describe_software()})
            done.append(json.loads(kept.read_text(encoding="utf-8")))
            report(number + 1, len(divided.parts))
    return Told(
        divided.answers([np.array(each["scores"]) for each in done]),
        np.concatenate([np.array(each["lungs"], np.float64) for each in done]),
        [{name: each[name] for name in ("loss", "accuracy", "auc") if name in each} for each in done],
    )


def _made(model: Model, divided: Divided, part: Part, settings: Preprocessing, seed: int) -> dict[str, Any]:
    """All that a part's result follows from."""
    digests = divided.collection.manifest.frame["sha256"].to_numpy(str)
    return {
        "form": FORM, "model": as_plain(dataclasses.replace(model, tasks=(), name="")), "seed": seed,
        "weights": weights_of(model), "settings": as_plain(settings), "device": choose_device("auto").type,
        "classes": divided.classes, "labels": divided.labels.tolist(),
        "train": digests[part.train].tolist(), "test": digests[part.test].tolist(),
    }  # fmt: skip


def _train(
    model: Model, divided: Divided, part: Part, settings: Preprocessing, seed: int, pictures: Path | None
) -> dict[str, Any]:
    """Scores and lungs of the tested films, losses, and accuracies and AUCs by epoch; NaN as None."""
    films, device = divided.collection.films, choose_device("auto")
    tested, truth = films.take(part.test), divided.labels[part.test]
    learning = LearningSet(films.take(part.train), divided.labels[part.train], len(divided.classes))
    every = model.recipe.epochs if model.frozen else max(1, model.recipe.epochs // 10)
    accuracy, area = [], []

    def look(epoch: int, network: Any) -> None:
        if epoch % every == 0 or epoch == model.recipe.epochs:
            scores = class_scores(network, tested, settings, device=device)
            accuracy.append((epoch, float((scores.argmax(1) == truth).mean())))
            area.append((epoch, _mean_area(scores, truth)))

    with progress("epochs") as report:
        network, losses = train_classifier(
            model, learning, settings, seed=seed, device=device, told=report, after=look
        )  # fmt: skip
    scores = class_scores(network, tested, settings, device=device, flip=model.recipe.flip)
    lungs = evidence_in_lungs(network, tested, scores.argmax(1), settings, device)
    if pictures is not None:
        draw_films(pictures, model, network, tested, truth, divided.classes, settings)
    return {
        "scores": scores.tolist(), "lungs": [None if np.isnan(value) else float(value) for value in lungs],
        "loss": losses, "accuracy": accuracy, "auc": area,
    }  # fmt: skip


def _mean_area(scores: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The mean AUC of the classes that are there, each score less the best of the others."""
    found = []
    for code in set(truth.tolist()):
        margin = scores[:, code] - np.delete(scores, code, axis=1).max(1)
        if 0 < (truth == code).sum() < len(truth):
            found.append(roc_auc_score(truth == code, margin))
    return float(np.mean(found)) if found else 0.5
