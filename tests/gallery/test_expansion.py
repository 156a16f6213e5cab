"""Query expansion is a weighted mean, and finds more of what a query is near."""

import numpy as np
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import ExactIndex
from embedlearn.gallery.expansion import expand_queries

RNG = np.random.default_rng(0)
GALLERY = RNG.normal(size=(50, 4)).astype(np.float32)
QUERIES = RNG.normal(size=(7, 4)).astype(np.float32)


def plain_loop(queries, indices, alpha):
    rows = []
    for query, found in zip(queries.astype(float), indices, strict=True):
        total, weights = query.copy(), 1.0
        for index in found:
            if index >= 0:
                vector = GALLERY[index].astype(float)
                cosine = vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)
                weight = 1.0 if alpha == 0 else max(cosine, 0) ** alpha
                total, weights = total + weight * vector, weights + weight
        rows.append(total / weights)
    return np.array(rows)


@pytest.mark.parametrize("alpha", [0, 1, 3])
def test_it_is_the_weighted_mean_of_the_query_and_what_it_found(alpha):
    indices = RNG.integers(-1, 50, (7, 5))
    got = expand_queries(QUERIES, indices, GALLERY.__getitem__, alpha=alpha)
    expected = plain_loop(QUERIES, indices, alpha)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    by_cosine = expand_queries(QUERIES, indices, GALLERY.__getitem__, alpha=alpha, metric="cosine")
    np.testing.assert_allclose(
        by_cosine, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-4, atol=1e-5
    )
    assert got.dtype == by_cosine.dtype == np.float32


def test_a_query_that_found_nothing_or_only_itself_stays_what_it_is():
    nothing = expand_queries(QUERIES, np.full((7, 3), -1), GALLERY.__getitem__)
    np.testing.assert_array_equal(nothing, QUERIES)
    itself = expand_queries(GALLERY, np.arange(50)[:, None], GALLERY.__getitem__, alpha=2)
    np.testing.assert_allclose(itself, GALLERY, rtol=1e-5)
    assert len(expand_queries(np.empty((0, 4)), np.empty((0, 3), int), GALLERY.__getitem__)) == 0


def test_a_noisy_query_finds_more_of_its_cluster():
    centres = RNG.normal(size=(20, 32))
    kind, asked = RNG.integers(0, 20, 2000), RNG.integers(0, 20, 200)
    X = (centres[kind] + RNG.normal(0, 0.8, (2000, 32))).astype(np.float32)
    Q = (centres[asked] + RNG.normal(0, 1.4, (200, 32))).astype(np.float32)
    index = ExactIndex().fit(X)
    _, before = index.kneighbors(Q, 50)
    _, after = index.kneighbors(expand_queries(Q, before[:, :10], X.__getitem__), 50)
    right = [(kind[found] == asked[:, None]).mean() for found in (before, after)]
    assert right[1] > right[0] + 0.02


def test_what_cannot_be_expanded_is_refused():
    with pytest.raises(ArgumentError, match="indices: wanted a row of them for each of 7 queries"):
        expand_queries(QUERIES, np.zeros((6, 3), int), GALLERY.__getitem__)
    with pytest.raises(ArgumentError, match="alpha: wanted a number from 0 to 100, got -1"):
        expand_queries(QUERIES, np.zeros((7, 3), int), GALLERY.__getitem__, alpha=-1)
    with pytest.raises(ArgumentError, match="metric: wanted euclidean or cosine, got dot"):
        expand_queries(QUERIES, np.zeros((7, 3), int), GALLERY.__getitem__, metric="dot")
    with pytest.raises(ArgumentError, match="row 0 holds NaN"):
        expand_queries(np.full((1, 4), np.nan), np.zeros((1, 3), int), GALLERY.__getitem__)
