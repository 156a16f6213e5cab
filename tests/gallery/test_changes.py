"""What goes into the log comes out of it."""

import numpy as np
import pyarrow as pa
import pytest
from gallery_cases import clustered, names, rows_of

from embedlearn.errors import StorageError
from embedlearn.gallery.casetable import case_table
from embedlearn.gallery.changes import Added, Removed, decode_change


def added(count=3, dimension=4, **columns):
    return Added(clustered(count, dimension), case_table(rows_of(names(count), **columns), count))


@pytest.mark.parametrize("count", [0, 1, 1000])
@pytest.mark.parametrize("dimension", [1, 5])
def test_added_cases_come_back(count, dimension):
    change = added(count, dimension, seen=pa.array([None] * count, pa.timestamp("us", tz="UTC")))
    back = decode_change(change.encode(), dimension, "log")
    assert isinstance(back, Added)
    assert np.array_equal(back.vectors, change.vectors)
    assert (back.vectors.shape, back.vectors.dtype) == ((count, dimension), np.float32)
    assert back.rows.equals(change.rows)
    assert back.rows.schema.equals(change.rows.schema, check_metadata=True)


def test_columns_of_any_name_come_back():
    table = rows_of(names(2)).append_column("embedlearn vector", [["a", "b"]]).append_column("embedlearn", [[1, 2]])
    change = Added(clustered(2, 4), case_table(table, 2))
    back = decode_change(change.encode(), 4, "log")
    assert back.rows.equals(change.rows)
    assert np.array_equal(back.vectors, change.vectors)


def test_rows_in_pieces_come_back_whole():
    parts = pa.concat_tables([rows_of(names(3)), rows_of(names(4, start=3))])
    change = Added(clustered(7, 4), case_table(parts, 7))
    assert decode_change(change.encode(), 4, "log").rows.to_pylist() == rows_of(names(7)).to_pylist()


@pytest.mark.parametrize("rows", [[], [0], [5, 3, 2**40]])
def test_removed_rows_come_back(rows):
    back = decode_change(Removed(np.array(rows, np.int64)).encode(), 4, "log")
    assert isinstance(back, Removed)
    assert back.rows.dtype == np.int64
    assert back.rows.tolist() == rows


def test_the_same_change_has_the_same_bytes():
    assert added().encode() == added().encode()
    assert added().encode() != added(4).encode()


def test_what_is_no_change_is_a_storage_error():
    def stream(table, **metadata):
        sink = pa.BufferOutputStream()
        table = table.replace_schema_metadata(metadata or None)
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return sink.getvalue().to_pybytes()

    whole = added().encode()
    strange = [
        b"", b"x", b"\0" * 100, whole[:100], whole[: len(whole) // 2], whole[10:],
        stream(pa.table({})), stream(pa.table({"a": [1]})), stream(pa.table({"a": [1]}), embedlearn="added"),
        stream(pa.table({}), embedlearn="added"), stream(pa.table({}), embedlearn="removed"),
        stream(pa.table({"a": [1]}), embedlearn="removed"), stream(pa.table({"a": [[1.0]]}), embedlearn="added"),
    ]  # fmt: skip
    for payload in strange:
        with pytest.raises(StorageError, match="the log: holds a change that cannot be read"):
            decode_change(payload, 4, "the log")
    with pytest.raises(StorageError, match="a change of fixed_size_list"):
        decode_change(whole, 5, "the log")
