"""A condition asks what Python's own reading of it would ask, and lets nothing else through."""

import re
import time
from datetime import UTC, date, datetime
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from random_conditions import DOMAINS, meets, random_condition, random_table

from embedlearn.errors import ArgumentError
from embedlearn.gallery.where import And, Compare, Not, Or, parse_condition

FILMS = pa.table(
    {
        "view": ["PA", "AP", None, "PA"],
        "source": ["nih", "rsna", "nih", None],
        "age": [30, 60, None, 79],
        "dose": [0.1, None, float("nan"), -0.0],
        "adult": [True, False, None, True],
        "day": pa.array([date(2020, 1, 1), date(2020, 3, 31), None, date(1999, 1, 1)]),
        "seen": pa.array([0, 1, None, 2], pa.timestamp("s", tz="UTC")),
        "empty": pa.nulls(4),
    }
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("view == 'PA'", [1, 0, 0, 1]),
        ("view != 'PA'", [0, 1, 1, 0]),
        ("not view == 'PA'", [0, 1, 1, 0]),
        ("'PA' == view", [1, 0, 0, 1]),
        ("view == None", [0, 0, 1, 0]),
        ("view != None and source != None", [1, 1, 0, 0]),
        ("view in ('PA', None)", [1, 0, 1, 1]),
        ("view not in ['PA']", [0, 1, 1, 0]),
        ("view in ()", [0, 0, 0, 0]),
        ("60 <= age < 80", [0, 1, 0, 1]),
        ("80 > age > 59.5", [0, 1, 0, 1]),
        ("not age >= 60", [1, 0, 1, 0]),
        ("age > -1", [1, 1, 0, 1]),
        ("adult", [1, 0, 0, 1]),
        ("not adult", [0, 1, 1, 0]),
        ("adult == False", [0, 1, 0, 0]),
        ("dose == 0", [0, 0, 0, 1]),
        ("dose in (0, 5)", [0, 0, 0, 1]),
        ("dose == None", [0, 1, 1, 0]),
        ("dose >= 0", [1, 0, 0, 1]),
        ("day >= '2020-01-01'", [1, 1, 0, 0]),
        ("seen >= '1970-01-01 00:00:01'", [0, 1, 0, 1]),
        ("seen == '1970-01-01'", [1, 0, 0, 0]),
        ("empty == 'a' or empty != 'b' and view == 'AP'", [0, 1, 0, 0]),
        ("(view == 'PA' or view == 'AP') and not (source == 'nih')", [0, 1, 0, 1]),
    ],
)
def test_what_a_condition_asks(text, expected):
    assert parse_condition(text).mask(FILMS).astype(int).tolist() == expected


def test_random_conditions_mask_what_a_plain_loop_finds():
    rng = Random(0)
    found = 0
    for _ in range(300):
        table = random_table(rng, 40)
        condition = random_condition(rng)
        mask = condition.mask(table)
        assert mask.dtype == bool
        assert mask.tolist() == [meets(condition, row) for row in table.to_pylist()], condition
        found += 0 < mask.sum() < 40
    assert found > 100


def test_the_mask_does_not_depend_on_how_the_table_lies_in_memory():
    rng = Random(1)
    table = random_table(rng, 50)
    pieces = pa.concat_tables([table[:0], table[:7], table[7:33], table[33:]])
    encoded = pa.table({name: pieces[name].combine_chunks().dictionary_encode() for name in ("view", "age", "day")})
    for _ in range(100):
        condition = random_condition(rng)
        expected = condition.mask(table)
        assert np.array_equal(condition.mask(pieces), expected)
        if condition.columns() <= set(encoded.column_names):
            assert np.array_equal(condition.mask(encoded), expected)
    assert Compare("view", "==", "PA").mask(table[:0]).shape == (0,)


def test_a_small_dictionary_with_missing_values():
    words = [str(number) for number in range(128)]  # as many as int8 can number
    column = pa.DictionaryArray.from_arrays(pa.array([0, None, 127], pa.int8()), pa.array(words))
    assert Compare("c", "!=", "127").mask(pa.table({"c": column})).tolist() == [True, True, False]


def test_narrow_and_rounded_numbers_are_compared_as_they_are():
    table = pa.table({"half": pa.array([0.1], pa.float16()), "single": pa.array([0.1], pa.float32())})
    exact = float(np.float32(0.1))
    for op, value in (("==", 0.1), ("in", (0.1,))):
        assert not Compare("single", op, value).mask(table).any()
    assert Compare("single", "in", (exact,)).mask(table).all()
    assert Compare("half", "<", 0.1).mask(table).all()
    assert Compare("c", "==", 2**62 + 1).mask(pa.table({"c": [2**62]})).tolist() == [False]


@pytest.mark.parametrize(
    "text",
    [
        "f(view)", "view.lower() == 'pa'", "age + 1 == 2", "view[0] == 'P'", "view == source", "1 < 2", "'PA'", "True",
        "view is None", "view == 'a' if age else view", "lambda: 1", "[v for v in view]", "(x := 1)", "view == b'a'",
        "view == 1j", "view == ...", "f'{view}'", "view == f'{age}'", "view in 'PA'", "view == ('PA',)",
        "'PA' in view", "age < None", "view in ((1,),)", "view == {'a': 1}", "view == -'a'", "~adult", "view, age",
        "60 <= age < dose", "not 1", "view in (source,)", "__import__('os')", "view == *age", "age >= +-1",
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(ArgumentError, match=r"^--only .*wanted columns compared by ==, !=") as error:
        parse_condition(text, "--only")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "view ==", "view = 'PA'", "view == 'PA", "a\n== 1\n+", "\0", "(" * 300, "not " * 9999]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ArgumentError, match="cannot be read"):
        parse_condition(text)


