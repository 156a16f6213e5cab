"""Exact search is exact, and does not depend on what else is asked."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import ExactIndex


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
