"""The one check of what is handed over as embeddings."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from embedlearn.errors import ArgumentError, ArgumentTypeError

BLOCK = 65_536  # rows looked at together


def checked_matrix(X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`X` as a contiguous matrix [N, D] of `dtype`. Raises `ArgumentError` where it is not one of finite numbers."""
    if hasattr(X, "toarray"):
        raise ArgumentError("X: wanted a dense matrix, got a sparse one; give X.toarray()")
    try:
        given = np.asarray(X)
        rows = np.asarray(given.real, dtype=dtype, order="C")
    except TypeError as error:
        got = f"{type(X).__name__} ({error})"
        raise ArgumentTypeError(
            f"X: wanted a matrix of numbers, got {got}; give a row of numbers for each film"
        ) from error
    except ValueError as error:
        got = type(X).__name__
        raise ArgumentError(f"X: wanted a matrix of numbers, got {got}; give rows of numbers, all as long") from error
    if np.iscomplexobj(given):
        raise ArgumentError("X: wanted real numbers, got complex ones; give X.real")
    if rows.ndim == 0:
        raise ArgumentError(f"X: wanted a matrix [films, dimensions], got {X}; give a row of numbers for each film")
    if rows.ndim != 2:
        remedy = "X.reshape(1, -1) is one film" if rows.ndim == 1 else "X.reshape(len(X), -1) has a row for each film"
        raise ArgumentError(f"X: wanted a matrix [films, dimensions], got shape {rows.shape}; {remedy}")
    for start in range(0, len(rows), BLOCK):
        finite = np.isfinite(rows[start : start + BLOCK]).all(axis=1)
        if not finite.all():
            row = start + int(np.flatnonzero(~finite)[0])
            raise ArgumentError(f"X: row {row} holds NaN or infinity; leave that film out or embed it again")
    return rows
