"""Answers put in a better order by who is whose neighbour, rather than by distance alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.about import METRICS, Metric
from embedlearn.gallery.quality.kernels import squared_distance

Singles = NDArray[np.float32]
Rows = NDArray[np.int64]
Neighbours = Callable[[Singles, int], tuple[Singles, Rows]]
K1, K2, LAMBDA = 20, 6, 0.3  # as the paper sets them
QUERY = 0  # the query's place among its candidates, which follow
STRANGER = -1  # a neighbour that is no candidate


def rerank(
    distances: ArrayLike,
    indices: ArrayLike,
    kneighbors: Neighbours,
    vectors_of: Callable[[Rows], Singles],
    *,
    metric: Metric = "euclidean",
    k1: int = K1,
    k2: int = K2,
    weight: float = LAMBDA,
) -> tuple[Singles, Rows]:
    """k-reciprocal re-ranking (Zhong 2017, arXiv 1701.08398, equations 3 to 12) of each query's candidates.

    `distances`, float [M, C], and `indices`, int [M, C], are what a search gave, nearest first, -1 for none; the more
    candidates, the further a case may rise. `kneighbors(X, k)` and `vectors_of(indices)` are the gallery's, the first
    under the same condition as the search: what the query may not find is nobody's neighbour. `k1`: neighbours that
    must be mutual; `k2`: films that an encoding is averaged over, itself among them; `weight`: lambda, the share of the
    distance in the result.

    Every film is its own first neighbour, as in the authors' code. Distances are divided by the query's farthest
    candidate's, so that both parts of the result lie in 0..1. A query is answered by itself: the others are not in its
    gallery. A neighbour of a candidate that is no candidate holds its place but is not followed further; with all
    cases as candidates nothing is left out. Returns new distances (float32 [M, C], inf for none) and indices, nearest
    first, of equal ones the lower index first. Raises `ArgumentError`.
    """
    far, found = np.asarray(distances, np.float32), np.asarray(indices, np.int64)
    if far.ndim != 2 or far.shape != found.shape:
        raise ArgumentError(f"indices: wanted one for each distance, a row a query, got {found.shape} and {far.shape}")
    require_choice("metric", metric, METRICS)
    require_number("k1", k1, 1, 10_000)
    require_number("k2", k2, 1, k1 + 1)
    require_number("weight", weight, 0, 1)
    far, found = _ordered(np.where(found < 0, np.float32(np.inf), far), found)
    rows = np.unique(found[found >= 0])
    if not len(rows):
        return far, found
    circle = _circle(rows, np.ascontiguousarray(vectors_of(rows), np.float32), kneighbors, k1)
    places = np.where(found >= 0, np.searchsorted(rows, found), STRANGER)
    mixed = _rerank(far, places, circle, metric == "cosine", k2, weight)
    return _ordered(mixed, found)


def _ordered(distances: Singles, indices: Rows) -> tuple[Singles, Rows]:
    order = np.lexsort((indices, distances))
    return np.take_along_axis(distances, order, 1), np.take_along_axis(indices, order, 1)


class _Circle(NamedTuple):
    """The candidates of all queries: `vectors` [U, D], and of each its `k1` nearest other cases in the gallery.

    `nearest`: int64 [U, k1], places among the candidates, or STRANGER; `distances`: float32 [U, k1].
    """

    vectors: Singles
    nearest: Rows
    distances: Singles


def _circle(rows: Rows, vectors: Singles, kneighbors: Neighbours, k1: int) -> _Circle:
    distances, found = kneighbors(vectors, k1 + 1)
    others = found != rows[:, None]
    others[others.all(axis=1), -1] = False  # a case behind its own duplicates
    distances, found = (each[others].reshape(len(rows), -1) for each in (distances, found))
    places = np.searchsorted(rows, found).clip(max=len(rows) - 1)
    return _Circle(vectors, np.where(rows[places] == found, places, STRANGER), np.ascontiguousarray(distances))


@njit(cache=True, nogil=True)
def _rerank(far: Singles, places: Rows, circle: _Circle, cosine: bool, k2: int, weight: float) -> Singles:
    """Equation 12 for every query: float32 [M, C]."""
    local = np.full(len(circle.nearest), STRANGER)
    mixed = np.full(far.shape, np.float32(np.inf))
    for query in range(len(far)):
        count = 0
        while count < far.shape[1] and places[query, count] >= 0:
            local[places[query, count]] = count + 1
            count += 1
        own, near = places[query, :count], far[query, :count]
        scale = max(near[count - 1], np.float32(1e-30)) if count else np.float32(1)
        lists = _lists(near, own, local, circle)
        codes = _encodings(lists, near, own, circle.vectors, cosine, scale)
        asked = _expanded(codes, lists, QUERY, k2)
        for i in range(count):
            jaccard = _jaccard(asked, _expanded(codes, lists, i + 1, k2))
            mixed[query, i] = (1 - weight) * jaccard + weight * (near[i] / scale)
            local[own[i]] = STRANGER
    return mixed


@njit(cache=True, nogil=True)
def _lists(near: Singles, own: Rows, local: Rows, circle: _Circle) -> Rows:
    """Of the query and each candidate, itself and then its k1 neighbours in order: places int64 [C + 1, k1 + 1].

    The query stands in a candidate's list by its distance, before cases that are equally far. Equation 2.
    """
    k1 = circle.nearest.shape[1]
    lists = np.full((own.size + 1, k1 + 1), STRANGER)
    lists[:, 0] = np.arange(own.size + 1)
    for i in range(own.size):
        if i < k1:
            lists[QUERY, i + 1] = i + 1
        at, asked = 1, False
        for t in range(k1):
            if not asked and near[i] <= circle.distances[own[i], t]:
                lists[i + 1, at] = QUERY
                at, asked = at + 1, True
            if at <= k1:
                place = circle.nearest[own[i], t]
                lists[i + 1, at] = local[place] if place >= 0 else STRANGER
                at += 1
    return lists


@njit(cache=True, nogil=True)
def _encodings(lists: Rows, near: Singles, own: Rows, vectors: Singles, cosine: bool, scale: np.float32) -> Singles:
    """Equation 7: of each place the weights of its robust k-reciprocal neighbours, float32 [C + 1, C + 1]."""
    size, k1 = len(lists), lists.shape[1] - 1
    rank = np.full((size, size), k1 + 1, np.int32)  # of a place in another's list
    for i in range(size):
        for t in range(k1 + 1):
            if lists[i, t] >= 0:
                rank[i, lists[i, t]] = t
    codes = np.zeros((size, size), np.float32)
    chosen = np.zeros(size, np.bool_)
    for i in range(size):
        mutual = _mutual(lists, rank, i, k1)
        for j in mutual:
            chosen[j] = True
        for place in mutual:
            half = _mutual(lists, rank, place, k1 // 2)
            common = 0
            for j in half:
                common += rank[i, j] <= k1 and rank[j, i] <= k1
            if 3 * common >= 2 * half.size:
                for j in half:
                    chosen[j] = True
        for j in range(size):
            if chosen[j]:
                codes[i, j] = np.exp(-_distance(i, j, near, own, vectors, cosine) / scale)
                chosen[j] = False
    return codes


@njit(cache=True, nogil=True)
def _mutual(lists: Rows, rank: NDArray[np.int32], i: int, k: int) -> Rows:
    """Equation 3: those of the first k neighbours of `i` that have it among their own first k."""
    kept, count = np.empty(k + 1, np.int64), 0
    for t in range(k + 1):
        place = lists[i, t]
        if place >= 0 and rank[place, i] <= k:
            kept[count] = place
            count += 1
    return kept[:count]


@njit(cache=True, nogil=True)
def _distance(i: int, j: int, near: Singles, own: Rows, vectors: Singles, cosine: bool) -> float:
    """The metric's distance between two places."""
    if i == j:
        return 0.0
    if i == QUERY or j == QUERY:
        return float(near[max(i, j) - 1])
    squared = squared_distance(vectors[own[i - 1]], vectors[own[j - 1]])
    return float(squared / 2 if cosine else np.sqrt(squared))


@njit(cache=True, nogil=True)
def _expanded(codes: Singles, lists: Rows, i: int, k2: int) -> Singles:
    """Equation 11: the mean encoding of a place and its nearest neighbours, k2 in all, as far as they are known."""
    total, count = np.zeros(len(codes), np.float32), 0
    for t in range(k2):
        if lists[i, t] >= 0:
            count += 1
            for j in range(len(codes)):
                total[j] += codes[lists[i, t], j]
    for j in range(len(codes)):
        total[j] /= count
    return total


@njit(cache=True, nogil=True)
def _jaccard(a: Singles, b: Singles) -> np.float32:
    """Equation 10: 1 less the sum of the lesser weights over that of the greater."""
    lesser, greater = np.float32(0), np.float32(0)
    for j in range(a.size):
        lesser += min(a[j], b[j])
        greater += max(a[j], b[j])
    return np.float32(1) - lesser / greater
