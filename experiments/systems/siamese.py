"""The row of the Siamese network: trained on common classes, then told of COVID-19 by a few films."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.audits.probes import border_features, header_features
from embedlearn.console import DataFlags, progress, say
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.finetuning import freeze_trunk
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import Run
from embedlearn.episodes.evaluate import evaluate_episodes
from embedlearn.episodes.results import Estimate
from embedlearn.errors import EpisodeError
from embedlearn.radiographs.labels import COVID
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection, decode
from embedlearn.tasks.fewshot.finetuning import FineTuneClassifier
from embedlearn.tasks.unseen import unseen_films
from experiments.systems.fewshots import EPISODES, METRICS, QUERIES, TASK, trained_run
from experiments.systems.results import Missing, Score
from experiments.systems.row import Row
from experiments.systems.trainings import named_trainings, quickened_trainings, wants_gpu

HEAD, TUNED = "prototype", "fine-tuned"
UNTRAINED, HEADER, BORDER = "untrained", "header probe", "border probe"
OVER_EPISODES = "over episodes of the same films"


@dataclasses.dataclass(frozen=True)
class Effort:
    """Episodes of prototypes, and by shots those of tuned encoders; replicates of their intervals; queries by shots.

    An encoder is tuned anew in every episode, which takes seconds: without a GPU there is no patient bootstrap of it.
    """

    episodes: int = 1000
    bootstrap: int = 200
    queries: Mapping[int, int] = dataclasses.field(default_factory=lambda: QUERIES)
    tuned: Mapping[int, int] = dataclasses.field(default_factory=lambda: {1: 60, 5: 30, 10: 16, 20: 8, 50: 5})
    tuned_bootstrap: int = 0


QUICK = Effort(episodes=20, bootstrap=4, queries={1: 2, 5: 1}, tuned={1: 2, 5: 2})
ON_GPU = Effort(tuned={1: 200, 5: 200, 10: 200, 20: 200, 50: 200}, tuned_bootstrap=100)
TUNED_EACH = 4  # episodes in a replicate of a tuned encoder


class Asked(NamedTuple):
    """Films that no encoder has seen: their classes str [N], cases int64 [N], and the films of each encoder's size."""

    classes: NDArray[np.str_]
    cases: NDArray[np.int64]
    films: Mapping[str, Collection]


def siamese_scores(
    row: Row, data: tuple[str, ...], folder: Path, *, quick: bool = False
) -> Iterator[Score | Missing]:  # fmt: skip
    """Every model of the row at every number of shots, by prototypes and by fine-tuning, on the same unseen films.

    Finished trainings in `folder` are kept, one begun is gone on with; their curves lie beside them. With `quick` a
    training is an epoch of 32 pixels, and few episodes are drawn.
    """
    if quick:
        row = quickened_trainings(row)
    gpu = choose_device("auto").type == "cuda"
    runs: dict[str, Run] = {}
    for name, settings in named_trainings(row, data, folder).items():
        if wants_gpu(row, name) and (quick or not gpu):
            yield Missing(name, "its training wants a GPU")
            continue
        say(f"{name}: {settings.name}")
        runs[name] = trained_run(settings, folder / str(settings.name))
    effort = QUICK if quick else ON_GPU if gpu else Effort()
    yield from _all_scores(row, runs, effort)


def _all_scores(row: Row, runs: Mapping[str, Run], effort: Effort) -> Iterator[Score | Missing]:
    asked, device = find_asked(runs), choose_device("auto")
    say(f"unseen films: {', '.join(f'{name} {(asked.classes == name).sum()}' for name in np.unique(asked.classes))}")
    main = next((name for name in runs if row.main.startswith(name)), next(iter(runs)))
    spaces = {f"{name}, prototypes": _embedded(run.encoder, asked.films[name], device) for name, run in runs.items()}
    spaces[UNTRAINED] = _embedded(runs[main].untrained, asked.films[main], device)
    spaces[HEADER] = header_features(asked.films[main].manifest.paths)
    spaces[BORDER] = border_features(asked.films[main].films)
    for shots in row.shots:
        try:
            yield from _prototypes(asked, spaces, shots, effort)
        except EpisodeError as error:
            yield Missing(f"{TASK}, {shots} shots", str(error))
            continue
        for name, run in runs.items():
            if shots in effort.tuned:
                yield from _tuned(asked, name, run, spaces[f"{name}, prototypes"], shots, effort, device)


