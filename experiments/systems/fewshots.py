"""A rare class from a handful of films: an encoder that never saw it is asked about it in episodes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.console import DataFlags, progress
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.runs import Run, open_run, read_config
from embedlearn.episodes.evaluate import evaluate_episodes
from embedlearn.episodes.pool import TRAINED
from embedlearn.episodes.results import Estimate
from embedlearn.errors import EpisodeError
from embedlearn.files import value_digest
from embedlearn.flags import as_plain
from embedlearn.pretrain import Pretrain, train_run
from embedlearn.radiographs.labels import COVID
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import join
from embedlearn.tasks.fewshot.pools import pool_of_films
from experiments.systems.results import PATIENTS, Missing, Score

EPISODES = "episodes by patient"
TASK = f"{COVID} from a few films"
HEAD = "prototype"
METRICS = {"accuracy": "accuracy", "auc": f"AUC {COVID}"}
QUERIES = {20: 10, 50: 5}  # of a class, where there are many shots; else 15
WHERE = ("name", "runs", "resume", "device", "save_every", "data")  # settings that make no other encoder


@dataclass(frozen=True)
class Effort:
    """Episodes for a mean, replicates of the patient bootstrap, and query films a class by the number of shots."""

    episodes: int = 1000
    bootstrap: int = 200
    queries: Mapping[int, int] = field(default_factory=lambda: QUERIES)

    def n_query(self, shots: int) -> int:
        """Query films of a class."""
        return self.queries.get(shots, 15)


QUICK = Effort(episodes=50, bootstrap=10, queries={1: 2, 5: 2})


@dataclass(frozen=True, eq=False)
class Pool:
    """Films that no encoder has seen: classes str [N], cases int64 [N], and embeddings float [N, D] by name."""

    classes: NDArray[np.str_]
    cases: NDArray[np.int64]
    spaces: Mapping[str, Any]


def trained_run(settings: Pretrain, folder: Path) -> Run:
    """The finished run of these settings and films below `folder`: the one there, one gone on with, or trained now."""
    plain = {name: value for name, value in as_plain(settings).items() if name not in WHERE}
    films = join(read_data(spec) for spec in settings.data).digest()
    name = f"{settings.name}-{value_digest({'settings': plain, 'films': films})[:8]}"
    home = folder / name
    if not (begun := home.exists()) or "result" not in read_config(home):
        train_run(dataclasses.replace(settings, name=name, runs=folder), home, resume=begun)
    return open_run(home)


def unseen_pool(run: Run, model: str) -> Pool:
    """The run's films that it has not seen, by its encoder under the name `model`, untrained, and by the probes."""
    pool, _ = pool_of_films(DataFlags(), run, (*run.classes, COVID), (), choose_device("auto"))
    spaces = {model if name == TRAINED else name: space for name, space in pool.spaces.items()}
    return Pool(pool.frame["class"].to_numpy(str), pool.frame["case"].to_numpy(np.int64), spaces)


def few_shot_scores(pool: Pool, shots: Sequence[int], effort: Effort) -> Iterator[Score | Missing]:
    """Accuracy and AUC of prototypes in every space of a pool, by shots; what its films do not allow is missing."""
    for count in shots:
        try:
            with progress(f"{count} shots") as report:
                found = evaluate_episodes(
                    pool.spaces, pool.classes, pool.cases, heads=[HEAD], shots=[count], n_query=effort.n_query(count),
                    episodes=effort.episodes, bootstrap=effort.bootstrap, positive=COVID, progress=report,
                )  # fmt: skip
        except EpisodeError as error:
            yield Missing(f"{TASK}, {count} shots", str(error))
            continue
        for name in pool.spaces:
            for metric, title in METRICS.items():
                yield few_shot_score(pool, name, title, found.estimate(name, HEAD, count, metric), count)


def few_shot_score(
    pool: Pool, model: str, metric: str, told: Estimate, shots: int, episodes: int = 0
) -> Score:  # fmt: skip
    """One score; its interval is by patient where there is one, else over so many `episodes` of the same films."""
    films, cases = len(pool.classes), len(set(pool.cases.tolist()))
    score = Score(TASK, EPISODES, model, metric, float(told.mean), math.nan, math.nan, films, cases, PATIENTS, shots)
    if told.patient:
        return dataclasses.replace(score, low=told.patient.low, high=told.patient.high)
    if not episodes:
        return score
    least = -1.0 if "less" in metric else 0.0
    low, high = (float(np.clip(end, least, 1.0)) for end in (told.episode.low, told.episode.high))
    return dataclasses.replace(score, low=low, high=high, interval=f"over {episodes} episodes of the same films")
