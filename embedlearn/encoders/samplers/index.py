"""The films of a training, sorted once so that every class, cell and patient is one run of places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError

Indices = NDArray[np.int64]


class FilmIndex:
    """N films sorted by class, source and patient; a film's ordinal is its number in this order.

    A cell holds the films of one class, or of one class and source, where sources are given. Films of one class and
    one patient are kin; where no patients are given, every film is a patient of its own.

    `films`: int64 [N], the row of each ordinal; `label`, `cell` and `kin`: int64 [N], its class, cell and kin; `slot`:
    int64 [N], the number of its cell within the class.
    `starts`: int64 [cells + 1], cell i holds the ordinals from starts[i] up to starts[i + 1]; `sizes`: int64 [cells].
    `runs`: int64 [runs + 1], the same for the films of one cell and kin.
    `first_cells`: int64 [classes + 1], class i has the cells from first_cells[i] up to first_cells[i + 1].

    Raises `ArgumentError` for fewer than two classes, and for a class of a single film.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        *,
        sources: NDArray[np.integer] | None = None,
        patients: NDArray[np.integer] | None = None,
    ) -> None:
        self.labels, self.sources = labels, sources
        self.patients = np.arange(len(labels)) if patients is None else patients
        label, source, patient = (
            np.unique(column, return_inverse=True)[1]
            for column in (labels, np.zeros_like(labels) if sources is None else sources, self.patients)
        )
        counts = np.bincount(label)
        if len(counts) < 2:
            raise ArgumentError("training: wanted films of at least two classes, got one; add data or drop --classes")
        if counts.min() < 2:
            raise ArgumentError("training: a class has a single film, which makes no positive pair; add films")
        self.films: Indices = np.lexsort((patient, source, label))
        label, source, patient = label[self.films], source[self.films], patient[self.films]
        self.starts, self.runs = _edges(label, source), _edges(label, source, patient)
        self.sizes: Indices = np.diff(self.starts)
        self.first_cells: Indices = np.searchsorted(label[self.starts[:-1]], np.arange(len(counts) + 1))
        self.label = label
        self.cell = np.repeat(np.arange(len(self.sizes)), self.sizes)
        self.slot = self.cell - self.first_cells[label]
        self.kin: Indices = np.unique(label * len(label) + patient, return_inverse=True)[1]

    def name_class(self, ordinal: int) -> str:
        """The class of a film, for a message."""
        return f"class {self.labels[self.films[ordinal]]}"

    def name_cell(self, ordinal: int) -> str:
        """The class of a film, and its source where sources are given, for a message."""
        source = "" if self.sources is None else f" in source {self.sources[self.films[ordinal]]}"
        return self.name_class(ordinal) + source

    def name_patient(self, ordinal: int) -> str:
        """The patient of a film, for a message."""
        return f"patient {self.patients[self.films[ordinal]]}"


def shuffled(ordinals: Indices, length: int, random: np.random.Generator) -> Indices:
    """`length` entries of `ordinals`, int64 [n], permutation after permutation."""
    rounds = -(-length // len(ordinals))
    return random.permuted(np.tile(ordinals, (rounds, 1)), axis=1).reshape(-1)[:length]


def _edges(*columns: Indices) -> Indices:
    """Where runs of equal values begin in sorted columns, int64 [N] each, and N at the end."""
    changes = np.any([np.diff(column) != 0 for column in columns], axis=0)
    return np.concatenate([[0], np.flatnonzero(changes) + 1, [len(changes) + 1]])
