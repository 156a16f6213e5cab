"""Random partners of anchors: a film of the anchor's class under the rule for patients, and one of another class."""

from __future__ import annotations

import numpy as np

from embedlearn.encoders.samplers.index import FilmIndex, Indices
from embedlearn.errors import ArgumentError


class Partners:
    """Partners among the films of `index`, by ordinal; `rule` is what `Sampler` calls `positives`.

    The positives of a film are a run of each cell of its class, less a gap: all of the cell less the film's kin, or the
    kin less the film itself ("same"). Where every film is a patient of its own, "any" is "different".

    `anchors`: of each cell the films that have a positive, int64 [A]. Raises `ArgumentError` where a cell has none.
    """

    def __init__(self, index: FilmIndex, rule: str) -> None:
        self.index, self.rule = index, rule
        cell, run = index.starts[:-1], index.runs[:-1]
        self.cells = _tabulate(index.label[cell], index.slot[cell], cell, index.sizes)
        self.kin = _tabulate(index.kin[run], index.slot[run], run, np.diff(index.runs))
        able = np.any(self._positives_of(np.arange(len(index.films)))[1], axis=1)
        self.anchors = [part[able[part]] for part in np.split(np.arange(len(able)), cell[1:])]
        for start, anchors in zip(cell, self.anchors, strict=True):
            if not len(anchors):
                raise self._refusal(start)

    def positives(self, anchors: Indices, random: np.random.Generator) -> Indices:
        """A positive of each of `anchors`, int64 [A], never itself: the cell is drawn first, of those that have one."""
        start, free, gap_start, gap = self._positives_of(anchors)
        slot = np.where(free > 0, random.random(free.shape), -1).argmax(axis=1)
        start, free, gap_start, gap = (table[np.arange(len(slot)), slot] for table in (start, free, gap_start, gap))
        chosen: Indices = start + random.integers(free)
        chosen += gap * (chosen >= gap_start)
        return chosen

    def negatives(self, anchors: Indices, random: np.random.Generator) -> Indices:
        """A film of another class for each of `anchors`, int64 [A]: the class is drawn first, then cell and film."""
        first_cells = self.index.first_cells
        label = random.integers(0, len(first_cells) - 2, len(anchors))
        label += label >= self.index.label[anchors]
        cell = first_cells[label] + random.integers(np.diff(first_cells)[label])
        chosen: Indices = self.index.starts[cell] + random.integers(self.index.sizes[cell])
        return chosen

    def _positives_of(self, anchors: Indices) -> tuple[Indices, Indices, Indices, Indices]:
        """Where the positives of `anchors` lie, in each cell of the class: four arrays int64 [A, slots].

        They are the start of the run, its films less the gap, the start of the gap, and its films in that cell.
        """
        kin_start, kin = self.kin[:, self.index.kin[anchors]]
        if self.rule == "same":
            itself = self.index.slot[anchors, None] == np.arange(kin.shape[1])
            return kin_start, kin - itself, np.broadcast_to(anchors[:, None], kin.shape), itself.astype(np.int64)
        start, size = self.cells[:, self.index.label[anchors]]
        return start, size - kin, kin_start, kin

    def _refusal(self, film: int) -> ArgumentError:
        name_class, name_cell = self.index.name_class(film), self.index.name_cell(film)
        if self.rule == "same":
            return ArgumentError(
                f"--patients same: {name_cell} has no patient with two films of the class; add films or use"
                " --patients any"
            )
        return ArgumentError(
            f"--patients different: {name_class} has films of {self.index.name_patient(film)} only; add films of others"
            " or use --patients any"
        )


def _tabulate(rows: Indices, columns: Indices, *values: Indices) -> Indices:
    """Each of `values` at its row and column, int64 [values, rows, columns]; 0 where there is none."""
    tables = np.zeros((len(values), rows.max() + 1, columns.max() + 1), np.int64)
    tables[:, rows, columns] = values
    return tables
