"""The gallery's face over PostgreSQL: as `Gallery`, with every change a transaction and conditions as SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.about import About
from embedlearn.gallery.casetable import case_table, conformed
from embedlearn.gallery.exact import Floats, Rows
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.postgres import migrations
from embedlearn.gallery.postgres.changes import Load, change_once, delete_cases
from embedlearn.gallery.postgres.columns import kept_schema, read_vectors
from embedlearn.gallery.postgres.database import PATIENCE, Database, execute, quoted
from embedlearn.gallery.postgres.ours import Ours
from embedlearn.gallery.postgres.search import MOST_IN_VIEW, Search, distinct
from embedlearn.gallery.where import Condition

if TYPE_CHECKING:
    import pandas as pd

    from embedlearn.gallery.postgres.database import Connection

Result = TypeVar("Result")
KINDS = ("exact", "hnsw")
WIDEST = {"exact": 16_000, "hnsw": 2_000}  # numbers in a vector that pgvector keeps, and that its graphs take
EF_SEARCH = 100  # vectors that a search of the graph keeps in view
AT_ONCE = 500  # queries that are sent before answers are read


class PostgresGallery:
    """A gallery in a PostgreSQL database, with the face of `Gallery`: made by `create`, or opened by `open`.

    `kind` is `exact`, where every case that meets the condition is compared, or `hnsw`, where pgvector's graph is
    searched with `ef_search` cases in view, 1 to 1,000. Any number of processes and threads may read and change it at
    once. A change is kept by the server when the call returns, whole or not at all; where the connection breaks it is
    made again, and only once. Rows are numbered as they come, with gaps where changes failed. Where a gallery of
    another encoder, of other columns or with another salt takes the name, cases can no longer be asked for or changed.

    Attributes: `about`, `kind`, `ef_search`, `schema` (the columns with the types that PostgreSQL keeps), `salt` (what
    made the tokens that stand for names, None where there is none), `extra` (plain data kept with the gallery) and
    `loaded` (the `revision` when it was opened; answers are always of the cases that are there now).
    """

    def __init__(self, database: Database, name: str, layout: migrations.Layout, loaded: str, ef_search: int) -> None:
        require_number("ef_search", ef_search, 1, MOST_IN_VIEW)
        self.about = layout.about
        self.schema = layout.columns
        self.kind = layout.kind
        self.salt = layout.salt
        self.extra = layout.extra
        self.loaded = loaded
        self.ef_search = ef_search
        self.name = name
        self._salted = layout.salted
        self._database = database
        self._schema = migrations.schema_of(name)
        self._cases = f"{self._schema}.cases"
        self._ours = Ours(name, layout, loaded.partition("-")[0])

    @classmethod
    def create(
        cls,
        url: str,
        name: str,
        about: About,
        columns: pa.Schema,
        *,
        kind: str = "exact",
        salt: bytes | None = None,
        extra: Mapping[str, Any] | None = None,
        ef_search: int = EF_SEARCH,
        connections: int = 4,
        patience: float = PATIENCE,
    ) -> Self:
        """Make an empty gallery in the database at `url` and open it.

        `columns` are those of the rows to come, `id` among them; text, numbers, truth values and dates are kept. With
        `hnsw` the graph grows with every case; for a large load it is faster to `index` when all are in. `salt` is what
        made the tokens in the rows, `extra` plain data to keep. Raises `ArgumentError` for a name that is taken or
        cannot be one, for columns and vectors that cannot be kept; `StorageError` where the server cannot be reached,
        has no pgvector, or refuses.
        """
        migrations.schema_of(name)
        require_choice("kind", kind, KINDS)
        require_number("dimension", about.dimension, 1, WIDEST[kind])
        layout = migrations.Layout(about, kept_schema(columns), kind, salt is not None, salt, dict(extra or {}))
        with Database.opened(url, connections, patience, keep=True) as database:
            database.run(lambda connection: migrations.create(connection, name, layout))
            loaded = database.run(lambda connection: migrations.read_revision(connection, name))
            return cls(database, name, layout, loaded, ef_search)

    @classmethod
    def open(
        cls, url: str, name: str, *, ef_search: int = EF_SEARCH, connections: int = 4, patience: float = PATIENCE
    ) -> Self:
        """The gallery with this name, brought up to date where an older embedlearn made it.

        `connections`: how many threads can ask at a time; `patience`: seconds that a server may be away. Raises
        `ArgumentError` where there is none, `StorageError` where a newer embedlearn made it, and as `create` does.
        """
        migrations.schema_of(name)
        with Database.opened(url, connections, patience, keep=True) as database:
            layout, loaded = database.run(lambda connection: migrations.read_all(connection, name))
            return cls(database, name, layout, loaded, ef_search)

    @staticmethod
    def exists(url: str, name: str) -> bool:
        """Whether there is a gallery of this name. Raises `StorageError` where that cannot be told."""
        migrations.schema_of(name)
        with Database.opened(url) as database:
            return database.run(lambda connection: migrations.exists(connection, name))

    @staticmethod
    def drop(url: str, name: str) -> None:
        """Remove the gallery with all its cases. Raises `ArgumentError` where there is none."""
        migrations.schema_of(name)
        with Database.opened(url) as database:
            database.run(lambda connection: migrations.drop(connection, name))

    @staticmethod
    def rename(url: str, name: str, to: str, *, replace: bool = False) -> None:
        """Give a gallery another name; with `replace` it takes the place of the one of that name, in one transaction.

        Raises `ArgumentError` where there is none called `name`, or there is one called `to` that is not replaced.
        """
        for each in (name, to):
            migrations.schema_of(each)
        with Database.opened(url) as database:
            database.run(lambda connection: migrations.rename(connection, name, to, replace))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the server; may be called again."""
        self._database.close()

    def __len__(self) -> int:
        [(count,)] = self._ask(f"SELECT coalesce(sum(cases), 0)::bigint FROM {self._schema}.changes")
        return int(count)

    @property
    def revision(self) -> str:
        """A word for what is in the gallery of this name now, another one after every change and where it is replaced.

        Raises `StorageError`, also where there is none of this name any more.
        """
        return self._database.run(lambda connection: migrations.read_revision(connection, self.name))

    @property
    def columns(self) -> list[str]:
        """The names of what is known of each case."""
        return list(self.schema.names)

    @property
    def names(self) -> Identities:
        """How films and patients are named here. Raises `StorageError` where the salt was taken away."""
        if self._salted and self.salt is None:
            raise StorageError(
                f"gallery {self.name}: its salt is not there: cases are found by its ids only; restore it"
            )
        return Identities(self.salt)

    def values(self, column: str) -> list[str]:
        """The values of a column of text, each once, in order; none where there is no such column."""
        if column not in self.columns:
            return []
        return [value for (value,) in self._ask(distinct(self._cases, column))]

    def add(self, X: ArrayLike, rows: pa.Table | pd.DataFrame, *, skip_existing: bool = False) -> int:
        """Take in vectors (float [M, D]) with their rows, whose columns are the gallery's or fewer; how many it took.

        All or none. With `skip_existing`, cases whose ids are here already are passed over, so that a load that was
        killed can be run again. Raises `ArgumentError` for vectors that are not finite, of length zero or of another
        width, and for ids that are missing, repeated or here already; `StorageError`.
        """
        import psycopg

        vectors = self.about.checked(X)
        load = Load(vectors, conformed(case_table(rows, len(vectors)), self.schema))
        known: set[str] = set()
        while True:
            try:
                copy = self._ours(partial(load.copy, self._cases, skip_existing))
                return change_once(self._database, self._schema, copy)
            except psycopg.errors.UniqueViolation:
                before, known = known, self._database.run(partial(load.known, self._cases))
                if skip_existing and known > before:
                    continue  # another writer has just brought one of them, which is passed over now
                count, example = f"{len(known)} of {len(vectors)}", f", such as {min(known)}" if known else ""
                raise ArgumentError(f"id: {count} are in the gallery already{example}") from None

    def remove(self, ids: Sequence[str]) -> int:
        """Take out the cases with these ids; how many there were. Raises `ArgumentError` for an id that is not here."""
        return -change_once(self._database, self._schema, self._ours(partial(delete_cases, self._cases, set(ids))))

    def index(self, memory: int | None = None) -> None:
        """Build the graph over all cases and search it from now on; other processes do once they open the gallery.

        Meanwhile others can search, and wait with their changes. `memory`: MB that the server may take for it, its own
        setting where None; a graph that does not fit takes longer. Raises `ArgumentError` for vectors too wide for a
        graph; `StorageError`.
        """
        require_number("dimension", self.about.dimension, 1, WIDEST["hnsw"])
        self._database.run(lambda connection: migrations.index_vectors(connection, self._schema, memory))
        self.kind = "hnsw"

    def kneighbors(self, X: ArrayLike, k: int = 10, where: Condition | None = None) -> tuple[Floats, Rows]:
        """The `k` nearest cases of each row of `X` (float [M, D]) that meet the condition, nearest first.

        Returns distances (float32 [M, k]) and rows (int64 [M, k]); of cases equally far the lower row comes first.
        Where fewer than `k` are found, inf and -1. Raises `ArgumentError` for a `k` below 1, vectors of another width,
        NaN or length zero, and a condition on a column that is not there; `StorageError`.
        """
        if k < 1:
            raise ArgumentError(f"k: wanted 1 or more, got {k}")
        queries = self.about.checked(X)
        condition, values = where.check(self.schema).sql() if where else ("", [])
        search = Search(self._cases, k, condition, values, self.ef_search if self.kind == "hnsw" else 0)
        squared = np.full((len(queries), k), np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for start in range(0, len(queries), AT_ONCE):
            part = queries[start : start + AT_ONCE].tolist()
            for place, answer in enumerate(self._run(partial(search.answer, part)), start):
                found, far = np.array(answer, np.float64).reshape(-1, 2).T
                order = np.lexsort((found, far))[:k]
                rows[place, : len(order)], squared[place, : len(order)] = found[order], far[order] ** 2
        return self.about.distances(squared), rows

    def find(self, ids: Sequence[str]) -> Rows:
        """The row of each id, -1 where it is not in the gallery."""
        known = dict(self._ask(f'SELECT id, "row" FROM {self._cases} WHERE id = ANY(%s)', (list(ids),)))
        return np.array([known.get(name, -1) for name in ids], np.int64)

    def matching(self, where: Condition) -> Rows:
        """The rows of all cases that meet the condition, in order. Raises `ArgumentError` as `kneighbors` does."""
        condition, values = where.check(self.schema).sql()
        found = self._ask(f'SELECT "row" FROM {self._cases} WHERE {condition} ORDER BY "row"', values)
        return np.array([row for (row,) in found], np.int64)

    def take(self, rows: ArrayLike) -> pa.Table:
        """What is known of these rows (int [N]), in this order. Raises `ArgumentError` for a row that is not here."""
        names = ", ".join(quoted(name) for name in self.columns)
        chosen = self._fetch(names, rows)
        columns = zip(*chosen, strict=True) if chosen else [()] * len(self.columns)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, self.schema.types, strict=True)]
        return pa.table(arrays, schema=self.schema)

    def vectors_of(self, rows: ArrayLike) -> Floats:
        """The vectors of these rows (int [N]), float32 [N, D]. Raises `ArgumentError` for a row that is not here."""
        return read_vectors([sent for (sent,) in self._fetch("vector_send(vector)", rows)], self.about.dimension)

    def _fetch(self, what: str, rows: ArrayLike) -> list[tuple[Any, ...]]:
        """The expressions `what` of these rows, in this order."""
        chosen: list[int] = np.asarray(rows, np.int64).tolist()
        found = self._ask(f'SELECT "row", {what} FROM {self._cases} WHERE "row" = ANY(%s)', (chosen,))
        known = {row: tuple(values) for row, *values in found}
        if missing := [row for row in chosen if row not in known]:
            raise ArgumentError(f"rows: there is no case in row {missing[0]}; wanted rows that kneighbors or find gave")
        return [known[row] for row in chosen]

    def _ask(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._run(lambda connection: execute(connection, text, values, binary=True).fetchall())

    def _run(self, action: Callable[[Connection], Result]) -> Result:
        return self._database.run(self._ours(action))
