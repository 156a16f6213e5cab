"""A gallery's columns in PostgreSQL: the types they are kept in, and rows on their way to the server and back."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError

UTC = pa.timestamp("us", "UTC")
SQL_TYPES = {
    pa.string(): 'text COLLATE "C"',  # ordered as Python orders text
    pa.int64(): "bigint",
    pa.float64(): "double precision",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    UTC: "timestamptz",
}
BY_NAME = {str(kind): kind for kind in SQL_TYPES}
TAKEN = {"row", "vector", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}  # ours, and PostgreSQL's own
LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer

_KEPT: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
    (pa.types.is_string, pa.string()),
    (pa.types.is_large_string, pa.string()),
    (pa.types.is_null, pa.string()),
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_boolean, pa.bool_()),
    (pa.types.is_date, pa.date32()),
    (lambda kind: pa.types.is_timestamp(kind) and kind.tz is None, pa.timestamp("us")),
    (pa.types.is_timestamp, UTC),
)


def kept_schema(schema: pa.Schema) -> pa.Schema:
    """The columns with the types in which PostgreSQL keeps them: 64-bit numbers, text, dates, microseconds.

    Raises `ArgumentError` for a type or a name that cannot be kept, for a name that is there twice, and without `id`.
    """
    fields = []
    for name, kind in zip(schema.names, schema.types, strict=True):
        if not 0 < len(name.encode()) <= LONGEST_NAME or "\0" in name or name in TAKEN or schema.names.count(name) > 1:
            raise ArgumentError(
                f"columns: {name!r} cannot name one: wanted different names of 1 to {LONGEST_NAME} bytes other than "
                f"{', '.join(sorted(TAKEN))}"
            )
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        kept = next((to for is_kind, to in _KEPT if is_kind(inner)), None)
        if kept is None:
            raise ArgumentError(f"columns: {name} is of type {kind}; wanted text, numbers, truth values or dates")
        fields.append((name, kept))
    if ("id", pa.string()) not in fields:
        raise ArgumentError(f"columns: wanted a column id of text, got {', '.join(schema.names)}")
    return pa.schema(fields)


def wire_rows(vectors: NDArray[np.float32], table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Rows as binary COPY takes them: the vector (float32 [D]) first, then the columns of a kept schema.

    NaN goes as null. Raises `ArgumentError` for text that PostgreSQL cannot keep.
    """
    from psycopg.types.numeric import Int8

    columns: list[Sequence[Any]] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\0")).as_py():
            raise ArgumentError(f"{name}: holds text with a zero byte, which PostgreSQL cannot keep; take it out")
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_nan(column), None, column)
        values = column.to_pylist()
        if pa.types.is_integer(column.type):
            values = [None if value is None else Int8(value) for value in values]
        columns.append(values)
    return zip(_wire_vectors(vectors), *columns, strict=True)


def read_vectors(sent: Sequence[bytes], dimension: int) -> NDArray[np.float32]:
    """What pgvector's `vector_send` gave, as float32 [N, D]."""
    whole = np.frombuffer(b"".join(sent), np.uint8).reshape(len(sent), 4 + 4 * dimension)
    return np.ascontiguousarray(whole[:, 4:]).view(">f4").astype(np.float32)


def _wire_vectors(vectors: NDArray[np.float32]) -> Iterator[bytes]:
    """What pgvector receives: the width and a zero as int16, then the numbers, all with the high byte first."""
    head = struct.pack(">HH", vectors.shape[1], 0)
    return (head + vector.tobytes() for vector in vectors.astype(">f4"))
