"""A query made richer by what it finds: the search is then asked again with their mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.about import METRICS, About, Metric

ALPHA = 3.0  # as Radenovic 2018 sets it


def expand_queries(
    X: ArrayLike,
    indices: ArrayLike,
    vectors_of: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    *,
    alpha: float = ALPHA,
    metric: Metric = "euclidean",
) -> NDArray[np.float32]:
    """The weighted mean of each query and of the cases it found, float32 [M, D]; for cosine brought to length 1.

    `X`: queries, float [M, D]. `indices`: int [M, n], the n nearest cases of each, -1 for none; leave out beforehand
    what may not help, such as films of the query's patient. `vectors_of(indices)`: the gallery's vectors. A case weighs
    its cosine to the query to the power `alpha`, one below 0 nothing (alpha-QE: Radenovic 2018, arXiv
    1711.02512); with `alpha` 0 all weigh as the query does (average QE: Chum 2007). Raises `ArgumentError`.
    """
    require_choice("metric", metric, METRICS)
    require_number("alpha", alpha, 0, 100)
    queries, found = checked_matrix(X, np.float32), np.asarray(indices)
    if found.ndim != 2 or len(found) != len(queries) or found.dtype.kind not in "iu":
        raise ArgumentError(f"indices: wanted a row of them for each of {len(queries)} queries, got {found.shape}")
    there = found >= 0
    vectors = np.zeros((*found.shape, queries.shape[1]), np.float32)
    vectors[there] = vectors_of(found[there].astype(np.int64))
    lengths = np.linalg.norm(vectors, axis=2) * np.linalg.norm(queries, axis=1)[:, None]
    cosines = np.einsum("mnd,md->mn", vectors, queries) / np.where(lengths > 0, lengths, 1)
    weights = np.where(there, cosines.clip(0, 1) ** alpha, 0).astype(np.float32)
    total = queries + np.einsum("mn,mnd->md", weights, vectors)
    means = total / (1 + weights.sum(axis=1))[:, None]
    return About(queries.shape[1], metric).checked(means) if metric == "cosine" else means
