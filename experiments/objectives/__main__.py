"""Train one encoder for each objective in this folder and put them through the same tasks, beside an untrained one.

Tasks, each on films and patients that no training saw: `pooled` is healthy / pneumonia / COVID-19 over all sources,
`within SOURCE` the same inside one, `bacterial vs viral` two kinds of pneumonia that training held for one class.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from embedlearn.audits.probes import border_features, header_features
from embedlearn.console import DataFlags, run_command, say
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import Run, open_run, read_config
from embedlearn.episodes.evaluate import evaluate_episodes
from embedlearn.errors import EpisodeError, MismatchError
from embedlearn.files import replacing
from embedlearn.pretrain import Pretrain, settings_from, train_run
from embedlearn.radiographs.labels import BACTERIAL, VIRAL
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection, collect_for_run, embed_collection

CLASSES = ("healthy", "pneumonia", "covid-19")
SHOTS, QUERIES = 5, 15


@dataclass(frozen=True, kw_only=True)
class Objectives(DataFlags):
    """Compare training objectives by what their encoders make of classes they never saw.

    With no --data it runs on phantoms. A run that is finished already is taken as it is.
    """

    quick: bool = False
    """Six epochs and 200 episodes, to see that it works; name another folder than the full one's by --runs."""
    runs: Path = Path("runs/objectives")
    """Folder of the runs, and of the table objectives.csv."""
    seed: int = 0
    """Of the trainings and the episodes."""


def main() -> None:
    run_command(Objectives, _compare, "experiments.objectives", None)


def _compare(settings: Objectives) -> None:
    configs = sorted(Path(__file__).parent.glob("*.toml"))
    runs = {path.stem: _train(settings, path) for path in configs}
    first = next(iter(runs.values()))
    if any(run.config["data"]["manifest"] != first.config["data"]["manifest"] for run in runs.values()):
        raise MismatchError(f"--runs {settings.runs}: its runs were trained on different films; name a new folder")
    collection = _unseen(first)
    device = choose_device("auto")
    spaces = {
        "header probe": header_features(collection.manifest.paths),
        "border probe": border_features(collection.films),
        "untrained": embed_collection(load_encoder(first.untrained), collection, device, "untrained").vectors,
    }
    for name, run in runs.items():
        spaces[name] = embed_collection(load_encoder(run.encoder), collection, device, name).vectors
    table = pd.DataFrame(_score(settings, spaces, collection.manifest.frame))
    validation = {name: run.config["result"]["kept"]["val_knn"] for name, run in runs.items()}
    with replacing(settings.runs / "objectives.csv") as beside:
        table.to_csv(beside, index=False, float_format="%.4f")
    _print(table, validation)
    say(f"wrote {settings.runs / 'objectives.csv'}")


def _train(settings: Objectives, config: Path) -> Run:
    """The finished run of one objective: the one that is there, gone on with, or trained now."""
    plain = tomllib.loads(config.read_text(encoding="utf-8"))
    wanted = settings_from({**plain, "data": settings.data, "map": settings.map, "columns": settings.columns})
    wanted = dataclasses.replace(wanted, name=config.stem, runs=settings.runs, seed=settings.seed)
    if settings.quick:
        wanted = dataclasses.replace(wanted, schedule=dataclasses.replace(wanted.schedule, epochs=6))
    folder = settings.runs / config.stem
    if not folder.exists():
        say(f"\n== {config.stem}")
        train_run(wanted, folder, resume=False)
    stored = read_config(folder)
    if settings_from(stored["settings"]) != wanted:
        raise MismatchError(f"{folder}: a run of other settings is there; remove it, or name another folder by --runs")
    if "result" not in stored:
        say(f"\n== {config.stem}, going on")
        train_run(wanted, folder, resume=True)
    return open_run(folder)


def _unseen(run: Run) -> Collection:
    collection = collect_for_run(Pretrain(), run, load_encoder(run.encoder).preprocessing)
    return collection.where(~collection.manifest.frame["split"].isin(SEEN))


def _tasks(frame: pd.DataFrame) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.str_]]]:
    """Name, which films take part (bool [N]) and the class of each film (str [N])."""
    coarse = np.array([class_of(label, CLASSES) or "" for label in frame["label"]])
    known = coarse != ""
    sources = frame["source"].to_numpy(str)
    yield "pooled", known, coarse
    for source in sorted(set(sources)):
        if set(coarse[known & (sources == source)]) == set(CLASSES):
            yield f"within {source}", known & (sources == source), coarse
    labels = frame["label"].to_numpy(str)
    finer = np.isin(labels, [BACTERIAL, VIRAL])
    if finer.any():
        yield "bacterial vs viral", finer, labels


def _score(
    settings: Objectives, spaces: dict[str, NDArray[np.float32]], frame: pd.DataFrame
) -> Iterator[dict[str, object]]:
    for task, films, classes in _tasks(frame):
        try:
            result = evaluate_episodes(
                {name: vectors[films] for name, vectors in spaces.items()},
                classes[films],
                frame["case"].to_numpy()[films],
                heads=["prototype"],
                shots=[SHOTS],
                n_query=QUERIES,
                episodes=200 if settings.quick else 1000,
                bootstrap=20 if settings.quick else 200,
                seed=settings.seed,
            )
        except EpisodeError as error:
            say(f"{task}: left out ({error})")
            continue
        for space in spaces:
            mean, episode, patient = result.estimate(space, "prototype", SHOTS, "accuracy")
            low, high = (patient or episode)[1:]
            yield {"objective": space, "task": task, "accuracy": mean, "low": low, "high": high}


def _print(table: pd.DataFrame, validation: dict[str, float]) -> None:
    tasks = list(dict.fromkeys(table["task"]))
    drawn = Table(
        "objective", *tasks, "5-NN, known classes", title=f"{SHOTS}-shot accuracy, prototypes [95 % by patient]"
    )
    for name, rows in table.groupby("objective", sort=False):
        cells = [f"{row.accuracy:.3f} \\[{row.low:.3f} {row.high:.3f}]" for row in rows.itertuples()]
        known = f"{validation[str(name)]:.3f}" if name in validation else ""
        drawn.add_row(str(name), *cells, known)
    Console(width=150).print(drawn)


if __name__ == "__main__":
    main()
