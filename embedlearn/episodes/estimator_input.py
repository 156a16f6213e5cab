"""What an estimator is fitted to and what it is asked about: rows under scikit-learn's rules.

Its checks of estimators look for some of its own words, which stand here and nowhere else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils.validation import check_is_fitted

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError


def fitted_rows(estimator: Any, X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`X` as `checked_matrix` gives it, [N, D] with N and D above 0; sets the estimator's `n_features_in_`.

    Raises `ArgumentError`.
    """
    rows = _checked(X, dtype)
    for count, name in zip(rows.shape, ("sample", "feature"), strict=True):
        if not count:
            raise ArgumentError(
                f"X: has 0 {name}(s) (shape={rows.shape}) while a minimum of 1 is required; give embeddings"
            )
    estimator.n_features_in_ = rows.shape[1]
    return rows


def asked_rows(estimator: Any, X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """`X` as `checked_matrix` gives it, as wide as what the estimator was fitted to.

    Raises `ArgumentError`, `NotFittedError` before `fit`.
    """
    check_is_fitted(estimator, "n_features_in_")
    rows = _checked(X, dtype)
    if rows.shape[1] != estimator.n_features_in_:
        raise ArgumentError(
            f"X has {rows.shape[1]} features, but {type(estimator).__name__} is expecting {estimator.n_features_in_} "
            "features as input, as in fit; take embeddings of the same encoder"
        )
    return rows


def _checked(X: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    if isinstance(X, np.ndarray) and np.iscomplexobj(X):
        raise ArgumentError("X: Complex data not supported; give X.real")
    if isinstance(X, np.ndarray) and X.ndim == 1:
        remedy = "Reshape your data: X.reshape(1, -1) is one film"
        raise ArgumentError(f"X: wanted a matrix [films, dimensions], got shape {X.shape}. {remedy}")
    return checked_matrix(X, dtype)
