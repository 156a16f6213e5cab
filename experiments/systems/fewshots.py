"""The few-shot curve of a row: an encoder that never saw the rare class, asked about it from a handful of films."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np

from embedlearn.console import DataFlags, progress
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import Run, open_run, read_config
from embedlearn.episodes.evaluate import evaluate_episodes
from embedlearn.episodes.pool import TRAINED
from embedlearn.errors import EpisodeError
from embedlearn.pretrain import Pretrain, settings_from, train_run
from embedlearn.radiographs.labels import COVID
from embedlearn.tasks.fewshot.pools import pool_of_films
from experiments.systems.results import Missing, Score

EPISODES = "episodes by patient"
TASK = f"{COVID} from a few films"
METRICS = {"accuracy": "accuracy", "auc": f"AUC {COVID}"}
QUERIES = {20: 10, 50: 5}  # of a class, where there are many shots; else 15


def trained_run(settings: Pretrain, folder: Path) -> Run:
    """The finished run in `folder`: the one that is there, gone on with where it was stopped, or trained now."""
    begun = folder.exists()
    if not begun or "result" not in read_config(folder):
        stored = settings_from(read_config(folder)["settings"]) if begun else settings
        train_run(dataclasses.replace(stored, device=settings.device), folder, resume=begun)
    return open_run(folder)


def few_shot_scores(
    run: Run, shots: Sequence[int], *, model: str, episodes: int, bootstrap: int, queries: int = 15
) -> Iterator[Score | Missing]:
    """Accuracy and AUC of prototypes on films that the run has not seen, by shots; the untrained network and probes.

    An episode asks `queries` films a class at the most. Intervals by patient bootstrap. What the films do not allow is
    told as missing.
    """
    pool, _ = pool_of_films(DataFlags(), run, (*run.classes, COVID), (), choose_device("auto"))
    spaces = {model if name == TRAINED else name: space for name, space in pool.spaces.items()}
    classes, cases = pool.frame["class"].to_numpy(str), pool.frame["case"].to_numpy(np.int64)
    for count in shots:
        try:
            with progress(f"{count} shots") as report:
                found = evaluate_episodes(
                    spaces, classes, cases, heads=["prototype"], shots=[count],
                    n_query=min(queries, QUERIES.get(count, 15)), episodes=episodes, bootstrap=bootstrap,
                    positive=COVID, progress=report,
                )  # fmt: skip
        except EpisodeError as error:
            yield Missing(f"{TASK}, {count} shots", str(error))
            continue
        for name, (metric, title) in product(spaces, METRICS.items()):
            told = found.estimate(name, "prototype", count, metric)
            low, high = (told.patient.low, told.patient.high) if told.patient else (math.nan, math.nan)
            yield Score(TASK, EPISODES, name, title, told.mean, low, high, len(classes), len(set(cases)), shots=count)
