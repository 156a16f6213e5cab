"""The plane of most variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.maps.projections.base import Floats, Progress, Projection, films_to_fit, films_to_place


class PCAProjection(Projection):
    """The first two principal components (Pearson 1901), by scikit-learn's exact decomposition.

    The sign of a component is fixed: its entry of the largest size is positive. `seed` has nothing to decide.
    Where films have one dimension, or do not differ, what is missing is 0.
    """

    kind = "pca"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, X: ArrayLike, progress: Progress | None = None) -> Self:
        vectors = films_to_fit(X)
        self.mean_, self.components_ = principal_axes(vectors)
        self.embedding_ = self.transform(vectors)
        if progress:
            progress(1, 1)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        centred = films_to_place(X, len(self.mean_)) - self.mean_
        # Row by row, as a product of matrices may round a film otherwise in another batch.
        return np.stack([np.einsum("nd,d->n", centred, axis) for axis in self.components_], axis=1)

    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"embedding": self.embedding_, "mean": self.mean_, "components": self.components_}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        made = cls(**settings)
        made.embedding_, made.mean_, made.components_ = arrays["embedding"], arrays["mean"], arrays["components"]
        return made


def principal_axes(vectors: Floats) -> tuple[Floats, Floats]:
    """The mean, float32 [D], and the first two principal axes, float32 [2, D], of films [N, D]; on one thread.

    Several threads would add in another order, and two machines draw two maps.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    count = min(2, vectors.shape[1])
    with threadpool_limits(1), np.errstate(invalid="ignore"):  # films that do not differ have no variance to share
        pca = PCA(count, svd_solver="covariance_eigh" if vectors.shape[1] <= 4096 else "full")
        pca.fit(vectors.astype(np.float64))
    axes = np.zeros((2, vectors.shape[1]))
    axes[:count] = pca.components_
    largest = np.abs(axes).argmax(axis=1)
    axes *= np.where(axes[[0, 1], largest] < 0, -1, 1)[:, None]
    return pca.mean_.astype(np.float32), axes.astype(np.float32)


def principal_coordinates(vectors: Floats, seed: int) -> NDArray[np.float64]:
    """A start for other projections, float64 [N, 2]: films on the first two principal axes, the first of unit spread.

    A little noise tells equal films apart, which no gradient could; it is all there is where films do not differ.
    """
    mean, axes = principal_axes(vectors)
    placed = np.stack([np.einsum("nd,d->n", vectors - mean, axis) for axis in axes], axis=1).astype(np.float64)
    spread = placed[:, 0].std()
    noise = np.random.default_rng(seed).normal(0, 1e-3, placed.shape)
    return np.asarray((placed / spread if spread > 0 else placed) + noise)
