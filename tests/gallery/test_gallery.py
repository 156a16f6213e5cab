"""The gallery in memory: searched, grown, thinned and compacted like a plain list of cases."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from gallery_cases import (
    clustered,
    names,
    plain_neighbours,
    recall_each,
    require_true,
    rows_of,
    sklearn_neighbours,
    whole,
)

from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.where import parse_condition

X = clustered(400, 12)
QUERIES = clustered(40, 12, seed=1)
PA = parse_condition("view == 'PA' and age >= 30")


def gallery(count=400, kind="auto", **settings):
    return Gallery(kind, device="cpu", **settings).fit(X[:count], rows_of(names(count)))


@pytest.fixture(params=["flat", *KINDS])
def kind(request):
    return request.param


def test_neighbours_are_those_of_scikit_learn():
    distances, rows = gallery().kneighbors(QUERIES, 7)
    expected, neighbours = sklearn_neighbours(QUERIES, X, 7)
    np.testing.assert_allclose(distances, expected, rtol=1e-5)
    assert np.array_equal(rows, neighbours)
    assert (distances.dtype, rows.dtype) == (np.float32, np.int64)
    assert gallery().kneighbors(X[:3])[1].shape == (3, 10)
    assert gallery().kneighbors(X[:3], np.int64(2))[1][:, 0].tolist() == [0, 1, 2]


def test_cosine_is_one_minus_the_cosine_and_lengths_do_not_matter(kind):
    lengths = 10.0 ** np.random.default_rng(0).uniform(-3, 3, size=(400, 1))
    plain = Gallery(kind, "cosine", device="cpu").fit(X)
    scaled = Gallery(kind, "cosine", device="cpu").fit(X * lengths)
    for built in (plain, scaled):
        distances, rows = built.kneighbors(QUERIES * 7.5, 9)
        require_true(distances, rows, QUERIES, X, "cosine")
        nearest = (1 - (QUERIES @ X.T) / np.linalg.norm(X, axis=1) / np.linalg.norm(QUERIES, axis=1)[:, None]).argsort(
            1
        )
        assert recall_each(rows, nearest[:, :9]).mean() > 0.9
    np.testing.assert_allclose(np.linalg.norm(scaled.vectors_of(range(400)), axis=1), 1, atol=1e-6)


def test_added_cases_are_found_at_once_and_removed_ones_no_more(kind):
    built = gallery(300, kind)
    built.add(X[300:], rows_of(names(100, 300)))
    distances, rows = built.kneighbors(X[300:], 1)
    assert rows[:, 0].tolist() == list(range(300, 400))
    assert (distances == 0).all()
    gone = list(range(0, 400, 3))
    assert built.remove([f"c{number}" for number in gone]) == len(gone)
    assert (len(built), built.pending) == (400 - len(gone), 100 + len(gone))
    distances, rows = built.kneighbors(QUERIES, 12)
    assert not set(rows.ravel().tolist()) & set(gone)
    require_true(distances, rows, QUERIES, X)
    rows = built.kneighbors(QUERIES, 400, PA)[1]
    live = np.ones(400, bool)
    live[gone] = False
    meets = PA.mask(rows_of(names(400))) & live
    assert (np.sort(rows, axis=1)[:, -meets.sum() :] == np.flatnonzero(meets)).all()
    assert (np.sort(rows, axis=1)[:, : -meets.sum()] == -1).all()


def test_conditions_removals_and_late_cases_against_a_plain_loop():
    base, queries = whole(300, 5, 1, offset=50), whole(25, 5, 2, offset=50)
    built = Gallery(device="cpu").fit(base[:200], rows_of(names(200)))
    built.add(base[200:250], rows_of(names(50, 200)))
    built.remove(["c3", "c210"])
    built.add(base[250:], rows_of(names(50, 250)))
    live = ~np.isin(np.arange(300), [3, 210])
    for where in (
        None,
        PA,
        parse_condition("label == 'nothing'"),
        parse_condition("id in ('c3', 'c4', 'c210', 'c260')"),
    ):
        allowed = live if where is None else live & where.mask(rows_of(names(300)))
        for k in (1, 15, 301):
            for asked in (queries, queries[:1]):
                distances, rows = built.kneighbors(asked, k, where)
                expected, neighbours = plain_neighbours(asked, base, k, allowed)
                assert np.array_equal(rows, neighbours)
                np.testing.assert_allclose(distances, expected, rtol=1e-6)


def test_an_answer_follows_the_cases_that_are_there_now():
    """A condition's rows are remembered between searches, but not longer than they hold."""
    built = gallery(40)
    where = parse_condition("label == 'healthy'")

    def found():
        return set(built.kneighbors(X[:1], 40, where)[1][0].tolist()) - {-1}

    first = found()
    assert found() == first == set(range(0, 40, 3))
    built.remove(["c0"])
    assert found() == first - {0}
    built.add(X[40:42], rows_of(["c42", "c43"]))
    assert found() == first - {0} | {40}
    built.compact()
    assert found() == set(np.flatnonzero(where.mask(built.take(range(41)))).tolist())


