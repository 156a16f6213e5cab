"""Training the rows of the table, several at a time, each in a run folder that is taken up again where it is there."""

from __future__ import annotations

import contextlib
import dataclasses
import multiprocessing
import os
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from embedlearn.console import progress, say
from embedlearn.encoders.runs import Run, open_run, read_config
from embedlearn.errors import MismatchError
from embedlearn.pretrain import Pretrain, settings_from, train_run

CONFIGS = Path(__file__).parent
DEFAULT = "default"  # the row of what pretrain does when it is told nothing


@dataclass(frozen=True)
class Training:
    """A row of the table on one fold."""

    row: str
    fold: str
    settings: Pretrain

    @property
    def folder(self) -> Path:
        return self.settings.runs / f"{self.row}-{self.fold}"


def plan_trainings(
    tables: Mapping[str, Path], runs: Path, *, repeats: Mapping[str, int], epochs: int | None, seed: int
) -> list[Training]:
    """Every row on its first `repeats[row]` folds; `tables` are the folds' manifests, each has a seed of its own."""
    trainings = []
    for row, count in repeats.items():
        plain = tomllib.loads((CONFIGS / f"{row}.toml").read_text(encoding="utf-8"))
        for number, (fold, table) in enumerate(list(tables.items())[:count]):
            settings = settings_from({**plain, "data": (str(table),)})
            settings = dataclasses.replace(settings, name=f"{row}-{fold}", runs=runs, seed=seed + number)
            if epochs:
                settings = dataclasses.replace(settings, schedule=dataclasses.replace(settings.schedule, epochs=epochs))
            trainings.append(Training(row, fold, settings))
    return trainings


def rows_there_are() -> list[str]:
    """The names of the configs, the default first."""
    return sorted((path.stem for path in CONFIGS.glob("*.toml")), key=lambda row: (row != DEFAULT, row))


def train_all(trainings: Sequence[Training], jobs: int) -> dict[tuple[str, str], Run]:
    """The finished runs by row and fold: those that are there, those gone on with, those trained now."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_limit_threads, initargs=(threads,)) as pool:
        waiting = {pool.submit(_train, training): training for training in trainings}
        try:
            with progress("trainings") as report:
                for done, future in enumerate(as_completed(waiting), start=1):
                    training, kept = waiting[future], future.result()
                    say(f"{training.row}, fold {training.fold}: 5-NN of known classes {kept:.3f} on validation films")
                    report(done, len(trainings))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {(training.row, training.fold): _open(training) for training in trainings}


def _open(training: Training) -> Run:
    """A finished run. Raises `MismatchError` where it was not trained on this fold as it is now."""
    run = open_run(training.folder)
    table = pd.read_csv(training.settings.data[0], dtype=str)
    seen = run.manifest().frame.set_index("path")["split"]
    wanted = table.set_index("path")["split"]
    if set(seen.index) != set(wanted.index) or (seen[wanted.index].to_numpy(str) != wanted.to_numpy(str)).any():
        raise MismatchError(f"{training.folder}: it was trained on other films; remove it, or name another --runs")
    return run


def _limit_threads(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _train(training: Training) -> float:
    """Train, writing what is said into the run's log, and return the validation score of the epoch that was kept."""
    folder = training.folder
    begun = folder.exists()
    if begun and settings_from(read_config(folder)["settings"]) != training.settings:
        raise MismatchError(f"{folder}: a run of other settings is there; remove it, or name another folder by --runs")
    if not begun or "result" not in read_config(folder):
        training.settings.runs.mkdir(parents=True, exist_ok=True)
        log = (training.settings.runs / f"{folder.name}.log").open("a", encoding="utf-8")
        with log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            train_run(training.settings, folder, resume=begun)
    return float(read_config(folder)["result"]["kept"]["val_knn"])
