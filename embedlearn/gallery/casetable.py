"""What is known of a gallery's cases: a table with a row for each vector, growing and never renumbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd

ID = "id"
FEW_VALUES = ("label", "source", "view", "split")  # kept as a dictionary and codes
TEXT = (*FEW_VALUES, "patient", "twin")  # of text also where every value is missing


class CaseTable:
    """Rows of cases, by number. The first `count` are loaded when they are first needed; a removed one loses its id."""

    def __init__(self, count: int, load: Callable[[], pa.Table]) -> None:
        self._first = count
        self._load = load
        self._later: list[pa.Table] = []
        self._later_names: list[str] = []
        self._later_ids: dict[str, int] = {}
        self._joined: pa.Table | None = None
        self.gone: set[int] = set()
        self.count = count
        """Rows ever numbered, removed ones with them."""

    def __len__(self) -> int:
        return self.count - len(self.gone)

    @property
    def rows(self) -> pa.Table:
        """All rows, removed ones with them."""
        if self._joined is None:
            self._joined = (
                pa.concat_tables([self._base, *self._later]).unify_dictionaries() if self._later else self._base
            )
        return self._joined

    @property
    def schema(self) -> pa.Schema:
        """The columns and their types."""
        return self._base.schema

    @property
    def is_live(self) -> NDArray[np.bool_]:
        """Which rows are not removed, bool [count]."""
        live = np.ones(self.count, bool)
        live[list(self.gone)] = False
        return live

    def numbers(self, rows: ArrayLike) -> NDArray[np.int64]:
        """Rows as int64 [N]. Raises `ArgumentError` where one is not here."""
        numbers = np.asarray(rows, np.int64)
        if numbers.ndim != 1:
            raise ArgumentError(f"rows: wanted a list of numbers, got shape {numbers.shape}")
        if len(strange := numbers[(numbers < 0) | (numbers >= self.count)]):
            raise ArgumentError(f"rows: wanted numbers from 0 to {self.count - 1}, got {strange[0]}")
        return numbers

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """The row of each id, -1 where there is none (any more). Raises `ArgumentError` for what is no list."""
        names = np.array(ids, dtype=object)
        if names.ndim != 1:
            raise ArgumentError(f"ids: wanted a list of ids, got {type(ids).__name__}")
        found = np.asarray(self._base_ids.get_indexer(names), np.int64)
        if self.gone:
            found[[row in self.gone for row in found.tolist()]] = -1
        for place, name in enumerate(names):
            if (row := self._later_ids.get(name)) is not None:
                found[place] = row
        return found

    def require_new(self, rows: pa.Table) -> None:
        """Raise `ArgumentError` where an id is here already."""
        names = rows.column(ID).to_pylist()
        known = self.find(names) >= 0
        if known.any():
            first = names[int(np.flatnonzero(known)[0])]
            raise ArgumentError(f"id: {int(known.sum())} of {len(names)} are in the gallery already, such as {first}")

    def unused(self, count: int) -> int:
        """A number from which on `count` numbers are nobody's id."""
        start = self.count
        while (self.find([str(start + number) for number in range(count)]) >= 0).any():
            start *= 2
        return start

    def append(self, rows: pa.Table) -> None:
        """Take in rows of the same columns, as `conformed` gives them."""
        names = rows.column(ID).to_pylist()
        self._later_ids.update((name, self.count + place) for place, name in enumerate(names))
        self._later_names += names
        self._later.append(rows)
        self._joined = None
        self.count += len(rows)

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Forget the ids of these rows."""
        self.gone.update(rows.tolist())
        for row in rows[rows >= self._first].tolist():
            del self._later_ids[self._later_names[row - self._first]]

    @cached_property
    def _base(self) -> pa.Table:
        return self._load()

    @cached_property
    def _base_ids(self) -> Any:
        import pandas as pd

        return pd.Index(self._base.column(ID).to_pandas(), dtype=object)


def case_table(rows: pa.Table | pd.DataFrame | None, count: int, start: int = 0) -> pa.Table:
    """`rows` as a table with a column `id` of `count` different strings; without rows, the ids count from `start`.

    Raises `ArgumentError` where there are more or fewer rows, ids are missing, or an id or a column is there twice.
    """
    table = _as_table({ID: [str(start + number) for number in range(count)]} if rows is None else rows)
    if len(table) != count:
        raise ArgumentError(f"rows: wanted one for each of {count} vectors, got {len(table)}")
    if ID not in table.column_names:
        raise ArgumentError(f"rows: wanted a column {ID}, got {', '.join(table.column_names)}")
    if repeated := [name for name, times in Counter(table.column_names).items() if times > 1]:
        raise ArgumentError(f"rows: there is more than one column {repeated[0]}; leave one out")
    try:
        names = table.column(ID).cast(pa.string())
    except pa.ArrowException as error:
        raise ArgumentError(f"id: wanted text, got {table.column(ID).type}") from error
    if names.null_count:
        raise ArgumentError(f"id: {names.null_count} of {count} are missing; every case needs one")
    if count and (often := Counter(names.to_pylist()).most_common(1)[0])[1] > 1:
        raise ArgumentError(f"id: {often[0]} is there {often[1]} times; every case needs its own")
    columns = {ID: names, **{name: _encoded(name, table.column(name)) for name in table.column_names if name != ID}}
    return pa.table(columns).unify_dictionaries()


def conformed(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """`rows` in the columns of a gallery, those that they lack being missing values.

    Raises `ArgumentError` for a column that the gallery does not have, or values of another type.
    """
    if unknown := sorted(set(rows.column_names) - set(schema.names)):
        raise ArgumentError(f"rows: the gallery has no column {', '.join(unknown)}; it has {', '.join(schema.names)}")
    columns = []
    for field in schema:
        if field.name not in rows.column_names:
            columns.append(pa.nulls(len(rows), field.type))
            continue
        try:
            columns.append(rows.column(field.name).cast(field.type))
        except pa.ArrowException as error:
            reason = str(error).splitlines()[0]
            raise ArgumentError(f"{field.name}: wanted values of the type {field.type} ({reason})") from error
    return pa.table(columns, schema=schema)


def _as_table(rows: Any) -> pa.Table:
    if isinstance(rows, pa.Table):
        return rows
    try:
        return pa.table(rows) if isinstance(rows, dict) else pa.Table.from_pandas(rows, preserve_index=False)
    except (pa.ArrowException, AttributeError, TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ArgumentError(f"rows: wanted a table with one type of values in a column ({reason})") from error


def _encoded(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as strings, in columns of few values as a dictionary and codes, whichever of Arrow's types it came in."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
    if is_text or (pa.types.is_null(column.type) and name in TEXT):
        column = column.cast(pa.string())
    return column.dictionary_encode() if name in FEW_VALUES and pa.types.is_string(column.type) else column
