"""The pictures of a row's classifiers. Those that show films stay in the folder of the trainings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from embedlearn.console import say
from embedlearn.encoders.inputs import FilmSource, standardise
from embedlearn.episodes.calibration import reliability, tempered
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.figures import (
    FewShots,
    draw_confusion,
    draw_curves,
    draw_few_shot,
    draw_reliability,
    draw_roc_per_epoch,
    draw_rocs,
)
from experiments.systems.film_figures import draw_activations, draw_evidence, draw_probabilities, draw_views
from experiments.systems.judging import Answers, mended
from experiments.systems.learning import random_views
from experiments.systems.network import Classifier, evidence
from experiments.systems.results import Missing, Score
from experiments.systems.row import Model

SHOWN = 6  # films on a sheet
VIEWS = 11


def draw_answers(folder: Path, answers: Answers, curves: list[dict[str, Any]], title: str) -> None:
    """Confusion matrix, ROC curves, curves over epochs of every part, and calibration before and after."""
    draw_confusion(folder / "confusion.png", answers.confusion, answers.classes, title)
    proba = tempered(answers.scores, 1.0)
    draw_rocs(folder / "roc.png", answers.labels, proba, answers.classes, title)
    losses = {f"part {n}": list(enumerate(each["loss"], start=1)) for n, each in enumerate(curves, start=1)}
    tested = {f"part {n}": [(int(e), a) for e, a in each["accuracy"]] for n, each in enumerate(curves, start=1)}
    draw_curves(folder / "curves.png", losses, tested, title)
    if all("auc" in each for each in curves):
        areas = {f"part {n}": [(int(e), a) for e, a in each["auc"]] for n, each in enumerate(curves, start=1)}
        draw_roc_per_epoch(folder / "roc-per-epoch.png", areas, title)
    before, after = (reliability(each, answers.labels) for each in (proba, mended(answers)))
    draw_reliability(folder / "reliability.png", before, after, title)


def draw_films(
    folder: Path, model: Model, network: Classifier, films: Films, labels: np.ndarray, classes: tuple[str, ...],
    settings: Preprocessing,
) -> None:  # fmt: skip
    """Views, activations, evidence and probabilities of some tested films, of all classes in turn."""
    order = np.argsort([np.sum(labels[:row] == label) for row, label in enumerate(labels)], kind="stable")[:SHOWN]
    shown, device = films.take(order), next(network.parameters()).device
    pixels, greys = shown[slice(None)], FilmSource(shown, device).greys(np.arange(len(order)))
    inputs = standardise(greys, settings)
    with torch.no_grad():
        network.eval()
        scores = network(inputs)
        features = network.backbone(inputs[:1])[0].float().cpu().numpy()
    said = scores.argmax(1)
    maps = evidence(network, inputs, said)
    margins = (scores.gather(1, said[:, None]).squeeze(1) - scores.mean(1)).cpu().numpy()
    names = np.array(classes)
    views = random_views(greys[:1].expand(VIEWS, -1, -1, -1), model.recipe, torch.Generator().manual_seed(0))
    draw_views(folder / "views.png", pixels[0], (views[:, 0].cpu().numpy() * 255).round().astype(np.uint8), model.name)
    draw_activations(folder / "activations.png", pixels[0], features, title=model.name)
    draw_evidence(
        folder / "evidence.png", pixels, maps.cpu().numpy(), margins, names[said.cpu().numpy()].tolist(),
        names[labels[order]].tolist(), adds_up=not model.hidden,
    )  # fmt: skip
    proba = tempered(scores.double().cpu().numpy(), 1.0)
    draw_probabilities(folder / "probabilities.png", pixels, proba, classes, labels[order].tolist(), model.name)
    say(f"wrote {folder}: pictures of films; they stay here")


def draw_few_shots(path: Path, told: Iterable[Score | Missing], chance: float, title: str) -> None:
    """Accuracy by the number of examples, of the encoder and what stands beside it."""
    lines: dict[str, list[Score]] = {}
    for each in told:
        if isinstance(each, Score) and each.shots is not None and each.metric == "accuracy":
            lines.setdefault(each.model, []).append(each)
    curves = {
        name: FewShots(
            [int(each.shots or 0) for each in scores], [each.value for each in scores],
            [each.low for each in scores], [each.high for each in scores],
        )
        for name, scores in lines.items()
    }  # fmt: skip
    if curves:
        draw_few_shot(path, curves, chance, title=title)
