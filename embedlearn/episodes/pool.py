"""What an evaluation draws from: films with class and case, seen through several spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from embedlearn.embeddings import Embeddings, load_embeddings
from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.space import Space
from embedlearn.episodes.transforms import transformed
from embedlearn.errors import EpisodeError, MismatchError
from embedlearn.radiographs.labels import COVID as RARE
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.splits import SEEN

TRAINED = "trained"
UNTRAINED, OTHER = "untrained", "other encoder"  # the spaces whose difference from the trained one is reported
BASE = "val"  # the split whose films chose the epoch and trained nothing: what must be fitted is fitted on them


@dataclass(frozen=True, eq=False)
class Pool:
    """N films. `frame` has columns `path`, `class`, `case` and `source`; `spaces` have a row for each.

    `encoder` is the SHA-256 of the trained encoder's file, `learnt` the classes it was trained on. `base`: films of
    these, not trained on, for what must be fitted; None where there are none at hand.
    """

    frame: pd.DataFrame
    spaces: Mapping[str, Space]
    encoder: str
    learnt: tuple[str, ...]
    base: BaseFilms | None = None

    def counts(self) -> dict[str, dict[str, int]]:
        """Films and cases of each class."""
        return {
            str(name): {"films": len(rows), "cases": int(rows["case"].nunique())}
            for name, rows in self.frame.groupby("class")
        }

    def nameless(self) -> dict[str, int]:
        """How many films of each class name no patient, where there are any."""
        counts = self.frame["patient"].isna().groupby(self.frame["class"]).sum()
        return {str(name): int(count) for name, count in counts.items() if count}

    def confounded(self) -> list[str]:
        """Classes that lack films of a source which other classes have: their source may give them away."""
        sources = set(self.frame["source"])
        return [str(name) for name, rows in self.frame.groupby("class") if set(rows["source"]) != sources]


def choose_classes(labels: Iterable[str], learnt: Sequence[str]) -> tuple[str, ...]:
    """The learnt classes that there are labels of, and COVID-19, the other labels being often too rare for an episode.

    Where there is no COVID-19, or nothing was learnt, every other label takes part by its first part.
    """
    labels = sorted(set(labels))
    known = [name for name in learnt if any(class_of(label, [name]) for label in labels)]
    others = sorted({label.split("/")[0] for label in labels if not class_of(label, known)} - set(known))
    return (*known, *([RARE] if known and RARE in others else others))


def choose_positive(classes: Sequence[str], learnt: Sequence[str]) -> str:
    """COVID-19 where it is among the classes, else the first class that was not learnt, else the last."""
    if RARE in classes:
        return RARE
    return next((name for name in classes if name not in learnt), classes[-1])


def load_whole(path: Path) -> Embeddings:
    """Embeddings that a pool can be made of. Raises `ManifestError`, or `MismatchError` where they lack columns."""
    whole = load_embeddings(path)
    if missing := {"case", "sha256"} - set(whole.frame):
        raise MismatchError(f"{path}: wanted the columns {', '.join(sorted(missing))}; embed the films again")
    return whole


def stored_pool(path: Path, classes: Sequence[str], transforms: Sequence[str]) -> tuple[Pool, list[str]]:
    """The pool of a file of embeddings, with nothing beside the encoder that made them; and notes."""
    whole = load_whole(path)
    chosen = choose_films(whole.frame, classes, ())
    base = base_of(whole.where(whole.frame["split"] == BASE), {}, (), transforms)
    trained = whole.where(chosen.kept)
    spaces = {TRAINED: Space(trained.vectors, trained.center)}
    return make_pool(trained, spaces, (), chosen.classes, base, transforms), chosen.notes


class ChosenFilms(NamedTuple):
    """Which rows take part, bool [N]: unseen in pretraining and of the `classes`; and notes on the others."""

    kept: pd.Series
    classes: tuple[str, ...]
    notes: list[str]


def choose_films(
    frame: pd.DataFrame, classes: Sequence[str], learnt: Sequence[str], *, own: bool = False
) -> ChosenFilms:
    """The films of an evaluation. `own`: they are the run's own, and that it has seen some of them is no news.

    Raises `EpisodeError` where there are no unseen films of two classes.
    """
    seen = frame["split"].isin(SEEN)
    notes = []
    if seen.any() and not own:
        notes.append(f"{seen.sum()} films left out: they, their patient or their twin were seen in pretraining")
    labels = frame["label"][~seen]
    chosen = tuple(classes) or choose_classes(labels, learnt)
    named = frame["label"].map(lambda label: class_of(label, chosen))
    if missing := sorted(set(chosen) - set(named[~seen].dropna())):
        found = ", ".join(sorted(set(labels))) or "none"
        raise EpisodeError(f"--classes: wanted unseen films of {', '.join(missing)}, got labels {found}; name others")
    if len(chosen) < 2:
        raise EpisodeError(f"--classes: wanted unseen films of two classes or more, got {', '.join(chosen) or 'none'}")
    if left_out := sorted(set(labels[named[~seen].isna()])):
        notes.append(f"labels that take no part: {', '.join(left_out)}; name them with --classes")
    return ChosenFilms(~seen & named.notna(), chosen, notes)


def base_of(
    trained: Embeddings, others: Mapping[str, Embeddings], learnt: Sequence[str], transforms: Sequence[str]
) -> BaseFilms | None:
    """Base films as several encoders see them, of the classes that were learnt, where there are two of these."""
    classes = learnt or sorted({label.split("/")[0] for label in trained.frame["label"]})
    named = np.array([class_of(label, classes) or "" for label in trained.frame["label"]])
    kept = named != ""
    if len(set(named[kept])) < 2:
        return None
    spaces = {
        name: transformed(Space(found.vectors[kept], found.center), transforms)
        for name, found in {TRAINED: trained, **others}.items()
    }
    return BaseFilms(spaces, named[kept], trained.frame["case"].to_numpy()[kept])


def make_pool(
    trained: Embeddings,
    spaces: Mapping[str, Space],
    learnt: tuple[str, ...],
    classes: Sequence[str],
    base: BaseFilms | None,
    transforms: Sequence[str],
) -> Pool:
    """The pool of the chosen films in several spaces, which are transformed as `transforms` says."""
    frame = trained.frame.copy()
    frame["class"] = [class_of(label, classes) for label in frame["label"]]
    moved = {name: transformed(space, transforms) for name, space in spaces.items()}
    return Pool(frame, moved, trained.encoder, learnt, base)
