"""Exact search is exact, and does not depend on what else is asked."""

import numpy as np
import pytest
from gallery_cases import plain_neighbours, sklearn_neighbours, whole
from sklearn.neighbors import NearestNeighbors

from embedlearn.errors import ArgumentError
from embedlearn.gallery import exact
from embedlearn.gallery.exact import BLOCK, FEW, ExactIndex, exact_neighbours


@pytest.mark.parametrize("dimensions", [1, 3, 64])
def test_neighbours_are_those_of_scikit_learn(dimensions):
    rng = np.random.default_rng(0)
    X, queries = (
        rng.normal(size=(300, dimensions)).astype(np.float32),
        rng.normal(size=(70, dimensions)).astype(np.float32),
    )
    distances, indices = ExactIndex().fit(X).kneighbors(queries, 7)
    expected, neighbours = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(X.astype(float)).kneighbors(queries)
    np.testing.assert_allclose(distances, expected, rtol=1e-4, atol=1e-6)
    assert np.array_equal(indices, neighbours)


def test_a_query_is_answered_the_same_alone_and_in_a_batch():
    X = np.random.default_rng(0).normal(5, 1, size=(500, 96))
    index = ExactIndex().fit(X)
    distances, indices = index.kneighbors(X[:100], 10)
    assert (distances[:, 0] == 0).all()
    assert (indices[:, 0] == np.arange(100)).all()
    for query in range(100):
        alone = index.kneighbors(X[query : query + 1], 10)
        assert np.array_equal(alone[0][0], distances[query])
        assert np.array_equal(alone[1][0], indices[query])


@pytest.mark.parametrize("offset", [0, 1000, 4000])
@pytest.mark.parametrize("dimension", [1, 2, 7, 64])
def test_of_whole_numbers_every_answer_is_the_plain_one_ties_included(dimension, offset):
    """Where squares are whole the plain sum is exact, while with an offset FAISS's expanded one is far off."""
    base, queries = whole(700, dimension, 1, offset=offset), whole(FEW + 5, dimension, 2, offset=offset)
    for k in (1, 10, 690, 700, 800):
        for asked in (queries, queries[: FEW - 1], queries[:1]):
            squared, rows = exact_neighbours(asked, base, k)
            expected, neighbours = plain_neighbours(asked, base, k)
            assert np.array_equal(rows, neighbours)
            assert np.array_equal(squared, (expected**2).round())


