"""What is done to embeddings, row by row, before a head sees them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from embedlearn.arrays import checked_matrix
from embedlearn.episodes.estimator_input import asked_rows, fitted_rows
from embedlearn.episodes.space import Space, normalized
from embedlearn.errors import ArgumentError

Rows = NDArray[np.floating]


def powered(rows: Rows, beta: float) -> Rows:
    """sign(x) * |x|^beta of each number in `rows` (float [..., D]), in their dtype."""
    sizes = np.abs(rows)
    sizes **= beta
    return np.copysign(sizes, rows, out=sizes)


class RowTransform(TransformerMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is untyped
    """A step before the head in scikit-learn's `make_pipeline`. float32 rows stay so, others become float64.

    Attribute set by `fit`: `n_features_in_`.
    """

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Learn from rows `X`, float [N, D]; `y` is not looked at.

        Raises `ArgumentError` where X is not finite or a setting has a value of no use.
        """
        self.learn(fitted_rows(self, X, _dtype(X)))
        return self

    def transform(self, X: ArrayLike) -> Rows:
        """Rows `X` (float [N, D]), transformed. Raises as `fit`, and where X has another width; keeps nothing."""
        return self.apply(asked_rows(self, X, _dtype(X)))

    def learn(self, rows: Rows) -> None:
        """Check the settings, and set what is learnt from checked rows [N, D]; most transforms learn nothing."""

    @abstractmethod
    def apply(self, rows: Rows) -> Rows:
        """Checked rows [N, D], transformed."""


class Centering(RowTransform):
    """Rows minus `center` (float [D]), as SimpleShot does (Wang 2019, arXiv 1911.04623, section 3.2).

    There it is the mean of the encoder's training films. None: the mean of the rows that `fit` sees, in an episode that
    of the support. Attribute set by `fit`: `center_`, [D].
    """

    def __init__(self, center: ArrayLike | None = None) -> None:
        self.center = center

    def learn(self, rows: Rows) -> None:
        if self.center is None:
            self.center_ = rows.mean(axis=0)
            return
        self.center_ = checked_matrix(np.atleast_2d(self.center), rows.dtype).ravel()
        if self.center_.size != self.n_features_in_:
            raise ArgumentError(f"center: wanted {self.n_features_in_} numbers as in X, got {self.center_.size}")

    def apply(self, rows: Rows) -> Rows:
        return np.asarray(rows - self.center_.astype(rows.dtype))


class PowerTransform(RowTransform):
    """Tukey's ladder of powers, which brings skewed numbers nearer to a normal distribution.

    Hu 2021 (arXiv 2006.03806, eq. 1) and Yang 2021 (arXiv 2101.06395) take x^beta of what a ReLU left. Embeddings here
    have signs, so it is sign(x) * |x|^beta, which is the same where x >= 0. `beta`: above 0, since the ladder's rung
    at 0, log(x), has no meaning for x <= 0.
    """

    def __init__(self, beta: float = 0.5) -> None:
        self.beta = beta

    def learn(self, rows: Rows) -> None:
        check_power("beta", self.beta)

    def apply(self, rows: Rows) -> Rows:
        return powered(rows, self.beta)


class UnitLength(RowTransform):
    """Rows at length 1; a row of zeros stays so."""

    def apply(self, rows: Rows) -> Rows:
        return normalized(rows)


TRANSFORMS: dict[str, Callable[..., RowTransform]] = {
    "center": Centering,
    "power": PowerTransform,
    "unit": UnitLength,
}


def transformed(space: Space, names: Sequence[str]) -> Space:
    """The space after the transforms called `names`, in their order; `center` takes the space's own centre.

    Its centre is not known afterwards. Raises `ArgumentError` where there is no such transform.
    """
    check_transforms(names)
    rows, center = space.rows, space.center
    for name in names:
        step = Centering(center) if name == "center" else TRANSFORMS[name]()
        rows, center = step.fit_transform(rows), None
    return Space(rows, center)


def check_transforms(names: Sequence[str]) -> None:
    """Raise `ArgumentError` where there is no such transform, or `center` is not the first."""
    for name in names:
        if name not in TRANSFORMS:
            raise ArgumentError(f"transform: wanted some of {', '.join(TRANSFORMS)}; got {name!r}")
    if "center" in names[1:]:
        raise ArgumentError("transform: wanted center first, since the centre is known of embeddings as they come")


def check_power(name: str, beta: float) -> None:
    """Raise `ArgumentError` where `beta` is no exponent for numbers of both signs."""
    if not 0 < beta < np.inf:
        raise ArgumentError(f"{name}: wanted a number above 0, since embeddings have signs and zeros, got {beta}")


def _dtype(X: ArrayLike) -> type[np.floating]:
    return np.float32 if getattr(X, "dtype", None) == np.float32 else np.float64