def test_compacting_gives_the_answers_of_a_fresh_fit(kind):
    built = gallery(300, kind)
    built.add(X[300:], rows_of(names(100, 300)))
    built.remove([f"c{number}" for number in range(0, 400, 5)])
    live = np.flatnonzero(np.arange(400) % 5)
    before = built.vectors_of(live)
    built.compact()
    assert (len(built), built.pending) == (320, 0)
    assert built.take(range(320)).to_pylist() == rows_of([f"c{number}" for number in live]).to_pylist()
    assert np.array_equal(built.vectors_of(range(320)), before)
    assert built.find([f"c{live[7]}", "c0"]).tolist() == [7, -1]
    fresh = Gallery(kind, device="cpu").fit(X[live])
    distances, rows = built.kneighbors(QUERIES, 10)
    if kind == "flat":
        for one, other in zip((distances, rows), fresh.kneighbors(QUERIES, 10), strict=True):
            assert np.array_equal(one, other)
    require_true(distances, rows, QUERIES, X[live])
    assert recall_each(rows, plain_neighbours(QUERIES, X[live], 10)[1]).mean() > 0.9
    built.compact()
    assert np.array_equal(built.kneighbors(QUERIES, 10)[1], rows)


def test_the_same_seed_gives_the_same_answers(kind):
    one, other = (gallery(400, kind, seed=4) for _ in range(2))
    assert one.chosen == other.chosen
    for a, b in zip(one.kneighbors(QUERIES, 20), other.kneighbors(QUERIES, 20), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_handful_of_cases(count):
    built = gallery(count)
    distances, rows = built.kneighbors(X[:count], 12)
    assert rows[:, 0].tolist() == list(range(count))
    require_true(distances, rows, X[:count], X)
    assert (rows[:, count:] == -1).all()


def test_ids_through_removal_addition_and_compaction():
    built = gallery(10)
    assert built.find(["c3", "c9", "x", "c3"]).tolist() == [3, 9, -1, 3]
    assert built.remove(["c3", "c3", "c4"]) == 2
    assert built.find(["c3", "c5"]).tolist() == [-1, 5]
    built.add(X[20:21], rows_of(["c3"]))
    assert built.find(["c3"]).tolist() == [10]
    assert built.remove(["c3"]) == 1
    built.add(X[21:22], rows_of(["c3"]))
    assert built.find(["c3"]).tolist() == [11]
    built.compact()
    assert built.take(range(9)).column("id").to_pylist() == ["c0", "c1", "c2", *names(5, 5), "c3"]
    assert built.find(["c3", "c4"]).tolist() == [8, -1]
    assert np.array_equal(built.vectors_of([8]), X[21:22])
    assert built.remove([]) == 0


def test_rows_may_lack_columns_and_come_as_a_frame():
    built = gallery(10)
    built.add(X[10:12], pd.DataFrame({"age": [3.0, None], "id": ["n", "m"]}))
    got = built.take([11, 10, 2]).to_pylist()
    assert [row["age"] for row in got] == [None, 3, 2]
    assert [row["label"] for row in got] == [None, None, "tuberculosis"]
    assert built.columns == ["id", "label", "view", "patient", "age"]
    assert built.values("label") == ["covid-19", "healthy", "tuberculosis"]
    assert built.values("hospital") == []
    built.remove([f"c{number}" for number in (1, 4, 7)])
    assert built.values("label") == ["healthy", "tuberculosis"]


def test_without_rows_cases_are_numbered_and_no_number_is_given_twice():
    built = Gallery(device="cpu").fit(X[:5])
    built.add(X[5:7])
    assert built.take(range(7)).column("id").to_pylist() == list("0123456")
    built.remove(["0", "2"])
    built.compact()
    built.add(X[7:9])
    ids = built.take(range(7)).column("id").to_pylist()
    assert len(set(ids)) == 7
    assert ids[:5] == list("13456")


def test_what_was_handed_over_may_be_written_over():
    built, buffer = gallery(10), X[10:12].copy()
    built.add(buffer, rows_of(["n", "m"]))
    buffer[:] = X[0]
    assert np.array_equal(built.vectors_of([10, 11]), X[10:12])
    assert built.kneighbors(X[10:12], 1)[1].tolist() == [[10], [11]]


def test_rows_taken_keep_their_order_and_types():
    built = gallery(20)
    got = built.take([7, 2, 7])
    assert got.column("id").to_pylist() == ["c7", "c2", "c7"]
    assert got.schema.field("age").type == pa.int64()
    assert len(built.take([])) == 0
    assert built.vectors_of([]).shape == (0, 12)
