"""What a gallery's log holds: cases added, with vectors and rows, and cases removed, by row number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.errors import StorageError
from embedlearn.gallery.exact import Floats

_KIND, _ADDED, _REMOVED = b"embedlearn", b"added", b"removed"
_VECTOR, _ROW = "embedlearn vector", "embedlearn row"


@dataclass(frozen=True, eq=False)
class Added:
    """Vectors float32 [N, D] and a row for each."""

    vectors: Floats
    rows: pa.Table

    def encode(self) -> bytes:
        """As an Arrow stream."""
        flat = pa.array(self.vectors.reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1])
        return _written(self.rows.append_column(_VECTOR, column), _ADDED)


@dataclass(frozen=True, eq=False)
class Removed:
    """Row numbers, int64 [N]."""

    rows: NDArray[np.int64]

    def encode(self) -> bytes:
        """As an Arrow stream."""
        return _written(pa.table({_ROW: self.rows}), _REMOVED)


def decode_change(payload: bytes, dimension: int, where: str) -> Added | Removed:
    """What `encode` gave. Raises `StorageError` that names `where` it was read, where it is something else."""
    try:
        table = pa.ipc.open_stream(payload).read_all()
        kind = (table.schema.metadata or {}).get(_KIND)
        if kind == _REMOVED:
            return Removed(table.column(_ROW).to_numpy())
        place = table.num_columns - 1  # not by name, which a column of the rows may have too
        column = table.column(place).combine_chunks()
        if kind != _ADDED or column.type.list_size != dimension:
            raise KeyError(f"a change of {column.type}")
        vectors = column.flatten().to_numpy().reshape(len(column), dimension)
        return Added(vectors, table.remove_column(place).replace_schema_metadata(None))
    except (pa.ArrowException, OSError, KeyError, IndexError, AttributeError, ValueError) as error:
        raise StorageError(f"{where}: holds a change that cannot be read ({error}); restore the file") from error


def _written(table: pa.Table, kind: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    table = table.combine_chunks().replace_schema_metadata({_KIND: kind})
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue().to_pybytes())
