"""What an embedding is asked, and how well it answers: the tasks, their episodes, and intervals by patient.

`W` tasks stay within a source, `X` tasks go over both or from one to the other, `B` is bacterial against viral, which
come from one hospital, so that no source can stand in for the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.episodes.evaluate import answers
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.metrics import episode_metrics
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.resampling import resample_patients
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import EpisodeError
from embedlearn.radiographs.labels import BACTERIAL, COVID, VIRAL
from embedlearn.radiographs.manifest import class_of

CLASSES = ("healthy", "pneumonia", COVID)
QUERIES = {1: 15, 5: 15, 10: 15, 20: 5}  # of a class, by shots; the smallest has few patients to give
REDRAWS = 20
EPISODES_EACH = 20  # in a bootstrap replicate, for each fold
Floats = NDArray[np.float64]
Spaces = Mapping[str, Mapping[str, NDArray[np.floating]]]  # by row and fold: embeddings [N, D] of all films


@dataclass(frozen=True, eq=False)
class Task:
    """A question to an embedding: str [N] classes ("" where a film takes no part), bool [N, 2] support and query."""

    name: str
    classes: NDArray[np.str_]
    roles: NDArray[np.bool_]

    @property
    def n_way(self) -> int:
        """How many classes there are, all of which every episode holds."""
        return len(set(self.classes) - {""})


@dataclass(frozen=True)
class Effort:
    """How much is drawn: episodes for a mean, and replicates of the patient bootstrap."""

    shots: tuple[int, ...] = (1, 5, 10, 20)
    episodes: int = 1000
    replicates: int = 200


@dataclass(frozen=True, eq=False)
class Answers:
    """Accuracy of prototypes on a task at a number of shots, by row and fold: its mean, and replicates float [B]."""

    task: str
    shots: int
    means: Mapping[tuple[str, str], float]
    replicates: Mapping[tuple[str, str], Floats]


def make_tasks(frame: pd.DataFrame) -> list[Task]:
    """The tasks that the films of a manifest allow."""
    coarse = np.array([class_of(label, CLASSES) or "" for label in frame["label"]])
    source = frame["source"].to_numpy(str)
    whole = [name for name in sorted(set(source)) if set(CLASSES) <= set(coarse[source == name])]
    tasks = [_task(f"W: within {name}", coarse, source == name, source == name) for name in whole]
    if len(whole) > 1:
        among = np.isin(source, whole)
        tasks.append(_task("X: all sources", coarse, among, among))
        pairs = [(here, there) for here in whole for there in whole if here != there]
        tasks += [_task(f"X: {here} to {there}", coarse, source == here, source == there) for here, there in pairs]
    labels = frame["label"].to_numpy(str)
    finer = np.where(np.isin(labels, [BACTERIAL, VIRAL]), labels, "")
    if {BACTERIAL, VIRAL} <= set(finer):
        tasks.append(_task("B: bacterial or viral", finer, finer != "", finer != ""))
    return tasks


def _task(name: str, classes: NDArray[np.str_], support: NDArray[np.bool_], query: NDArray[np.bool_]) -> Task:
    kept = np.where(support | query, classes, "")
    return Task(name, kept, np.stack([support, query], axis=1))


def answer(
    task: Task, spaces: Spaces, cases: NDArray[np.int64], reported: Mapping[str, NDArray[np.bool_]],
    effort: Effort, seed: int,
) -> Iterator[Answers]:  # fmt: skip
    """Put a task to every row on every fold it was trained on; `reported` says which films [N] a fold is scored on.

    All rows see the same episodes and the same replicates. A replicate draws patients once for all folds, so that its
    mean over folds varies as the scores would with other patients. Numbers of shots that the films do not allow are
    left out, and it is said.
    """
    pools = {fold: np.flatnonzero(films & (task.classes != "")) for fold, films in reported.items()}
    embedded = {
        (row, fold): Space(vectors[pools[fold]]) for row, folds in spaces.items() for fold, vectors in folds.items()
    }
    for shots in effort.shots:
        sampler = EpisodeSampler(task.n_way, shots, QUERIES[shots], effort.episodes, seed)
        try:
            drawn = {
                fold: sampler.sample(task.classes[pool], cases[pool], roles=task.roles[pool])
                for fold, pool in pools.items()
            }
            resampled = _resample(task, cases, pools, sampler, effort.replicates)
        except EpisodeError as error:
            say(f"{task.name}, {shots} shots: left out ({error})")
            continue
        means = {key: float(_accuracies(space, drawn[key[1]]).mean()) for key, space in embedded.items()}
        replicates = {
            key: _accuracies(space, resampled[key[1]]).reshape(effort.replicates, -1).mean(1)
            for key, space in embedded.items()
        }
        yield Answers(task.name, shots, means, replicates)


def require_answers(tasks: Sequence[Task], cases: NDArray[np.int64], reported: Iterable[NDArray[np.bool_]]) -> None:
    """Raise `EpisodeError` unless the films that are reported on allow five shots of some task in every fold."""
    reasons = [f"wanted a source with films of {', '.join(CLASSES)}, or bacterial and viral pneumonia"]
    for task in tasks:
        try:
            for films in reported:
                here = films & (task.classes != "")
                sampler = EpisodeSampler(task.n_way, 5, QUERIES[5], 1)
                sampler.sample(task.classes[here], cases[here], roles=task.roles[here])
            return
        except EpisodeError as error:
            reasons.append(f"{task.name}: {error}")
    raise EpisodeError(f"--data: too few films to report on ({reasons[-1]}); add films")


def _accuracies(space: Space, episodes: Episodes) -> Floats:
    """The accuracy of prototypes in each episode, float64 [E]."""
    parts = answers(space, PrototypeClassifier(), episodes)
    return np.concatenate([episode_metrics(scores, part)["accuracy"] for part, scores in parts])


def _resample(
    task: Task, cases: NDArray[np.int64], pools: Mapping[str, NDArray[np.int64]], sampler: EpisodeSampler, count: int
) -> dict[str, Episodes]:
    """Episodes of every replicate by fold, as rows of the fold's pool. Raises `EpisodeError`."""
    rng = np.random.default_rng([sampler.seed, sampler.n_shot])
    everyone = np.unique(np.concatenate(list(pools.values())))
    parts: dict[str, list[Episodes]] = {fold: [] for fold in pools}
    for _ in range(count):
        for fold, episodes in _replicate(task, cases, pools, everyone, sampler.n_shot, rng).items():
            parts[fold].append(episodes)
    return {fold: Episodes.joined(found) for fold, found in parts.items()}