@pytest.mark.parametrize("share", [0, "one", 0.01, 0.5, 0.99, 1])
@pytest.mark.parametrize("count", [1, FEW - 1, FEW, 60])
def test_only_what_is_allowed_is_found(share, count, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK", 300)
    base, queries = whole(2000, 5, 3, offset=500), whole(count, 5, 4, offset=500)
    rng = np.random.default_rng(5)
    allowed = rng.random(2000) < share if share != "one" else np.arange(2000) == 1234
    for k in (1, 12, 2100):
        squared, rows = exact_neighbours(queries, base, k, allowed)
        expected, neighbours = plain_neighbours(queries, base, k, allowed)
        assert rows.dtype == np.int64
        assert squared.dtype == np.float32
        assert np.array_equal(rows, neighbours)
        assert np.array_equal(squared, (expected**2).round())


def test_more_rows_than_are_copied_at_a_time():
    rng = np.random.default_rng(6)
    base = rng.normal(size=(BLOCK + 5000, 6)).astype(np.float32)
    queries = base[-30:] + np.float32(0.01)
    allowed = np.arange(len(base)) != BLOCK + 17
    rows = exact_neighbours(queries, base, 4, allowed)[1]
    expected = sklearn_neighbours(queries, base[allowed], 4)[1]
    assert np.array_equal(rows, np.flatnonzero(allowed)[expected])


def test_identical_vectors_come_in_the_order_of_their_rows():
    base = np.repeat(whole(3, 9, 7, offset=100), 100, axis=0)
    for queries in (base[:1], base[100:200]):
        squared, rows = exact_neighbours(np.ascontiguousarray(queries), base, 10)
        first = 0 if len(queries) == 1 else 100
        assert (squared == 0).all()
        assert (rows == np.arange(first, first + 10)).all()


@pytest.mark.parametrize("dimension", [1, 2, 4, 8, 15, 33, 128, 1000])
@pytest.mark.parametrize("offset", [0, 1000])
def test_an_answer_is_the_same_in_every_company(dimension, offset):
    rng = np.random.default_rng(8)
    base = rng.normal(offset, 1, size=(1500, dimension)).astype(np.float32)
    queries = rng.normal(offset, 1, size=(50, dimension)).astype(np.float32)
    squared, rows = exact_neighbours(queries, base, 10)
    np.testing.assert_allclose(np.sqrt(squared), sklearn_neighbours(queries, base, 10)[0], rtol=1e-5)
    everything = np.ones(len(base), bool)
    for start, stop in ((0, 1), (7, 7 + FEW - 1), (3, 3 + FEW), (1, 50)):
        for allowed in (None, everything):
            part = exact_neighbours(queries[start:stop], base, 10, allowed)
            assert np.array_equal(part[0], squared[start:stop])
            assert np.array_equal(part[1], rows[start:stop])
    reversed_ = exact_neighbours(queries, np.ascontiguousarray(base[::-1]), 10)
    assert np.array_equal(reversed_[0], squared)


def test_a_memory_map_is_searched_as_the_array(tmp_path):
    base, queries = whole(900, 12, 9), whole(40, 12, 10)
    np.save(tmp_path / "base.npy", base)
    mapped = np.load(tmp_path / "base.npy", mmap_mode="r").view(np.ndarray)
    for allowed in (None, np.arange(900) % 3 == 0):
        for one, other in zip(
            exact_neighbours(queries, mapped, 5, allowed), exact_neighbours(queries, base, 5, allowed), strict=True
        ):
            assert np.array_equal(one, other)


def test_little_and_nothing():
    base = whole(1, 4)
    squared, rows = exact_neighbours(base, base, 3)
    assert (rows.tolist(), squared.tolist()) == ([[0, -1, -1]], [[0, np.inf, np.inf]])
    for queries, k, allowed in ((base[:0], 2, None), (base[:0], 2, np.ones(1, bool)), (base, 2, np.zeros(1, bool))):
        squared, rows = exact_neighbours(queries, base, k, allowed)
        assert squared.shape == rows.shape == (len(queries), k)
        assert (rows == -1).all()
        assert np.isinf(squared).all()


@pytest.mark.parametrize("size", [1e-30, 1e18, 1e25])
def test_where_squares_overflow_or_vanish_no_row_is_lost_or_found_twice(size):
    base = np.float32(size) * np.random.default_rng(0).normal(size=(400, 5)).astype(np.float32)
    for allowed in (None, np.ones(400, bool)):
        squared, rows = exact_neighbours(base[:30], base, 400, allowed)
        assert (np.sort(rows, axis=1) == np.arange(400)).all()
        assert not np.isnan(squared).any()
    alone = exact_neighbours(base[3:4], base, 9)
    assert np.array_equal(alone[0][0], squared[3, :9])
    assert np.array_equal(alone[1][0], rows[3, :9])


def test_ordinary_vectors_need_no_second_look(monkeypatch):
    """All distances computed anew is the slow way out: for rounding and ties, not for everyday."""
    monkeypatch.setattr(exact, "_plainly", None)
    rng = np.random.default_rng(11)
    for center in (0, 1):
        base = rng.normal(center, 1, size=(5000, 64)).astype(np.float32)
        exact_neighbours(base[:200], base, 10)
    with pytest.raises(TypeError):
        exact_neighbours(base[:1], np.repeat(base[:5], 20, axis=0), 10)


def test_of_equally_far_vectors_the_first_comes_first():
    _, indices = ExactIndex().fit([[1.0], [-1.0], [1.0], [3.0]]).kneighbors([[0.0]], 4)
    assert indices.tolist() == [[0, 1, 2, 3]]


def test_what_cannot_be_searched_is_refused():
    index = ExactIndex().fit(np.eye(3))
    with pytest.raises(ArgumentError, match=r"k: wanted 1 to 3 \(the vectors kept\), got 4"):
        index.kneighbors(np.eye(3), 4)
    with pytest.raises(ArgumentError, match="wanted vectors of 3 numbers, got 2"):
        index.kneighbors(np.eye(2), 1)
    with pytest.raises(ArgumentError, match="row 1 holds NaN"):
        ExactIndex().fit([[0.0], [np.nan]])
    with pytest.raises(ArgumentError, match=r"wanted a matrix .* got shape \(3,\)"):
        ExactIndex().fit(np.zeros(3))
    with pytest.raises(ArgumentError, match="wanted a matrix of numbers, got list"):
        ExactIndex().fit([["a"]])
    with pytest.raises(ArgumentError, match="at least one vector"):
        ExactIndex().fit(np.zeros((0, 3)))
    with pytest.raises(RuntimeError, match="before fit"):
        ExactIndex().kneighbors(np.eye(3), 1)
