"""What is known of the cases: numbered once, found by id, of one type a column."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from gallery_cases import names, rows_of

from embedlearn.errors import ArgumentError
from embedlearn.gallery.casetable import CaseTable, case_table, conformed


def cases(count):
    return CaseTable(count, lambda: case_table(rows_of(names(count)), count))


def fresh(ids):
    return case_table(rows_of(ids), len(ids))


def test_rows_are_read_when_they_are_needed_and_once():
    calls = []
    table = CaseTable(3, lambda: calls.append(1) or fresh(names(3)))
    table.remove(np.array([1]))
    assert len(table) == 2
    assert table.is_live.tolist() == [True, False, True]
    assert not calls
    assert table.find(["c0", "c1", "c2"]).tolist() == [0, -1, 2]
    assert table.rows.num_rows == len(table.schema.names) - 2 == 3
    assert calls == [1]


def test_against_a_plain_dictionary():
    """Added, removed, added again under the same id: five hundred random steps."""
    rng = np.random.default_rng(0)
    table, where, known = cases(20), {f"c{row}": row for row in range(20)}, names(20)
    for _ in range(500):
        if rng.random() < 0.5:
            ids = [name for name in {f"c{n}" for n in rng.integers(120, size=3)} if name not in where]
            where.update((name, len(known) + place) for place, name in enumerate(ids))
            known += ids
            table.append(conformed(fresh(ids), table.schema))
        elif where:
            ids = list(rng.permutation(list(where))[:2])
            table.remove(np.array([where.pop(str(name)) for name in ids]))
        asked = [f"c{n}" for n in rng.integers(130, size=10)]
        assert table.find(asked).tolist() == [where.get(name, -1) for name in asked]
        assert (len(table), table.count) == (len(where), len(known))
        assert np.flatnonzero(table.is_live).tolist() == sorted(where.values())
    assert table.rows.column("id").to_pylist() == known
    assert table.rows.to_pylist() == rows_of(known).to_pylist()


def test_ids_are_found_in_whatever_list_they_come():
    table = cases(3)
    table.append(conformed(fresh(["c7"]), table.schema))
    for ids in (["c7", "c1", "x"], ("c7", "c1", "x"), np.array(["c7", "c1", "x"]), pa.array(["c7", "c1", "x"])):
        found = table.find(ids)
        assert found.tolist() == [3, 1, -1]
        assert found.dtype == np.int64
    assert table.find(pd.Series(["c7"], index=[9])).tolist() == [3]
    assert table.find([]).shape == (0,)
    assert table.find([None, 1, ""]).tolist() == [-1, -1, -1]
    with pytest.raises(ArgumentError, match="ids: wanted a list of ids, got str"):
        table.find("c1")


def test_numbers_that_are_nobodys_id():
    table = CaseTable(5, lambda: case_table({"id": ["3", "5", "6", "11", "x"]}, 5))
    start = table.unused(2)
    assert (table.find([str(start), str(start + 1)]) == -1).all()
    assert cases(5).unused(3) == 5
    with pytest.raises(ArgumentError, match="id: 2 of 3 are in the gallery already, such as 3"):
        table.require_new(case_table({"id": ["7", "3", "11"]}, 3))
    table.require_new(case_table({"id": ["7"]}, 1))


def test_without_rows_the_ids_count():
    assert case_table(None, 3).column("id").to_pylist() == ["0", "1", "2"]
    assert case_table(None, 2, start=7).column("id").to_pylist() == ["7", "8"]
    assert len(case_table(None, 0)) == 0


def test_ids_of_any_plain_type_become_text():
    assert case_table({"id": [3, 10]}, 2).schema.field("id").type == pa.string()
    assert case_table(pd.DataFrame({"id": pd.Categorical(["b", "a"])}), 2).column("id").to_pylist() == ["b", "a"]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ({"id": ["a"]}, "rows: wanted one for each of 2 vectors, got 1"),
        ({"name": ["a", "b"]}, "rows: wanted a column id, got name"),
        ({"id": ["a", None]}, "id: 1 of 2 are missing; every case needs one"),
        ({"id": ["a", "a"]}, "id: a is there 2 times; every case needs its own"),
        ({"id": [1, 1]}, "id: 1 is there 2 times"),
        ({"id": [["a"], ["b"]]}, "id: wanted text, got list"),
        ({"id": ["a", "b"], "x": [1]}, "rows: wanted a table"),
        ({"id": ["a", "b"], "x": ["a", 1]}, "rows: wanted a table"),
        (pd.DataFrame({"id": ["a", "b"], "x": ["a", 1]}), "rows: wanted a table with one type of values in a column"),
        (pd.DataFrame([["a", 1, 2], ["b", 3, 4]], columns=["id", "x", "x"]), "rows: wanted a table"),
        (pa.table([["a", "b"], [1, 2], [3, 4]], names=["id", "x", "x"]), "rows: there is more than one column x"),
        (pa.table([["a", "b"], [1, 2]], names=["id", "id"]), "rows: there is more than one column id"),
        ([{"id": "a"}, {"id": "b"}], "rows: wanted a table"),
        ("ab", "rows: wanted a table"),
        (5, "rows: wanted a table"),
    ],
)
def test_rows_that_cannot_be_are_refused(rows, complaint):
    with pytest.raises(ArgumentError, match=complaint):
        case_table(rows, 2)


def test_columns_have_one_type_whichever_library_they_come_from():
    """A first batch decides on a column's type; a later one that says the same in other words must fit."""
    text = {"id": ["a", "b"], "label": ["x", None], "patient": ["p", None], "note": ["n", None]}
    tables = [
        pa.table(text),
        pa.table({name: pa.array(values, pa.large_string()) for name, values in text.items()}),
        pa.table({name: pa.array(values).dictionary_encode() for name, values in text.items()}),
        pd.DataFrame(text),
        pd.DataFrame(text, dtype=object),
        pd.DataFrame({name: pd.Categorical(values) for name, values in text.items()}),
    ]
    schemas = [case_table(table, 2).schema for table in tables]
    assert all(schema.equals(schemas[0]) for schema in schemas)
    assert schemas[0].field("label").type == pa.dictionary(pa.int32(), pa.string())
    assert schemas[0].field("note").type == pa.string()
    for table in tables:
        assert case_table(table, 2).to_pylist() == pa.table(text).to_pylist()


