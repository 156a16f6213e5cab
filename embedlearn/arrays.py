"""The one check of what is handed over as embeddings."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from embedlearn.errors import ArgumentError, KindError

BLOCK = 65_536  # rows looked at together


def checked_matrix(X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`X` as a contiguous matrix [N, D] of `dtype`. Raises `ArgumentError` where it is not one of finite numbers."""
    if hasattr(X, "toarray"):
        raise ArgumentError("X: wanted a dense matrix, got a sparse one; give X.toarray()")
    try:
        given = np.asarray(X)
        rows = np.asarray(given.real, dtype=dtype, order="C")
    except TypeError as error:
        raise KindError(f"X: wanted a matrix of numbers, got {type(X).__name__} ({error})") from error
    except ValueError as error:
        raise ArgumentError(f"X: wanted a matrix of numbers, got {type(X).__name__}") from error
    if np.iscomplexobj(given):
        raise ArgumentError("X: Complex data not supported; give real numbers")
    if rows.ndim != 2:
        remedy = "Reshape your data: X.reshape(1, -1) is one film"
        raise ArgumentError(f"X: wanted a matrix [films, dimensions], got shape {rows.shape}. {remedy}")
    for start in range(0, len(rows), BLOCK):
        finite = np.isfinite(rows[start : start + BLOCK]).all(axis=1)
        if not finite.all():
            row = start + int(np.flatnonzero(~finite)[0])
            raise ArgumentError(f"X: row {row} holds NaN or infinity; leave that film out or embed it again")
    return rows
