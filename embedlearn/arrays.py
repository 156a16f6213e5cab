"""The one check of what is handed over as embeddings."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from embedlearn.errors import ArgumentError

BLOCK = 65_536  # rows looked at together


def checked_matrix(X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`X` as a contiguous matrix [N, D] of `dtype`. Raises `ArgumentError` where it is not one of finite numbers."""
    try:
        rows = np.asarray(X, dtype=dtype, order="C")
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"X: wanted a matrix of numbers, got {type(X).__name__}") from error
    if rows.ndim != 2:
        raise ArgumentError(f"X: wanted a matrix [films, dimensions], got shape {rows.shape}")
    for start in range(0, len(rows), BLOCK):
        finite = np.isfinite(rows[start : start + BLOCK]).all(axis=1)
        if not finite.all():
            row = start + int(np.flatnonzero(~finite)[0])
            raise ArgumentError(f"X: row {row} holds NaN or infinity; leave that film out or embed it again")
    return rows