def test_many_values_fit_where_the_first_were_few():
    first = case_table(pd.DataFrame({"id": ["a"], "label": pd.Categorical(["x"])}), 1)
    table = CaseTable(1, lambda: first)
    later = case_table({"id": names(400), "label": [f"l{number}" for number in range(400)]}, 400)
    table.append(conformed(later, first.schema))
    assert table.rows.column("label").to_pylist() == ["x", *(f"l{n}" for n in range(400))]


def test_where_nothing_is_known_yet_text_can_come_later():
    first = case_table({"id": ["a"], "view": [None], "patient": [None], "age": [None]}, 1)
    later = conformed(case_table({"id": ["b"], "view": ["PA"], "patient": ["p"]}, 1), first.schema)
    assert later.to_pylist() == [{"id": "b", "view": "PA", "patient": "p", "age": None}]


def test_rows_are_brought_into_the_columns_of_the_gallery():
    schema = case_table(rows_of(names(2), dose=[0.5, 1]), 2).schema
    got = conformed(case_table({"dose": [3, None], "id": ["x", "y"]}, 2), schema)
    assert got.schema.equals(schema)
    assert got.column("dose").to_pylist() == [3.0, None]
    assert got.column("label").null_count == got.column("age").null_count == 2
    with pytest.raises(ArgumentError, match="rows: the gallery has no column doze, sex; it has id, label"):
        conformed(case_table({"id": ["x"], "sex": ["F"], "doze": [1]}, 1), schema)
    for wrong in ({"age": ["old"]}, {"age": [60.5]}, {"dose": ["much"]}, {"age": [[1]]}, {"label": [{"a": 1}]}):
        (name,) = wrong
        with pytest.raises(ArgumentError, match=f"{name}: wanted values of the type"):
            conformed(case_table({"id": ["x"], **wrong}, 1), schema)