def find_asked(runs: Mapping[str, Run]) -> Asked:
    """The films of the classes and of COVID-19 that none of the runs has seen, nor another film of their cases."""
    first, *others = runs.values()
    classes = (*first.classes, COVID)
    collection, _ = unseen_films(DataFlags(), first, load_encoder(first.encoder), classes)
    unseen = np.ones(len(collection.films), bool)
    for run in others:
        frame = run.manifest().frame
        free = set(frame["sha256"][~frame["split"].isin(SEEN)])
        unseen &= collection.manifest.frame["sha256"].isin(free).to_numpy(bool)
    frame = collection.where(unseen).manifest.frame
    named = np.array([str(class_of(label, classes)) for label in frame["label"]])
    films = {name: decode(frame, load_encoder(run.encoder).preprocessing) for name, run in runs.items()}
    return Asked(named, frame["case"].to_numpy(np.int64), films)


def _embedded(encoder: Path, collection: Collection, device: torch.device) -> NDArray[np.float32]:
    saved = load_encoder(encoder)
    return embed_films(saved.encoder, collection.films, saved.preprocessing, device=device)


def _prototypes(
    asked: Asked, spaces: Mapping[str, NDArray[np.float32]], shots: int, effort: Effort
) -> Iterator[Score]:  # fmt: skip
    with progress(f"{shots} shots") as report:
        found = evaluate_episodes(
            spaces, asked.classes, asked.cases, heads=[HEAD], shots=[shots], n_query=effort.queries.get(shots, 15),
            episodes=effort.episodes, bootstrap=effort.bootstrap, positive=COVID, progress=report,
        )  # fmt: skip
    for name in spaces:
        for metric, title in METRICS.items():
            yield _score(asked, name, title, found.estimate(name, HEAD, shots, metric), shots)


def _tuned(
    asked: Asked, name: str, run: Run, vectors: NDArray[np.float32], shots: int, effort: Effort, device: torch.device
) -> Iterator[Score]:  # fmt: skip
    """The encoder's last block tuned in each episode, and what that adds to prototypes in the same episodes."""
    saved = load_encoder(run.encoder)
    trunk = freeze_trunk(saved.encoder, asked.films[name].films, saved.preprocessing, device=device)
    own = {(name, TUNED): FineTuneClassifier(trunk, device=device.type)}
    with progress(f"{shots} shots, tuning") as report:
        found = evaluate_episodes(
            {name: vectors}, asked.classes, asked.cases, heads=[HEAD], shots=[shots], own=own, positive=COVID,
            n_query=effort.queries.get(shots, 15), episodes=effort.tuned[shots], bootstrap=effort.tuned_bootstrap,
            bootstrap_each=TUNED_EACH, progress=report,
        )  # fmt: skip
    model = f"{name}, {TUNED}"
    for metric, title in METRICS.items():
        yield _score(asked, model, title, found.estimate(name, TUNED, shots, metric), shots)
        gained = found.against(HEAD, name, metric)[TUNED, shots]
        estimate = Estimate(gained.mean, gained.episode, gained.patient)
        yield _score(asked, model, f"{title} less prototypes", estimate, shots)


def _score(asked: Asked, model: str, metric: str, told: Estimate, shots: int) -> Score:
    """With the interval by patient where there is one, else over the episodes."""
    interval = told.patient or told.episode
    how = "patient bootstrap" if told.patient else OVER_EPISODES
    least = -1.0 if "less" in metric else 0.0
    low, high = (float(np.clip(end, least, 1.0)) for end in (interval.low, interval.high))
    films, cases = len(asked.classes), len(set(asked.cases.tolist()))
    return Score(TASK, EPISODES, model, metric, float(told.mean), low, high, films, cases, how, shots)
