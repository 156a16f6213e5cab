"""The films that answers are made from: of the gallery's cases some of each class, or those that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.episodes.pool import choose_classes
from embedlearn.episodes.prediction import UNKNOWN
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.gallery.face import Store
from embedlearn.gallery.where import And
from embedlearn.radiographs.cases import components
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.splits import SEEN
from embedlearn.web.forms import MOST_EXAMPLES, Support

SAME = 1e-5  # difference in any number below which two embeddings are one film's
AT_MOST = 1_000  # of a class, from a gallery


@dataclass(frozen=True, eq=False)
class Examples:
    """Embeddings float32 [N, D] of length 1, their classes str [N], and cases int64 [N] that films of a patient share.

    `ids`: what each is called in the gallery; None where they were sent. `notes`: what to know of them.
    """

    vectors: NDArray[np.float32]
    labels: NDArray[np.str_]
    cases: NDArray[np.int64]
    ids: tuple[str, ...] | None
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, int]:
        """Examples of each class, by name."""
        names, counts = np.unique(self.labels, return_counts=True)
        return {str(name): int(count) for name, count in zip(names, counts, strict=True)}

    def showing(self, vector: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of them have this embedding, float32 [D], and so are the same film: bool [N]."""
        return np.asarray(np.abs(self.vectors - vector).max(axis=1) < SAME)

    def without(self, ids: set[str]) -> Examples:
        """Less those that are called so."""
        return self.where(np.array([name not in ids for name in self.ids])) if self.ids else self

    def where(self, kept: NDArray[np.bool_]) -> Examples:
        """Those for which the mask [N] holds."""
        if kept.all():
            return self
        ids = tuple(compress(self.ids, kept)) if self.ids else None
        return Examples(self.vectors[kept], self.labels[kept], self.cases[kept], ids, self.notes)


def sent_examples(support: Support, width: int) -> Examples:
    """The examples of a support that was sent. Raises `ArgumentError` where they cannot be embeddings of this width."""
    counts = {name: len(vectors) for name, vectors in support.classes.items()}
    if strange := [name for name in counts if not name.isprintable() or name != name.strip()]:
        raise ArgumentError(
            f"support: wanted names without blanks around them or signs that do not print, got {strange[0]!r}"
        )
    if UNKNOWN in counts:
        raise ArgumentError(f"support: {UNKNOWN} is what films are called that are of no class; name it otherwise")
    if len(counts) < 2:
        raise ArgumentError(f"support: wanted examples of two classes or more, got {', '.join(counts)} only")
    if (total := sum(counts.values())) > MOST_EXAMPLES:
        raise ArgumentError(f"support: wanted at most {MOST_EXAMPLES:,} examples, got {total:,}; send fewer")
    vectors = checked_embeddings([one for many in support.classes.values() for one in many], width, "support")
    labels = np.repeat(list(counts), list(counts.values()))
    return Examples(vectors, labels, np.arange(len(vectors)), None)


def checked_embeddings(vectors: Sequence[Sequence[float]], width: int, name: str) -> NDArray[np.float32]:
    """Embeddings that were sent, float32 [N, D]. Raises `ArgumentError` unless each is of `width` and of length 1."""
    if strange := next((len(one) for one in vectors if len(one) != width), None):
        raise ArgumentError(f"{name}: wanted embeddings of {width} numbers, got {strange}; take them from /v1/embed")
    rows = np.array(vectors, np.float64)
    if not (np.abs(rows).max(initial=0) <= 2 and (np.abs(np.linalg.norm(rows, axis=1) - 1) < 1e-2).all()):
        raise ArgumentError(f"{name}: wanted embeddings of length 1, as /v1/embed gives them; got another length")
    return rows.astype(np.float32)


def gallery_examples(store: Store, learnt: Sequence[str], classes: Sequence[str], seed: int) -> Examples:
    """Examples from a gallery: of each class up to `AT_MOST` cases that the encoder was not trained on, at random.

    `classes` to take; by default those the encoder learnt and covid-19, or every label where there is no such class.
    Raises `EpisodeError` where the gallery has no two classes.
    """
    classes = tuple(dict.fromkeys(classes))
    if "label" not in store.columns:
        raise EpisodeError("--gallery: wanted cases with labels, got none; make it of labelled films")
    rows = store.matching(And(()))
    cases = store.take(rows)
    labels = np.array([label or "" for label in cases.column("label").to_pylist()])
    unseen = ~np.isin(np.array(_texts(cases, "split")), SEEN)
    notes = []
    kept, chosen = _of_classes(labels, unseen, learnt, classes)
    if len(chosen) < 2 and not unseen.all():
        kept, chosen = _of_classes(labels, np.ones(len(labels), bool), learnt, classes)
        notes.append("the encoder was trained on some of the examples, so that answers may be surer than they should")
    if missing := sorted(set(classes) - set(chosen)):
        raise EpisodeError(f"--classes {' '.join(missing)}: no case of the gallery is of this class; leave it out")
    if len(chosen) < 2:
        found = ", ".join(sorted(set(labels) - {""})) or "none"
        raise EpisodeError(f"--gallery: wanted cases of two classes or more, got labels {found}; name --classes")
    named = np.array([class_of(label, chosen) or "" for label in labels])
    order = np.random.default_rng(seed).permutation(np.flatnonzero(kept))
    taken = np.sort(np.concatenate([order[named[order] == name][:AT_MOST] for name in chosen]))
    if len(taken) < kept.sum():
        notes.append(f"of each class at most {AT_MOST:,} cases are examples")
    part = cases.take(taken)
    return Examples(
        store.vectors_of(rows[taken]), named[taken], case_groups(part),
        tuple(part.column("id").to_pylist()), tuple(notes),
    )  # fmt: skip


def _of_classes(
    labels: NDArray[np.str_], allowed: NDArray[np.bool_], learnt: Sequence[str], classes: Sequence[str]
) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which cases take part, bool [N], and the classes that there are cases of."""
    there = sorted(set(labels[allowed]) - {"", "?"})
    wanted = tuple(classes) or choose_classes(there, learnt) if there else ()
    kept = allowed & np.array([label != "" and class_of(label, wanted) is not None for label in labels])
    return kept, tuple(name for name in wanted if any(class_of(label, wanted) == name for label in set(labels[kept])))


def case_groups(cases: pa.Table) -> NDArray[np.int64]:
    """Numbers, int64 [N], that cases of one patient or of near-identical pictures share."""
    edges = []
    for names in (_texts(cases, "patient"), _texts(cases, "twin")):
        first: dict[str, int] = {}
        edges += [(first.setdefault(name, row), row) for row, name in enumerate(names) if name]
    return components(edges, len(cases))


def _texts(cases: pa.Table, name: str) -> list[str]:
    """A column as text, empty where a case has none, or the gallery no such column."""
    column = cases.column(name).to_pylist() if name in cases.column_names else [None] * len(cases)
    return [value or "" for value in column]
