"""A row from its data to its result: what its kind of system says, the few-shot curve, and what made them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from embedlearn.console import say
from embedlearn.files import require_folder, value_digest
from embedlearn.flags import as_plain
from embedlearn.pretrain import settings_from
from embedlearn.provenance import describe_software
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import join
from experiments.systems.classifier import classifier_scores
from experiments.systems.drawing import draw_few_shots
from experiments.systems.fewshots import TASK, few_shot_scores, trained_run
from experiments.systems.layouts import plant
from experiments.systems.places import find_data
from experiments.systems.results import ROWS, Missing, RowResult, Score
from experiments.systems.row import Model, Row
from experiments.systems.row import Protocol as SplitProtocol
from experiments.systems.siamese import siamese_scores
from experiments.systems.transfer import transfer_scores

QUICK_PATIENTS = 60


class Maker(Protocol):
    """What runs a kind of row; finished trainings in the folder are kept."""

    def __call__(self, row: Row, data: tuple[str, ...], folder: Path, *, quick: bool) -> Iterator[Score | Missing]: ...


def run_row(row: Row, data: tuple[str, ...], runs: Path, *, quick: bool, out: Path | None) -> Path:
    """Run a row and write its result; without its data the result says that nothing was run. Returns the file."""
    folder = runs / "quick" / row.name if quick else runs / row.name
    require_folder(folder, "--runs")
    home = out or (folder if quick else ROWS)
    require_folder(home, "--out")
    if quick:
        row = quickened(row)
        data = tuple(str(plant(name, folder / "data" / name, patients=QUICK_PATIENTS, seed=0)) for name in row.data)
    else:
        data = find_data(row, data)
    path = home / f"{row.name}.json"
    if not data:
        why = f"wanted {' and '.join(row.data)}: name your copy with --data"
        say(f"{row.name}: not run, its data are not here ({why})")
        RowResult(row.name, quick, {}, (), (Missing("everything", f"its data are not here; {why}"),)).save(path)
        return path
    told = list(_MAKERS[row.make](row, data, folder, quick=quick))
    scores = tuple(each for each in told if isinstance(each, Score))
    missing = tuple(each for each in told if isinstance(each, Missing))
    RowResult(row.name, quick, _made(row, data), scores, missing).save(path)
    return path


def quickened(row: Row) -> Row:
    """The row with the models that stand for ours, small and soon trained, and fewer parts."""
    ours = {row.main_of(task.name) for task in row.tasks}
    models = tuple(_quick_model(model) for model in row.models if model.name in ours)
    return dataclasses.replace(
        row, models=models, protocols=tuple(map(_quick_protocol, row.protocols)),
        preprocessing=dataclasses.replace(row.preprocessing, size=64), shots=row.shots[:2],
        pretrain={**row.pretrain, "preprocessing": {"size": 32}, "schedule": {"epochs": 1}, "test": 0.4},
    )  # fmt: skip


def _quick_model(model: Model) -> Model:
    recipe = dataclasses.replace(model.recipe, epochs=1)
    return dataclasses.replace(model, weights="none", size=0, seeds=1, recipe=recipe)


def _quick_protocol(protocol: SplitProtocol) -> SplitProtocol:
    return dataclasses.replace(protocol, folds=2, each=min(protocol.each, 5))


def _few_shots(row: Row, data: tuple[str, ...], folder: Path, *, quick: bool) -> Iterator[Score | Missing]:
    """How far a few examples go on the row's films: our encoder, trained on them without the rare class."""
    settings = settings_from({**row.pretrain, "data": data})
    run = trained_run(dataclasses.replace(settings, name="encoder", runs=folder), folder / "encoder")
    effort = {"episodes": 50, "bootstrap": 10, "queries": 2} if quick else {"episodes": 1000, "bootstrap": 200}
    told = list(few_shot_scores(run, row.shots, model="embedlearn, prototypes", **effort))
    draw_few_shots(folder / "few-shot.png", told, 1 / 3, f"{row.title}: {TASK}")
    yield from told


def _made(row: Row, data: tuple[str, ...]) -> dict[str, Any]:
    manifest = join(read_data(spec) for spec in data)
    settings = {key: value for key, value in as_plain(row).items() if key != "published"}
    return {
        "row": value_digest(settings)[:16], "films": len(manifest), "data": manifest.digest(),
        "software": describe_software(),
    }  # fmt: skip


def _classifiers(row: Row, data: tuple[str, ...], folder: Path, *, quick: bool) -> Iterator[Score | Missing]:
    yield from classifier_scores(row, data, folder)
    yield from _few_shots(row, data, folder, quick=quick)


_MAKERS: dict[str, Maker] = {"classifier": _classifiers, "siamese": siamese_scores, "transfer": transfer_scores}
