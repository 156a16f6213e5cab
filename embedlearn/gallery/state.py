"""What a gallery is at a moment: vectors with an index over them, rows, and what was added and removed since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.gallery.about import About
from embedlearn.gallery.approximate import ApproximateIndex
from embedlearn.gallery.casetable import CaseTable
from embedlearn.gallery.exact import Floats, Rows, exact_neighbours, nearest_first
from embedlearn.gallery.searching import Chosen, Plan, Searcher, build_index
from embedlearn.gallery.where import Condition

Mask = NDArray[np.bool_]
AT_ONCE = 16_384  # queries


class State:
    """Cases that are searched, added and removed; everything that is handed in was checked before.

    `load` gives the searcher over the first vectors when they are first needed. `salt`, `salted` (whether there was
    one, even if it was taken away) and `extra` are what is saved beside the cases.
    """

    def __init__(
        self,
        about: About,
        chosen: Chosen,
        plan: Plan,
        cases: CaseTable,
        load: Callable[[], Searcher],
        salt: bytes | None = None,
        salted: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.about, self.chosen, self.plan, self.cases = about, chosen, plan, cases
        self.salt, self.salted, self.extra = salt, salted or salt is not None, dict(extra or {})
        self._load = load
        self._late: list[Floats] = []
        self._masks: tuple[tuple[Condition | None, int, int], Mask, Mask] | None = None

    @classmethod
    def build(cls, about: About, plan: Plan, vectors: Floats, rows: pa.Table) -> State:
        """A state with a fresh index."""
        index, chosen = build_index(vectors, plan)
        return cls(about, chosen, plan, CaseTable(len(rows), lambda: rows), lambda: Searcher(vectors, index, plan))

    @cached_property
    def searcher(self) -> Searcher:
        """Search over the first vectors."""
        return self._load()

    @property
    def late(self) -> Floats:
        """The vectors that came after the index was built, float32 [L, D]."""
        if len(self._late) != 1:
            self._late = [np.concatenate([np.empty((0, self.about.dimension), np.float32), *self._late])]
        return self._late[0]

    @property
    def pending(self) -> int:
        """Cases added or removed since the index was built."""
        return len(self.late) + len(self.cases.gone)

    def add(self, vectors: Floats, rows: pa.Table) -> None:
        """Take in cases."""
        self._late.append(vectors)
        self.cases.append(rows)

    def remove(self, rows: Rows) -> None:
        """Take out the cases in these rows."""
        self.cases.remove(rows)

    def search(self, queries: Floats, k: int, where: Condition | None) -> tuple[Floats, Rows]:
        """Squared distances and rows of the `k` nearest that meet the condition, as `exact_neighbours` gives them."""
        if len(queries) > AT_ONCE:  # candidates take more memory than answers
            parts = [self.search(queries[n : n + AT_ONCE], k, where) for n in range(0, len(queries), AT_ONCE)]
            return np.concatenate([squared for squared, _ in parts]), np.concatenate([rows for _, rows in parts])
        early, late = self._allowed(where)
        squared, rows = self.searcher.search(queries, k, early)
        if len(self.late):
            more, places = exact_neighbours(queries, self.late, k, late)
            places[places >= 0] += len(self.searcher.vectors)
            squared, rows = nearest_first(np.hstack([squared, more]), np.hstack([rows, places]), k)
        return squared, rows

    def matching(self, where: Condition) -> Rows:
        """The rows of all cases that meet the condition, in order."""
        return np.flatnonzero(self._meeting(where))

    def vectors_of(self, rows: Rows) -> Floats:
        """The vectors of these rows, float32 [N, D]."""
        first = len(self.searcher.vectors)
        vectors = np.empty((len(rows), self.about.dimension), np.float32)
        early = rows < first
        self.searcher.touch(rows[early])
        vectors[early] = self.searcher.vectors[rows[early]]
        vectors[~early] = self.late[rows[~early] - first]
        return vectors

    def live_rows(self) -> Rows:
        """The rows of the cases that are here. Raises `ArgumentError` where there is none."""
        live = np.flatnonzero(self.cases.is_live)
        if not len(live):
            raise ArgumentError("no case is left in the gallery; add some, or build it anew")
        return live

    def index_over(self, vectors: Floats) -> tuple[ApproximateIndex | None, Chosen]:
        """The index over the live cases' vectors: the one at hand where nothing changed, else one that is built."""
        if not self.pending:
            return self.searcher.index, self.chosen
        return build_index(vectors, self.plan, self.searcher.index)

    def compacted(self) -> State:
        """The live cases, numbered anew, with an index over all of them."""
        live = self.live_rows()
        vectors, rows = self.vectors_of(live), self.cases.rows.take(pa.array(live))
        index, chosen = self.index_over(vectors)
        cases = CaseTable(len(rows), lambda: rows)
        load = lambda: Searcher(vectors, index, self.plan)  # noqa: E731
        return State(self.about, chosen, self.plan, cases, load, self.salt, self.salted, self.extra)

    def _allowed(self, where: Condition | None) -> tuple[Mask | None, Mask | None]:
        """Which of the first and of the later rows may be found; None for all. The last answer is kept."""
        if where is None and not self.cases.gone:
            return None, None
        state = (where, self.cases.count, len(self.cases.gone))
        if self._masks is None or self._masks[0] != state:
            allowed, first = self._meeting(where), len(self.searcher.vectors)
            self._masks = (state, allowed[:first], allowed[first:])
        return self._masks[1:]

    def _meeting(self, where: Condition | None) -> Mask:
        """Which rows are here and meet the condition, bool [rows ever numbered]."""
        live = self.cases.is_live
        return live if where is None else where.check(self.cases.schema).mask(self.cases.rows) & live
