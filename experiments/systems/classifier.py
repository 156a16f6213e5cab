"""A row of classifiers: every model on every task and protocol, with what its authors did not look at beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path

import numpy as np

from embedlearn.console import say
from embedlearn.encoders.devices import choose_device
from embedlearn.pretrain import Pretrain
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import collect, decode
from experiments.systems.beside import answers_beside, beside_features
from experiments.systems.drawing import draw_answers
from experiments.systems.judging import Answers, as_scores, judge_answers, mean_with_interval
from experiments.systems.network import WeightsError
from experiments.systems.parts import Told, train_parts
from experiments.systems.protocols import Divided, divide
from experiments.systems.results import LUNGS, Missing, Score
from experiments.systems.row import Model, Protocol, Row, Task, slug


def classifier_scores(row: Row, data: tuple[str, ...], folder: Path) -> Iterator[Score | Missing]:
    """The scores of every model, task and protocol of a row; trainings that are finished in `folder` are kept.

    Films are divided once for a task and protocol, whatever sizes the models take them in. A model whose published
    weights cannot be had is told as missing.
    """
    whole = collect(Pretrain(data=data), row.preprocessing)
    missing: dict[str, Missing] = {}
    for task, protocol in product(row.tasks, row.protocols):
        divided = divide(whole, task, protocol)
        told: dict[str, Told] = {}
        for model in row.put_to(task.name):
            if model.name in missing:
                continue
            try:
                told[model.name] = _ask(row, model, task, protocol, divided, folder)
            except WeightsError as error:
                say(f"  note: {model.name}: {error}")
                missing[model.name] = Missing(model.name, "its ImageNet weights were not at hand")
        yield from _scores(row, task, protocol, divided, told)
    yield from missing.values()


def _ask(row: Row, model: Model, task: Task, protocol: Protocol, divided: Divided, folder: Path) -> Told:
    """What a model says of the tested films, and the pictures of it."""
    question = f"{task.name}, {protocol.name}"
    say(f"{model.name}: {question}: {len(divided.labels)} films, {len(divided.parts)} parts")
    settings = _settings_of(model, row)
    if settings != row.preprocessing:
        collection = decode(divided.collection.manifest.frame, settings)
        divided = dataclasses.replace(divided, collection=collection)
    pictures = folder / slug(model.name, task.name, protocol.name)
    told = train_parts(model, divided, settings, folder / "parts", pictures, seed=protocol.seed)
    draw_answers(pictures, told.answers, told.curves, f"{model.name}\n{question}")
    return told


def _scores(
    row: Row, task: Task, protocol: Protocol, divided: Divided, told: Mapping[str, Told]
) -> Iterator[Score]:  # fmt: skip
    """The scores of all models, and of what stands beside the one that stands for ours."""
    main = row.main_of(task.name, tuple(told))
    model = next((model for model in row.models if model.name == main), Model())
    features = beside_features(divided, model, row.preprocessing, seed=protocol.seed, device=choose_device("auto"))
    beside = {name: answers_beside(divided, found) for name, found in features.items()}
    names = {"task": task.name, "protocol": protocol.name}
    for name, each in told.items():
        found = judge_answers(each.answers, beside if name == main else {})
        yield from as_scores(found, each.answers, **names, model=name)
        yield _lung_score(each.answers, each.lungs, Score(task.name, protocol.name, name, LUNGS))
    for name, answers in beside.items():
        yield from as_scores(judge_answers(answers, {}, calibrated=False), answers, **names, model=name)


def _lung_score(answers: Answers, lungs: np.ndarray, score: Score) -> Score:
    there = ~np.isnan(lungs)
    value, low, high = mean_with_interval(lungs, answers.cases)
    films, cases = int(there.sum()), len(set(answers.cases[there].tolist()))
    return dataclasses.replace(score, value=value, low=low, high=high, films=films, cases=cases)


def _settings_of(model: Model, row: Row) -> Preprocessing:
    return dataclasses.replace(row.preprocessing, size=model.size) if model.size else row.preprocessing
