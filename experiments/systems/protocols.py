"""Films divided as the authors divided them, by image, and as they ought to be, by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.scoring import deal_folds
from embedlearn.errors import ManifestError
from embedlearn.radiographs.cases import twin_groups
from embedlearn.radiographs.manifest import class_of
from embedlearn.sources import Collection
from experiments.systems.judging import Answers
from experiments.systems.row import Protocol, Task

Rows = NDArray[np.int64]


class Part(NamedTuple):
    """Rows of the films trained on and tested on, int64 each."""

    train: Rows
    test: Rows


@dataclass(frozen=True, eq=False)
class Divided:
    """The films of a task, and a protocol's parts of them, as rows of `collection`."""

    collection: Collection
    labels: Rows
    cases: Rows
    classes: tuple[str, ...]
    parts: tuple[Part, ...]

    def answers(self, scores: Sequence[NDArray[np.float64]]) -> Answers:
        """What was said of each part's tested films, float64 [n, C] each, as answers to all of them."""
        tested = np.concatenate([part.test for part in self.parts])
        folds = np.repeat(np.arange(len(self.parts)), [len(part.test) for part in self.parts])
        return Answers(np.concatenate(scores), self.labels[tested], self.cases[tested], self.classes, folds)


def divide(collection: Collection, task: Task, protocol: Protocol) -> Divided:
    """The films that take part, int64 labels by the order of the task's classes, and what is trained on and tested.

    "by image" draws films by lot, whoever their patient is; "by patient" never tears a case, a patient with whatever
    near-identical film. Raises `ManifestError` where a class has too few.
    """
    coded = _codes(collection, task)
    kept = coded >= 0
    if not protocol.repeat_twins:
        rows = np.flatnonzero(kept)
        _, first = np.unique(twin_groups(collection.films)[rows], return_index=True)
        kept = np.isin(np.arange(len(kept)), rows[first])
    rng = np.random.default_rng(protocol.seed)
    if protocol.of_class:
        for code in range(len(task.classes)):
            there = np.flatnonzero(kept & (coded == code))
            kept[rng.permutation(there)[protocol.of_class :]] = False
    films = collection.where(kept)
    labels = coded[kept]
    cases = films.manifest.frame["case"].to_numpy(np.int64)
    classes = tuple(task.classes)
    _require_films(classes, labels, cases, protocol)
    groups = np.arange(len(labels)) if protocol.by == "image" else cases
    parts = _MADE[protocol.kind](labels, groups, protocol)
    return Divided(films, labels, cases, classes, tuple(parts))


def _codes(collection: Collection, task: Task) -> Rows:
    """The class of each film by its label, -1 for none, int64 [N]."""
    wanted = {label: code for code, labels in enumerate(task.classes.values()) for label in labels}
    named = [class_of(label, tuple(wanted)) for label in collection.manifest.frame["label"]]
    return np.array([-1 if name is None else wanted[name] for name in named], np.int64)


def _folds(labels: Rows, groups: Rows, protocol: Protocol) -> list[Part]:
    fold = deal_folds(labels, groups, protocol.folds, protocol.seed)
    return [Part(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(protocol.folds)]


def _holdout(labels: Rows, groups: Rows, protocol: Protocol) -> list[Part]:
    """One part, a share tested, the classes in their proportions."""
    if protocol.by == "image":
        from sklearn.model_selection import train_test_split

        rows = np.arange(len(labels))
        train, test = train_test_split(rows, test_size=protocol.test, random_state=protocol.seed, stratify=labels)
        return [Part(np.sort(train), np.sort(test))]
    fold = deal_folds(labels, groups, round(1 / protocol.test), protocol.seed)
    return [Part(np.flatnonzero(fold != 0), np.flatnonzero(fold == 0))]


def _each(labels: Rows, groups: Rows, protocol: Protocol) -> list[Part]:
    """One part, so many films of each class tested and as many left out to validate on, whole groups by lot."""
    rng = np.random.default_rng(protocol.seed)
    names, number = np.unique(groups, return_inverse=True)
    left = np.full((2, labels.max() + 1), protocol.each)
    side = np.full(len(names), 2)
    for group in rng.permutation(len(names)):
        mine = np.bincount(labels[number == group], minlength=left.shape[1])
        for place in (0, 1):
            if (mine <= left[place]).all():
                left[place] -= mine
                side[group] = place
                break
    if left.any():
        raise ManifestError(f"{protocol.name}: cases do not add up to {protocol.each} films a class; ask for others")
    return [Part(np.flatnonzero(side[number] == 2), np.flatnonzero(side[number] == 0))]


_MADE = {"folds": _folds, "holdout": _holdout, "each": _each}


def _require_films(classes: tuple[str, ...], labels: Rows, cases: Rows, protocol: Protocol) -> None:
    wanted = {"folds": protocol.folds, "holdout": 5, "each": 2 * protocol.each + 2}[protocol.kind]
    for code, name in enumerate(classes):
        here = labels == code
        count = int(here.sum()) if protocol.by == "image" or protocol.kind == "each" else len(set(cases[here]))
        if count < wanted:
            raise ManifestError(f"{protocol.name}: wanted {wanted} films or cases of {name} or more, got {count}")