def _replicate(
    task: Task, cases: NDArray[np.int64], pools: Mapping[str, NDArray[np.int64]], everyone: NDArray[np.int64],
    shots: int, rng: np.random.Generator,
) -> dict[str, Episodes]:  # fmt: skip
    """Some episodes of every fold, all from one drawing of patients; one too poor for them is drawn again."""
    for _ in range(REDRAWS):
        resampled = resample_patients(task.classes[everyone], cases[everyone], rng)
        rows = everyone[resampled.rows]
        sampler = EpisodeSampler(task.n_way, shots, QUERIES[shots], EPISODES_EACH, int(rng.integers(2**31)))
        try:
            return {fold: _within(sampler, task, cases, pool, rows, resampled.draws) for fold, pool in pools.items()}
        except EpisodeError as error:
            reason = error
    raise EpisodeError(f"{REDRAWS} drawings of patients were too poor for an episode ({reason})")


def _within(
    sampler: EpisodeSampler, task: Task, cases: NDArray[np.int64], pool: NDArray[np.int64],
    rows: NDArray[np.int64], draws: NDArray[np.int64],
) -> Episodes:  # fmt: skip
    """Episodes from those of the resampled films that the pool has."""
    here = np.isin(rows, pool)
    mine = rows[here]
    drawn = sampler.sample(task.classes[mine], cases[mine], draws[here], task.roles[mine])
    place = np.searchsorted(pool, mine)
    return drawn.of(place)
