"""Vectors in clusters, rows for them, and neighbours found without FAISS."""

import numpy as np
import pyarrow as pa
from sklearn.neighbors import NearestNeighbors


def clustered(count, dimension=16, seed=0, clusters=20, spread=0.4):
    """Vectors (float32 [count, dimension]) around centres that are the same for every seed."""
    centers = np.random.default_rng(99).normal(size=(clusters, dimension))
    rng = np.random.default_rng(seed)
    vectors = centers[rng.integers(clusters, size=count)] + spread * rng.normal(size=(count, dimension))
    return vectors.astype(np.float32)


def far_apart(count, dimension=16, seed=0):
    """Vectors in 20 clusters, and which of them lie in the first seven of these."""
    rng = np.random.default_rng(seed)
    cluster = rng.integers(20, size=count)
    centers = np.random.default_rng(98).normal(size=(20, dimension))
    return (centers[cluster] + 0.4 * rng.normal(size=(count, dimension))).astype(np.float32), cluster < 7


def whole(count, dimension, seed=0, most=4, offset=0):
    """Vectors of small whole numbers, whose plain distances are exact in float32; many are equally far, or the same."""
    return (offset + np.random.default_rng(seed).integers(most, size=(count, dimension))).astype(np.float32)


def rows_of(ids, **columns):
    """A table with what a gallery usually knows, each value told by the number in the id."""
    numbers = [int("".join(filter(str.isdigit, name)) or 0) for name in ids]
    return pa.table(
        {
            "id": list(ids),
            "label": [("healthy", "covid-19", "tuberculosis")[number % 3] for number in numbers],
            "view": pa.array([("PA", "AP", None)[number // 3 % 3] for number in numbers], pa.string()),
            "patient": [f"p{number // 2}" for number in numbers],
            "age": pa.array([number % 90 for number in numbers], pa.int64()),
            **columns,
        }
    )


def names(count, start=0):
    return [f"c{number}" for number in range(start, start + count)]


def plain_neighbours(queries, base, k, allowed=None):
    """Distances (float64) and rows by a plain loop: nearest first, then the lower row; then inf and -1."""
    rows = np.arange(len(base)) if allowed is None else np.flatnonzero(allowed)
    distances, found = np.full((len(queries), k), np.inf), np.full((len(queries), k), -1)
    for place, query in enumerate(np.asarray(queries, float)):
        squared = ((np.asarray(base, float)[rows] - query) ** 2).sum(1)
        order = np.argsort(squared, kind="stable")[:k]
        distances[place, : len(order)], found[place, : len(order)] = np.sqrt(squared[order]), rows[order]
    return distances, found


def sklearn_neighbours(queries, base, k):
    fitted = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(np.asarray(base, float))
    return fitted.kneighbors(np.asarray(queries, float))


def recall_each(found, truth):
    """Of each query the share of its true neighbours that were found."""
    return np.array([len(set(a) & set(b)) / len(b) for a, b in zip(found.tolist(), truth.tolist(), strict=True)])


def require_true(distances, rows, queries, base, metric="euclidean"):
    """Every distance is that of its row, no row is there twice, the nearest comes first and what is missing last."""
    for query, far, found in zip(np.asarray(queries, float), distances, rows, strict=True):
        there = found >= 0
        assert not there[np.argmin(there) :].any() or there.all()
        assert len(set(found[there].tolist())) == there.sum()
        assert np.isinf(far[~there]).all()
        near = np.asarray(base, float)[found[there]]
        if metric == "cosine":
            lengths = np.linalg.norm(near, axis=1) * np.linalg.norm(query)
            expected = 1 - near @ query / lengths
        else:
            expected = np.linalg.norm(near - query, axis=1)
        np.testing.assert_allclose(far[there], expected, rtol=1e-5, atol=1e-6)
        assert (np.diff(far[there]) >= 0).all()
