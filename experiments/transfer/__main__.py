"""What transfers: train one encoder for each config in this folder and ask all of them about a class none has seen.

The films are divided by patient into three folds, again and again; a fifth of the known classes is set aside to
validate on and to choose among objectives, and is never reported on. `scores.py` says what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.audits.probes import border_features, header_features
from embedlearn.console import DataFlags, progress, run_command, say
from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.validation import score_neighbours
from embedlearn.files import replacing, require_folder
from embedlearn.flags import require_number
from embedlearn.pretrain import Pretrain
from embedlearn.sources import Collection, collect, decode
from experiments.transfer.folds import Fold, fold_table, make_folds
from experiments.transfer.report import UNTRAINED, draw_table, print_table, summarise, tabulate, write_markdown
from experiments.transfer.scores import Answers, Effort, answer, make_tasks, require_answers
from experiments.transfer.trainings import DEFAULT, plan_trainings, rows_there_are, train_all

HEADER, BORDER = "header probe", "border probe"


@dataclass(frozen=True, kw_only=True)
class Transfer(DataFlags):
    """Compare ways of training by what their encoders make of a class they never saw.

    With no --data it runs on phantoms. A finished training is taken as it is, one begun is gone on with.
    """

    quick: bool = False
    """One fold, two epochs and 100 episodes, to see that it works."""
    runs: Path = Path("runs/transfer")
    """Folder of the trainings; of transfer.csv and its picture, to report; and of choice.csv, to choose by."""
    repeats: int = 2
    """How often the films are divided into three folds; the default is trained on every fold."""
    others: int = 1
    """Folds that every other config is trained on."""
    jobs: int = 1
    """Trainings side by side; each takes its share of the processor's threads."""
    seed: int = 0
    """Of the folds, the trainings and the episodes."""

    def __post_init__(self) -> None:
        require_number("--repeats", self.repeats, 1, 100)
        require_number("--others", self.others, 1, 300)
        require_number("--jobs", self.jobs, 1, 64)
        require_number("--seed", self.seed, 0, 2**30)


def main() -> None:
    run_command(Transfer, _run, "experiments.transfer", None)


def _run(settings: Transfer) -> None:
    require_folder(settings.runs, "--runs")
    runs = settings.runs / "quick" if settings.quick else settings.runs
    plain = Pretrain(data=settings.data, map=settings.map, columns=settings.columns)
    collection = collect(plain, plain.preprocessing)
    folds = make_folds(collection.manifest, plain.classes, repeats=settings.repeats, seed=settings.seed)
    folds = folds[:1] if settings.quick else folds
    require_answers(
        make_tasks(collection.manifest.frame), collection.manifest.frame["case"].to_numpy(), [f.reported for f in folds]
    )
    tables = {fold.name: runs / f"fold-{fold.name}.csv" for fold in folds}
    for fold in folds:
        fold_table(collection.manifest, fold).save(tables[fold.name].absolute())
    repeats = {row: len(folds) if row == DEFAULT else min(settings.others, len(folds)) for row in rows_there_are()}
    trainings = plan_trainings(tables, runs, repeats=repeats, epochs=2 if settings.quick else None, seed=settings.seed)
    finished = train_all(trainings, settings.jobs)
    spaces = _probe(collection, folds, plain, settings.seed)
    for (row, name), run in finished.items():
        saved = load_encoder(run.encoder)
        films = collection if saved.preprocessing == plain.preprocessing else decode(
            collection.manifest.frame, saved.preprocessing
        )  # fmt: skip
        vectors = embed_films(saved.encoder, films.films, saved.preprocessing, device=choose_device("auto"))
        spaces.setdefault(row, {})[name] = vectors
    effort = Effort(episodes=100, replicates=20) if settings.quick else Effort()
    choice = _ask(collection, {fold.name: fold.choosing for fold in folds}, spaces, effort, settings.seed)
    answers = _ask(collection, {fold.name: fold.reported for fold in folds}, spaces, effort, settings.seed)
    table = tabulate(answers, list(spaces))
    known = {row: float(np.mean(list(scores.values()))) for row, scores in _known(collection, folds, spaces).items()}
    for name, lines in (("choice.csv", tabulate(choice, list(spaces))), ("transfer.csv", table)):
        with replacing(runs / name) as beside:
            lines.to_csv(beside, index=False, float_format="%.4f")
    draw_table(runs / "transfer.png", table)
    summary = summarise(table, known)
    write_markdown(runs / "transfer.md", summary)
    print_table(summary)
    say(f"wrote {runs / 'transfer.csv'}, {runs / 'transfer.md'} and {runs / 'transfer.png'}")


def _probe(
    collection: Collection, folds: list[Fold], plain: Pretrain, seed: int
) -> dict[str, dict[str, NDArray[np.floating]]]:
    """What a training is held against: the file's header, its border, and the network before it has learnt."""
    header, border = header_features(collection.manifest.paths), border_features(collection.films)
    untrained = {
        fold.name: embed_films(
            Encoder(plain.architecture, seed=seed + number), collection.films, plain.preprocessing,
            device=choose_device("auto"),
        )
        for number, fold in enumerate(folds)
    }  # fmt: skip
    return {
        HEADER: {fold.name: header for fold in folds},
        BORDER: {fold.name: border for fold in folds},
        UNTRAINED: untrained,
    }


def _ask(
    collection: Collection,
    films: dict[str, NDArray[np.bool_]],
    spaces: dict[str, dict[str, NDArray[np.floating]]],
    effort: Effort,
    seed: int,
) -> list[Answers]:
    """Every task to every row, on the films [N] that are named for each fold."""
    frame = collection.manifest.frame
    tasks = make_tasks(frame)
    answers: list[Answers] = []
    with progress("episodes") as report:
        for done, task in enumerate(tasks, start=1):
            answers += answer(task, spaces, frame["case"].to_numpy(), films, effort, seed)
            report(done, len(tasks))
    return answers


def _known(
    collection: Collection, folds: list[Fold], spaces: dict[str, dict[str, NDArray[np.floating]]]
) -> dict[str, dict[str, float]]:
    """Balanced 5-NN accuracy of the known classes, test films among training films, by row and fold."""
    labels = collection.manifest.frame["label"].str.split("/").str[0]
    codes = labels.astype("category").cat.codes.to_numpy(np.int64)
    scores: dict[str, dict[str, float]] = {}
    for fold in folds:
        seen, asked = fold.split == "train", fold.split == "test"
        numbers = np.searchsorted(np.unique(codes[seen]), codes)
        for row, found in spaces.items():
            if fold.name in found:
                rows = found[fold.name] / np.linalg.norm(found[fold.name], axis=1, keepdims=True).clip(1e-12)
                gallery, queries = (torch.from_numpy(rows[part].astype(np.float32)) for part in (seen, asked))
                score = score_neighbours(gallery, numbers[seen], queries, numbers[asked])[1]
                scores.setdefault(row, {})[fold.name] = score
    return scores


if __name__ == "__main__":
    main()
