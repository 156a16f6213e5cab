"""A row from its data to its result: what its kind of system says, the few-shot curve, and what made them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from embedlearn.console import say
from embedlearn.errors import ArgumentError
from embedlearn.files import require_folder, value_digest
from embedlearn.flags import as_plain
from embedlearn.pretrain import settings_from
from embedlearn.provenance import describe_software
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import join
from experiments.systems.classifier import classifier_scores
from experiments.systems.comparison import draw_comparison
from experiments.systems.drawing import draw_few_shots
from experiments.systems.fewshots import QUICK, TASK, Effort, few_shot_scores, trained_run, unseen_pool
from experiments.systems.layouts import plant
from experiments.systems.places import find_data
from experiments.systems.results import ROWS, Missing, RowResult, Score, load_result
from experiments.systems.row import Model, Row, load_row, row_names
from experiments.systems.row import Protocol as SplitProtocol
from experiments.systems.siamese import siamese_scores
from experiments.systems.trainings import quickened_trainings
from experiments.systems.transfer import transfer_scores

QUICK_PATIENTS = 60
OURS = "embedlearn, prototypes"


class Maker(Protocol):
    """What runs a kind of row; finished trainings in the folder are kept."""

    def __call__(self, row: Row, data: tuple[str, ...], folder: Path, *, quick: bool) -> Iterator[Score | Missing]: ...


def run_row(row: Row, data: tuple[str, ...], runs: Path, *, quick: bool, out: Path | None) -> Path | None:
    """Run a row and write its result, whose file is returned; without its data nothing is run or written.

    Raises `ArgumentError` for flags that do not go together, and as what runs the row does.
    """
    folder = runs / "quick" / row.name if quick else runs / row.name
    require_folder(folder, "--runs")
    if quick and data:
        raise ArgumentError("--quick runs on phantoms: leave --data out, or --quick")
    if quick and out and out.resolve() == ROWS.resolve():
        raise ArgumentError(f"--out {out}: holds the results of full runs; name another folder for a quick one")
    home = out or (folder if quick else ROWS)
    require_folder(home, "--out")
    if quick:
        row = quickened(row)
        data = tuple(str(plant(name, folder / "data" / name, patients=QUICK_PATIENTS, seed=0)) for name in row.data)
    else:
        data = find_data(row, data)
    path = home / f"{row.name}.json"
    if not data:
        say(f"{row.name}: not run, its data are not here; name your copy of {' and '.join(row.data)} with --data")
        return None
    told = list(_MAKERS[row.make](row, data, folder, quick=quick))
    scores = tuple(each for each in told if isinstance(each, Score))
    missing = tuple(each for each in told if isinstance(each, Missing))
    RowResult(row.name, quick, _made(row, data), scores, missing).save(path)
    return path


def draw_rows(path: Path) -> None:
    """Draw all rows with a stored result beside what was published. Raises `StorageError`, `CheckpointError`."""
    there = [(load_row(name), ROWS / f"{name}.json") for name in row_names()]
    draw_comparison(path, [(row, load_result(stored)) for row, stored in there if stored.is_file()])


def quickened(row: Row) -> Row:
    """The row with the models that stand for ours, small and soon trained, and fewer parts."""
    ours = {row.main_of(task.name) for task in row.tasks}
    models = tuple(_quick_model(model) for model in row.models if model.name in ours)
    row = quickened_trainings(row)
    return dataclasses.replace(
        row, models=models, protocols=tuple(map(_quick_protocol, row.protocols)),
        preprocessing=dataclasses.replace(row.preprocessing, size=64), pretrain={**row.pretrain, "test": 0.4},
    )  # fmt: skip


def _quick_model(model: Model) -> Model:
    recipe = dataclasses.replace(model.recipe, epochs=1)
    return dataclasses.replace(model, weights="none", size=0, recipe=recipe)


def _quick_protocol(protocol: SplitProtocol) -> SplitProtocol:
    return dataclasses.replace(protocol, folds=2, each=min(protocol.each, 5))


def _few_shots(row: Row, data: tuple[str, ...], folder: Path, *, quick: bool) -> Iterator[Score | Missing]:
    """How far a few examples go on the row's films: our encoder, trained on them without the rare class."""
    settings = settings_from({**row.pretrain, "data": data})
    run = trained_run(dataclasses.replace(settings, name="encoder"), folder)
    told = list(few_shot_scores(unseen_pool(run, OURS), row.shots, QUICK if quick else Effort()))
    draw_few_shots(folder / "few-shot.png", told, 1 / (len(run.classes) + 1), f"{row.title}: {TASK}")
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
