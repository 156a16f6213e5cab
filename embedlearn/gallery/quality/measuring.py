"""How well the nearest cases answer, and whether they answer by disease or by hospital."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice
from embedlearn.gallery.about import METRICS, About, Metric
from embedlearn.gallery.quality.answers import DEFAULT, Measures, Question, score_answers
from embedlearn.gallery.quality.kernels import squared_distances
from embedlearn.gallery.quality.labelled import Labelled, group_sides, joint_sides
from embedlearn.gallery.quality.ranking import Distances, rank
from embedlearn.gallery.quality.results import Quality


def retrieval_quality(
    gallery: Labelled,
    queries: Labelled | None = None,
    *,
    own: ArrayLike | None = None,
    distances: ArrayLike | None = None,
    metric: Metric = "euclidean",
    measures: Measures = DEFAULT,
) -> Quality:
    """How well `gallery` answers `queries`, or each of its own cases in turn; exact, in bounded memory.

    A case of the query's group is no candidate, nor is the query itself: `own` (int [M], -1 for none) says which row of
    the gallery each query is. Of equally far candidates the lower row comes first. `distances` (float [M, N], at least
    0) give an order of their own, such as re-ranking makes; the vectors are then not looked at. Raises `ArgumentError`
    where these do not fit together.
    """
    require_choice("metric", metric, METRICS)
    asked = gallery if queries is None else queries
    if not len(asked) or not len(gallery):
        raise ArgumentError(f"X: wanted queries and cases, got {len(asked)} and {len(gallery)}")
    names = [name for name in asked.columns if name in gallery.columns]
    if measures.label not in names:
        raise ArgumentError(
            f"label: wanted a column of both sides ({', '.join(names) or 'none'}), got {measures.label}"
        )
    rows = np.arange(len(gallery)) if queries is None else _own_rows(own, len(asked), len(gallery))
    question = Question(
        group_sides(asked, gallery, rows),
        {name: joint_sides(asked.columns[name], gallery.columns[name]) for name in names},
        np.asarray(asked.columns[measures.label], dtype=object),
    )
    found = rank(
        _computed(asked, gallery, metric) if distances is None else _given(distances, len(asked), len(gallery)),
        question.groups,
        question.columns[measures.label],
        question.columns.get(measures.source),
        question.alike(measures.label),
        depth=max(*measures.ks, measures.k, measures.depth),
        k=measures.k,
    )
    return score_answers(question, found, measures)


def _own_rows(own: ArrayLike | None, queries: int, cases: int) -> NDArray[np.int64]:
    rows = np.full(queries, -1) if own is None else np.asarray(own)
    if rows.shape != (queries,) or rows.dtype.kind not in "iu" or not (-1 <= rows.min() <= rows.max() < cases):
        raise ArgumentError(f"own: wanted for each of {queries} queries a row below {cases}, or -1, got {own!r}")
    return rows.astype(np.int64)


def _computed(queries: Labelled, gallery: Labelled, metric: Metric) -> Distances:
    """Squared Euclidean distances, for cosine those of the vectors at length 1: in the order of the metric's own."""
    wide = gallery.X.shape[1]
    if queries.X.shape[1] != wide:
        raise ArgumentError(f"X: wanted queries of {wide} numbers as the gallery has them, got {queries.X.shape[1]}")
    asked, there = queries.X, gallery.X
    if metric == "cosine":
        asked, there = (About(wide, metric).checked(each) for each in (asked, there))
    return lambda rows: squared_distances(asked[rows], there)


def _given(distances: ArrayLike, queries: int, cases: int) -> Distances:
    matrix = np.ascontiguousarray(distances, dtype=np.float32)
    if matrix.shape != (queries, cases) or not (matrix >= 0).all():
        raise ArgumentError(f"distances: wanted numbers of at least 0, of shape {(queries, cases)}, got {matrix.shape}")
    return lambda rows: matrix[rows] + np.float32(0)  # which makes -0 a 0: their bits differ