def test_the_refusal_says_where():
    with pytest.raises(ArgumentError, match=re.escape("'len(view) == 2' (character 17) is not allowed")):
        parse_condition("  label == 'ä' or len(view) == 2 ")


def test_what_is_read():
    assert parse_condition("a == 1 and not b") == And((Compare("a", "==", 1), Not(Compare("b", "==", True))))
    assert parse_condition("1 < a <= 2") == And((Compare("a", ">", 1), Compare("a", "<=", 2)))
    assert parse_condition("not not a == 'x' 'y'") == Compare("a", "==", "xy")
    built = ~(Compare("a", "==", 1) & Compare("b", "==", 2) | Compare("c", "!=", None))
    assert built == parse_condition("not ((a == 1 and b == 2) or c != None)")
    assert built.columns() == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("sex == 'F'", "there is no column sex; wanted one of view, source, age"),
        ("view == 1", "view holds text, such as 'PA'; got 1"),
        ("view == 'a\\0'", "view holds text"),
        ("view == '\\ud800'", "view holds text"),
        ("age == '60'", "age holds whole numbers, such as 60; got '60'"),
        ("age == True", "age holds whole numbers"),
        ("age == 60.5", "age holds whole numbers"),
        ("age in (1, 2.5)", "age holds whole numbers"),
        ("age < 1e999", "age holds whole numbers"),
        ("age < 9223372036854775808", "age holds whole numbers"),
        ("dose < '1'", "dose holds numbers, such as 60.5; got '1'"),
        ("adult == 1", "adult holds True or False; got 1"),
        ("day > '31.3.2020'", "day holds dates, such as '2020-03-31'; got '31.3.2020'"),
        ("day > 2020", "day holds dates"),
        ("seen > 'noon'", "seen holds times"),
    ],
)
def test_a_column_or_value_that_does_not_fit_is_named(text, complaint):
    condition = parse_condition(f"view == None or not ({text})")
    with pytest.raises(ArgumentError, match=re.escape(complaint)):
        condition.check(FILMS.schema, "--where")
    with pytest.raises(ArgumentError, match=re.escape(complaint)):
        condition.mask(FILMS)


def test_what_cannot_be_compared_is_refused():
    lists = pa.schema([("c", pa.list_(pa.int64())), ("when", pa.timestamp("us")), ("fine", pa.timestamp("ns"))])
    with pytest.raises(ArgumentError, match="which nothing can be compared with"):
        Compare("c", "==", 1).check(lists)
    with pytest.raises(ArgumentError, match="when holds times"):
        Compare("when", "<", datetime(2020, 1, 1, tzinfo=UTC)).check(lists)
    with pytest.raises(ArgumentError, match="fine holds times"):
        Compare("fine", "<", "2500-01-01").check(lists)
    with pytest.raises(ArgumentError, match="in wants a tuple"):
        Compare("c", "in", 1)
    with pytest.raises(ArgumentError, match="wanted one of =="):
        Compare("c", "=", 1)
    with pytest.raises(ArgumentError, match="no order"):
        Compare("c", "<", None)


def test_values_become_tokens():
    tokens = {"p7": ["t1", "t2"], "p8": []}

    def salted(column, value):
        return tokens[value] if column == "patient" else [value]

    def change(text):
        return parse_condition(text).replace_values(salted)

    assert change("patient == 'p7' and age >= 60") == parse_condition("patient in ('t1', 't2') and age >= 60")
    assert change("not patient != 'p7'") == parse_condition("not patient not in ('t1', 't2')")
    assert change("patient in ('p7', None, 'p8')") == parse_condition("patient in ('t1', 't2', None)")
    assert change("patient == None or patient != 'p8'") == parse_condition("patient == None or patient not in ()")
    with pytest.raises(ArgumentError, match="patient is kept as tokens, which have no order"):
        change("patient < 'p7'")


def test_values_never_stand_in_the_sql():
    rng = Random(2)
    marks = ["%", "'", "PA", "🩻", "60"]
    for _ in range(300):
        text, values = random_condition(rng).sql()
        plain = text
        for name in DOMAINS:
            plain = plain.replace('"' + name.replace('"', '""').replace("%", "%%") + '"', "")
        assert plain.count("%s") == len(values)
        assert not any(mark in plain.replace("%s", "") for mark in marks)
    assert parse_condition("a == 1 or b in ('x', None)").sql() == (
        '(("a" IS NOT NULL AND "a" = %s) OR ("b" IS NULL OR "b" = ANY(%s)))',
        [1, ["x"]],
    )
    assert (And(()).sql(), Or(()).sql()) == (("(true)", []), ("(false)", []))


@pytest.mark.slow
def test_a_million_rows_take_milliseconds():
    codes = np.random.default_rng(0).integers(0, 12, 10**6).astype(np.int32)
    column = pa.DictionaryArray.from_arrays(codes, [f"view {number}" for number in range(12)])
    table = pa.table({"view": column})
    condition = Compare("view", "==", "view 3")
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        mask = condition.mask(table)
        seconds.append(time.perf_counter() - start)
    assert np.array_equal(mask, codes == 3)
    assert min(seconds) < 0.005
