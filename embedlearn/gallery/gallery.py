"""The gallery: cases, searched for the most similar, in memory or in a folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery.about import About, Metric
from embedlearn.gallery.casetable import case_table, conformed
from embedlearn.gallery.exact import Floats, Rows
from embedlearn.gallery.folder import Folder, save_state
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.searching import Chosen, Plan
from embedlearn.gallery.state import State
from embedlearn.gallery.where import Condition

if TYPE_CHECKING:
    import pandas as pd


class Gallery:
    """Nearest neighbours over a growing set of cases, with scikit-learn's manners.

    `kind` is one of `kinds.NAMES`; `auto` compares all up to a million vectors, and above takes an index whose effort
    is tuned to `recall` (recall@10, .95 where none is named). `metric` is `euclidean` or `cosine`. `device`: `cpu`,
    `cuda`, or `auto`, which takes a GPU where FAISS sees one; `half`: half precision there.

    Rows are numbered in the order in which they came and keep their number until `compact`. What was added since the
    index was built is compared one by one; what was removed is skipped. Before `fit` or `open` everything but these
    two raises `RuntimeError`. Several threads may use one gallery; what they ask for is done one after the other.
    """

    def __init__(
        self,
        kind: str = "auto",
        metric: Metric = "euclidean",
        recall: float | None = None,
        device: str = "auto",
        half: bool = False,
        seed: int = 0,
    ) -> None:
        self.kind = kind
        self.metric: Metric = metric
        self.recall = recall
        self.device = device
        self.half = half
        self.seed = seed
        self._fitted: State | None = None
        self._folder: Folder | None = None
        self._changes = 0
        self._turn = threading.RLock()  # what is loaded when it is first needed, and a GPU, bear one thread at a time

    def fit(
        self,
        X: ArrayLike,
        rows: pa.Table | pd.DataFrame | None = None,
        *,
        encoder: str = "",
        preprocessing: str = "",
        salt: bytes | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Self:
        """Take in vectors `X` (float [N, D]) and a row for each, and build the index.

        `rows` has a column `id` of different strings, and any others; without it, row numbers are the ids. `encoder`
        and `preprocessing` name what made the vectors, `salt` what made the tokens in the rows, and `extra` is plain
        data; all are saved too. For `euclidean` a float32 matrix is kept as it is, not copied. Raises `ArgumentError`
        for vectors that are not finite or of length zero, and for ids that are missing or repeated.
        """
        X = checked_matrix(X, np.float32)
        about = About(X.shape[1] or 1, self.metric, encoder, preprocessing)
        vectors = about.checked(X)
        if not len(vectors):
            raise ArgumentError("X: wanted at least one vector, got none")
        try:
            json.dumps(extra, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ArgumentError(f"extra: wanted plain data that JSON can hold ({error})") from error
        table = case_table(rows, len(vectors))
        state = State.build(about, self._plan(), vectors, table)
        state.salt, state.salted, state.extra = salt, salt is not None, dict(extra or {})
        with self._turn:
            self.close()
            self._folder, self._fitted = None, state
            self._changes += 1
        return self

    @classmethod
    def open(cls, folder: Path | str, *, writable: bool = False, device: str = "auto", half: bool = False) -> Gallery:
        """The gallery in a folder that `save` wrote, as it is now: its generation and the changes since.

        Nothing large is read before it is needed, and everything is verified before it is used. With `writable`,
        `add`, `remove` and `compact` change the folder, each safely on the disk when it returns; there is one writer at
        a time. Close it, or use it in a `with` block. Raises `StorageError`.
        """
        gallery = cls(device=device, half=half)
        gallery._folder = Folder(Path(folder), writable)
        try:
            gallery._load(gallery._folder)
        except BaseException:
            gallery.close()
            raise
        return gallery

    def save(self, folder: Path | str, *, replace: bool = True) -> None:
        """Write a folder that `open` opens, compacted: as a new generation where it holds a gallery already.

        Raises `StorageError`, also where there is a gallery and it is not to be replaced.
        """
        with self._turn:
            save_state(self._state, Path(folder), replace)

    def add(self, X: ArrayLike, rows: pa.Table | pd.DataFrame | None = None) -> None:
        """Take in more vectors (float [M, D]) with their rows, whose columns are the gallery's or fewer of them.

        All or none: raises `ArgumentError` as `fit` does, and for an id that is here already; `StorageError` where the
        gallery was opened for reading, or the disk refuses.
        """
        with self._turn:
            state = self._state
            vectors = np.array(state.about.checked(X))  # a copy: the caller may write over X
            start = state.cases.unused(len(vectors)) if rows is None else 0
            table = conformed(case_table(rows, len(vectors), start), self.schema)
            state.cases.require_new(table)
            if self._folder:
                self._folder.record_added(vectors, table)
            state.add(vectors, table)
            self._changes += 1

    def remove(self, ids: Sequence[str]) -> int:
        """Take out the cases with these ids; how many there were. Raises `ArgumentError` for an id that is not here."""
        if isinstance(ids, str):
            raise ArgumentError(f"ids: wanted a list of ids, got the text {ids}")
        names = list(dict.fromkeys(ids))
        with self._turn:
            rows = self.find(names)
            if (rows < 0).any():
                missing = [name for name, row in zip(names, rows, strict=True) if row < 0]
                raise ArgumentError(f"id: {len(missing)} of {len(names)} are not in the gallery, such as {missing[0]}")
            if self._folder:
                self._folder.record_removed(rows)
            self._state.remove(rows)
            self._changes += 1
        return len(rows)

    def compact(self) -> None:
        """Fold in what was added, drop what was removed, and number the rows anew; in a folder, as a new generation.

        Lists and codes stay as they were learnt, a graph is built anew; what `auto` takes is decided again. Raises
        `ArgumentError` where no case is left.
        """
        with self._turn:
            if self._folder:
                self._folder.compact(self._state)
                self._load(self._folder)
            else:
                self._fitted = self._state.compacted()
                self._changes += 1

    def kneighbors(self, X: ArrayLike, k: int = 10, where: Condition | None = None) -> tuple[Floats, Rows]:
        """The `k` nearest cases of each row of `X` (float [M, D]) that meet the condition, nearest first.

        Returns distances (float32 [M, k]) and rows (int64 [M, k]); of cases equally far the lower row comes first.
        Where fewer than `k` are found, inf and -1. Raises `ArgumentError` for a `k` below 1, vectors of another width,
        NaN or length zero, and a condition on a column that is not there.
        """
        if not (isinstance(k, int | np.integer) and k >= 1):
            raise ArgumentError(f"k: wanted a whole number, 1 or more, got {k}")
        with self._turn:
            state = self._state
            squared, rows = state.search(state.about.checked(X), k, where)
        return state.about.distances(squared), rows

    def find(self, ids: Sequence[str]) -> Rows:
        """The row of each id, -1 where it is not in the gallery."""
        with self._turn:
            return self._state.cases.find(ids)

    def matching(self, where: Condition) -> Rows:
        """The rows of all cases that meet the condition, in order. Raises `ArgumentError` as `kneighbors` does."""
        with self._turn:
            return self._state.matching(where)

    def take(self, rows: ArrayLike) -> pa.Table:
        """What is known of these rows (int [N]), in this order. Raises `ArgumentError` where there is none such."""
        with self._turn:
            return self._state.cases.rows.take(pa.array(self._state.cases.numbers(rows)))

    def vectors_of(self, rows: ArrayLike) -> Floats:
        """The vectors of these rows (int [N]), float32 [N, D]. Raises `ArgumentError` where there is none such."""
        with self._turn:
            return self._state.vectors_of(self._state.cases.numbers(rows))

    def values(self, column: str) -> list[str]:
        """The values of a column of text, each once, in order; none where there is no such column."""
        with self._turn:
            if column not in self.columns:
                return []
            found = self._state.cases.rows.column(column).filter(self._state.cases.is_live).unique().to_pylist()
        return sorted(value for value in found if value is not None)

    def __len__(self) -> int:
        return len(self._state.cases)

    @property
    def revision(self) -> str:
        """A word for what is here now, in its folder where it has one: another one after every change, by anyone.

        Raises `StorageError` where the folder holds no gallery any more, or cannot be read.
        """
        return self._folder.revision if self._folder else self.loaded

    @property
    def loaded(self) -> str:
        """The revision of what is searched, which stays the same where the gallery was opened for reading."""
        return self._folder.loaded if self._folder else f"memory-{self._changes}"

    @property
    def about(self) -> About:
        """The vectors' width, metric and encoder."""
        return self._state.about

    @property
    def chosen(self) -> Chosen:
        """The kind of index that was built, why, and the recall that was measured."""
        return self._state.chosen

    @property
    def pending(self) -> int:
        """Cases added or removed since the index was built, which `compact` folds in."""
        return self._state.pending

    @property
    def schema(self) -> pa.Schema:
        """The columns of what is known of each case, `id` first, with their types."""
        with self._turn:
            return self._state.cases.schema

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.schema.names)

    @property
    def salt(self) -> bytes | None:
        """What made the tokens that stand for names; None where they are plain, or it was taken away."""
        return self._state.salt

    @property
    def extra(self) -> Mapping[str, Any]:
        """The plain data that was saved with the gallery."""
        return self._state.extra

    @property
    def names(self) -> Identities:
        """How films and patients are named here. Raises `StorageError` where the salt was taken away."""
        if self._state.salted and self.salt is None:
            raise StorageError("the gallery's salt is not here: cases are found by its ids only; restore the file salt")
        return Identities(self.salt)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the folder, once what is being asked is answered; may be called again."""
        with self._turn:
            if self._folder:
                self._folder.close()

    @property
    def _state(self) -> State:
        if self._fitted is None:
            raise RuntimeError("the gallery holds nothing yet: call fit, or Gallery.open")
        return self._fitted

    def _plan(self) -> Plan:
        return Plan(self.kind, self.recall, self.device, self.half, self.seed)

    def _load(self, folder: Folder) -> None:
        self._fitted = state = folder.load(self._plan())
        self.kind, self.recall, self.seed, self.metric = (
            state.plan.kind, state.plan.recall, state.plan.seed, state.about.metric,
        )  # fmt: skip
