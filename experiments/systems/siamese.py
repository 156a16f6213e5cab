"""The row of the Siamese network: trained on common classes, then told of COVID-19 by a few films."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.audits.probes import border_features, header_features
from embedlearn.console import DataFlags, progress, say
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.finetuning import FrozenTrunk, freeze_trunk
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.runs import Run
from embedlearn.episodes.evaluate import evaluate_episodes
from embedlearn.episodes.results import Estimate
from embedlearn.radiographs.labels import COVID
from embedlearn.radiographs.manifest import class_of
from embedlearn.sources import Collection, decode
from embedlearn.tasks.fewshot.finetuning import FineTuneClassifier
from embedlearn.tasks.unseen import less_seen, unseen_films
from experiments.systems.drawing import draw_few_shots
from experiments.systems.fewshots import (
    HEAD,
    METRICS,
    QUICK,
    Effort,
    Pool,
    few_shot_score,
    few_shot_scores,
    trained_run,
)
from experiments.systems.results import BORDER, HEADER, UNTRAINED, Missing, Score
from experiments.systems.row import Row
from experiments.systems.trainings import named_trainings, quickened_trainings, wants_gpu

TUNED = "fine-tuned"


@dataclasses.dataclass(frozen=True)
class Tuning:
    """Episodes of tuned encoders by shots, and replicates of their intervals.

    An encoder is tuned anew in every episode, which takes seconds: without a GPU that is done for the row's main model
    `alone`, in few episodes, and there is no patient bootstrap of it.
    """

    episodes: Mapping[int, int]
    bootstrap: int = 0
    alone: bool = True


ON_CPU = Tuning({1: 20, 5: 12, 10: 8, 20: 6, 50: 5})
ON_GPU = Tuning({1: 200, 5: 200, 10: 200, 20: 200, 50: 200}, bootstrap=100, alone=False)
FEW = Tuning({1: 2, 5: 2}, alone=False)
TUNED_EACH = 4  # episodes in a replicate of a tuned encoder


@dataclasses.dataclass(frozen=True, eq=False)
class Asked(Pool):
    """A pool, and its films in the size of each encoder."""

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
        runs[name] = trained_run(settings, folder)
    tuning = FEW if quick else ON_GPU if gpu else ON_CPU
    told = list(_all_scores(row, runs, QUICK if quick else Effort(), tuning))
    draw_few_shots(folder / "few-shot.png", told, 1 / (len(next(iter(runs.values())).classes) + 1), row.title)
    yield from told


def _all_scores(
    row: Row, runs: Mapping[str, Run], effort: Effort, tuning: Tuning
) -> Iterator[Score | Missing]:  # fmt: skip
    asked, device = find_asked(runs, row.main), choose_device("auto")
    say(f"unseen films: {', '.join(f'{name} {(asked.classes == name).sum()}' for name in np.unique(asked.classes))}")
    tuned = [name for name in runs if not tuning.alone or row.main.startswith(name)]
    trunks = {name: _frozen(runs[name], asked.films[name], device) for name in tuned}
    for shots in row.shots:
        found = list(few_shot_scores(asked, [shots], effort))
        yield from found
        if shots in tuning.episodes and not isinstance(found[0], Missing):
            for name, trunk in trunks.items():
                yield from _tuned(asked, name, trunk, shots, effort, tuning, device)


def find_asked(runs: Mapping[str, Run], main: str) -> Asked:
    """The films of the classes and of COVID-19 that none of the runs has seen, nor another film of their cases.

    `main` begins with the name of the run whose untrained network and films the others are held against.
    """
    first, *others = runs.values()
    classes, device = (*first.classes, COVID), choose_device("auto")
    collection, _ = unseen_films(DataFlags(), first, load_encoder(first.encoder), classes)
    for run in others:
        collection = less_seen(collection, run, load_encoder(first.encoder).preprocessing)
    frame = collection.manifest.frame
    named = np.array([str(class_of(label, classes)) for label in frame["label"]])
    films = {name: decode(frame, load_encoder(run.encoder).preprocessing) for name, run in runs.items()}
    held = next((name for name in runs if main.startswith(name)), next(iter(runs)))
    spaces = {prototypes_of(name): _embedded(run.encoder, films[name], device) for name, run in runs.items()}
    spaces |= {
        UNTRAINED: _embedded(runs[held].untrained, films[held], device),
        HEADER: header_features(films[held].manifest.paths), BORDER: border_features(films[held].films),
    }  # fmt: skip
    return Asked(named, frame["case"].to_numpy(np.int64), spaces, films)


def prototypes_of(name: str) -> str:
    """The name of an encoder's prototypes in the tables."""
    return f"{name}, prototypes"


def _embedded(encoder: Path, collection: Collection, device: torch.device) -> NDArray[np.float32]:
    saved = load_encoder(encoder)
    return embed_films(saved.encoder, collection.films, saved.preprocessing, device=device)


def _frozen(run: Run, collection: Collection, device: torch.device) -> FrozenTrunk:
    saved = load_encoder(run.encoder)
    return freeze_trunk(saved.encoder, collection.films, saved.preprocessing, device=device)


def _tuned(
    asked: Asked, name: str, trunk: FrozenTrunk, shots: int, effort: Effort, tuning: Tuning, device: torch.device
) -> Iterator[Score]:  # fmt: skip
    """The encoder's last block tuned in each episode, and what that adds to prototypes in the same episodes."""
    episodes = tuning.episodes[shots]
    own = {(name, TUNED): FineTuneClassifier(trunk, device=device.type)}
    with progress(f"{shots} shots, tuning") as report:
        found = evaluate_episodes(
            {name: asked.spaces[prototypes_of(name)]}, asked.classes, asked.cases, heads=[HEAD], shots=[shots], own=own,
            positive=COVID, n_query=effort.n_query(shots), episodes=episodes, bootstrap=tuning.bootstrap,
            bootstrap_each=TUNED_EACH, progress=report,
        )  # fmt: skip
    model = f"{name}, {TUNED}"
    for metric, title in METRICS.items():
        yield few_shot_score(asked, model, title, found.estimate(name, TUNED, shots, metric), shots, episodes)
        gained = found.against(HEAD, name, metric)[TUNED, shots]
        estimate = Estimate(gained.mean, gained.episode, gained.patient)
        yield few_shot_score(asked, model, f"{title} less prototypes", estimate, shots, episodes)
