"""Re-ranking is what the paper's equations say, written as plain loops over the full matrix of distances."""

import numpy as np
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.reranking import rerank


class Store:
    """A gallery of vectors, searched by sorting everything."""

    def __init__(self, X, metric="euclidean"):
        self.X, self.metric = np.asarray(X, np.float32), metric
        self.asked = 0

    def kneighbors(self, X, k):
        self.asked += len(X)
        far = distances_of(X, self.X, self.metric).astype(np.float32)
        order = np.argsort(far, axis=1, kind="stable")[:, :k]
        short = ((0, 0), (0, k - order.shape[1]))
        return (
            np.pad(np.take_along_axis(far, order, 1), short, constant_values=np.inf),
            np.pad(order, short, constant_values=-1),
        )

    def vectors_of(self, indices):
        return self.X[indices]


def distances_of(X, Y, metric):
    squared = ((X[:, None].astype(float) - Y[None]) ** 2).sum(2)
    return squared / 2 if metric == "cosine" else np.sqrt(squared)


def full_matrix(query, X, metric, k1, k2, weight):
    """The final distances of one query to all of X; film 0 is the query, and comes first among equals."""
    films = np.vstack([query[None], X])
    far = distances_of(films, films, metric).astype(np.float32).astype(float)
    ranked = [sorted(range(len(films)), key=lambda j: (j != i, far[i, j], j)) for i in range(len(films))]
    far = far / far[0].max()

    def mutual(i, k):
        return {j for j in ranked[i][: k + 1] if i in ranked[j][: k + 1]}

    codes = np.zeros((len(films), len(films)))
    for i in range(len(films)):
        robust = set(mutual(i, k1))
        for q in mutual(i, k1):
            half = mutual(q, k1 // 2)
            if len(mutual(i, k1) & half) >= 2 / 3 * len(half):
                robust |= half
        for j in robust:
            codes[i, j] = np.exp(-far[i, j])
    means = np.array([codes[ranked[i][:k2]].mean(0) for i in range(len(films))])
    jaccard = [1 - np.minimum(means[0], each).sum() / np.maximum(means[0], each).sum() for each in means[1:]]
    return (1 - weight) * np.array(jaccard) + weight * far[0, 1:]


def clustered(count, seed, dimensions=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5, dimensions))[rng.integers(0, 5, count)] * 2 + rng.normal(size=(count, dimensions))
    return X.astype(np.float32)


@pytest.mark.parametrize(("k1", "k2", "weight"), [(7, 3, 0.3), (6, 1, 0.0), (1, 2, 0.5), (12, 6, 0.9)])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_with_all_cases_as_candidates_it_is_the_full_matrix(metric, k1, k2, weight):
    X = clustered(65, 0)
    X = X / np.linalg.norm(X, axis=1, keepdims=True) if metric == "cosine" else X
    store = Store(X[:60], metric)
    options = {"metric": metric, "k1": k1, "k2": k2, "weight": weight}
    distances, indices = rerank(*store.kneighbors(X[60:], 60), store.kneighbors, store.vectors_of, **options)
    for query, far, found in zip(X[60:], distances, indices, strict=True):
        expected = full_matrix(query, X[:60], metric, k1, k2, weight)
        assert sorted(found) == list(range(60))
        np.testing.assert_allclose(far, expected[found], atol=2e-6)
        assert (np.diff(far) >= 0).all()


def test_with_ties_and_duplicates_too():
    rng = np.random.default_rng(3)
    X = rng.integers(0, 3, (40, 3)).astype(np.float32)
    X[1::8] = X[0]
    queries = np.vstack([X[0], rng.integers(0, 3, (4, 3))]).astype(np.float32)
    store = Store(X)
    distances, indices = rerank(*store.kneighbors(queries, 40), store.kneighbors, store.vectors_of, k1=5, k2=3)
    for query, far, found in zip(queries, distances, indices, strict=True):
        np.testing.assert_allclose(far, full_matrix(query, X, "euclidean", 5, 3, 0.3)[found], atol=2e-6)
        assert list(found) == list(found[np.lexsort((found, far))])


def test_few_candidates_give_nearly_the_same_head_and_no_query_depends_on_another():
    X = clustered(420, 1, 8)
    store = Store(X[:400])
    whole = rerank(*store.kneighbors(X[400:], 400), store.kneighbors, store.vectors_of, k1=10, k2=4, weight=0.1)
    store.asked = 0
    candidates = store.kneighbors(X[400:], 100)
    part = rerank(*candidates, store.kneighbors, store.vectors_of, k1=10, k2=4, weight=0.1)
    assert store.asked == 20 + len(np.unique(candidates[1]))
    assert all(set(found) == set(before) for found, before in zip(part[1], candidates[1], strict=True))
    same = [len(set(a[:10]) & set(b[:10])) for a, b in zip(part[1], whole[1], strict=True)]
    by_distance = [len(set(a[:10]) & set(b[:10])) for a, b in zip(candidates[1], whole[1], strict=True)]
    assert np.mean(same) > 9.5 > 7 > np.mean(by_distance)
    for query in range(20):
        own = (each[query : query + 1] for each in candidates)
        alone = rerank(*own, store.kneighbors, store.vectors_of, k1=10, k2=4, weight=0.1)
        assert np.array_equal(alone[0][0], part[0][query]) and np.array_equal(alone[1][0], part[1][query])


def test_it_mends_an_order_that_distance_gets_wrong():
    rng = np.random.default_rng(0)
    angle, ring = rng.uniform(0, 2 * np.pi, 400), np.repeat([1.0, 1.45], 200)
    X = (ring * [np.cos(angle), np.sin(angle)]).T + rng.normal(0, 0.04, (400, 2))
    store = Store(X[1::2])
    candidates = store.kneighbors(X[::2].astype(np.float32), 60)
    _, found = rerank(*candidates, store.kneighbors, store.vectors_of, k1=12, k2=4)
    right = [(ring[1::2][rows[:, :20]] == ring[::2, None]).mean() for rows in (found, candidates[1])]
    assert right[0] > right[1] + 0.05


def test_where_there_are_fewer_they_stay_last():
    store = Store(clustered(8, 0))
    distances, indices = store.kneighbors(store.X[:2] + 1, 12)
    far, found = rerank(distances, indices, store.kneighbors, store.vectors_of)
    assert (found[:, 8:] == -1).all() and np.isinf(far[:, 8:]).all() and np.isfinite(far[:, :8]).all()
    assert sorted(found[0, :8]) == list(range(8))
    nothing = rerank(distances[:, 8:], indices[:, 8:], store.kneighbors, store.vectors_of)
    assert (nothing[1] == -1).all()


def test_what_cannot_be_done_is_refused():
    store = Store(clustered(8, 0))
    found = store.kneighbors(store.X[:2], 4)
    for options, message in (
        ({"k1": 0}, "k1: wanted a number from 1 to 10000, got 0"),
        ({"k1": 3, "k2": 5}, "k2: wanted a number from 1 to 4, got 5"),
        ({"weight": 1.5}, "weight: wanted a number from 0 to 1"),
        ({"metric": "dot"}, "metric: wanted euclidean or cosine, got dot"),
    ):
        with pytest.raises(ArgumentError, match=message):
            rerank(*found, store.kneighbors, store.vectors_of, **options)
    with pytest.raises(ArgumentError, match="indices: wanted one for each distance"):
        rerank(found[0], found[1][:, :2], store.kneighbors, store.vectors_of)
