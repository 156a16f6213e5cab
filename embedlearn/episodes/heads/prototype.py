"""The nearest class mean."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from embedlearn.arrays import checked_matrix
from embedlearn.episodes import kernels
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.space import Floats, Products, Singles, Space, joined, normalized
from embedlearn.errors import ArgumentError

METRICS = ("euclidean", "cosine")


class PrototypeClassifier(EpisodeHead):
    """Prototypical networks' classifier (Snell 2017, arXiv 1703.05175) on a frozen encoder.

    A prototype is the mean of a class's support embeddings (eq. 1); the scores are minus the squared distance for
    `metric="euclidean"` (eq. 2), `scale` * cosine for `metric="cosine"`, whose scale of 10 is where Gidaris 2018
    (arXiv 1804.09458) starts its own.
    `center` (float [D], the mean of the training embeddings) is subtracted from support and query, which are then
    brought to unit length: CL2N of SimpleShot (Wang 2019, arXiv 1911.04623, section 3.2).

    Attribute set by `fit`: `prototypes_`, float64 [W, D].
    """

    episodes_at_once = 5_000

    def __init__(self, metric: str = "euclidean", center: ArrayLike | None = None, scale: float = 10.0) -> None:
        self.metric = metric
        self.center = center
        self.scale = scale

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        if self.metric not in METRICS:
            raise ArgumentError(f"metric: wanted one of {', '.join(METRICS)}, got {self.metric!r}")
        rows, codes = self._support(X, y)
        self.center_ = None if self.center is None else checked_matrix(np.atleast_2d(self.center), np.float64)[0]
        if self.center_ is not None and self.center_.shape != (self.n_features_in_,):
            raise ArgumentError(f"center: wanted {self.n_features_in_} numbers as in X, got {self.center_.size}")
        rows = self._moved(rows)
        self.prototypes_ = np.stack([rows[codes == code].mean(axis=0) for code in range(len(self.classes_))])
        return self

    def class_scores(self, X: ArrayLike) -> Floats:
        rows = self._moved(self._query(X))
        if self.metric == "euclidean":
            return np.asarray(-cdist(rows, self.prototypes_, "sqeuclidean"))
        # einsum rather than a matrix product, whose rounding depends on how many queries there are
        return np.asarray(self.scale * np.einsum("td,wd->tw", normalized(rows), normalized(self.prototypes_)))

    def episode_scores(self, space: Space, episodes: Episodes) -> Singles:
        """As fit and class_scores give with the space's own centre; products of all pairs are computed once."""
        view = "cl2n" if self.center is not None else "raw" if self.metric == "cosine" else "shifted"
        parts = [self._of(products) for products in space.products(view, episodes)]
        return joined(parts).reshape(*episodes.query.shape, episodes.n_way)

    def _of(self, products: Products) -> Singles:
        lengths = products.prototype_length
        if self.metric == "euclidean":
            scale = np.ones_like(products.query_length)
            factor, offset = np.full_like(lengths, 2), -lengths
        else:
            scale, factor = _inverse_root(products.query_length), np.float32(self.scale) * _inverse_root(lengths)
            offset = np.zeros_like(lengths)
        return kernels.prototype_scores(
            products.matrix, products.start, products.place, products.support, products.first, scale, factor, offset
        )

    def _moved(self, rows: Floats) -> Floats:
        return rows if self.center_ is None else np.asarray(normalized(rows - self.center_), np.float64)


def _inverse_root(squared: Singles) -> Singles:
    """1 / sqrt, and 0 for a row of zeros, whose cosine with everything counts as 0."""
    return np.where(squared > 0, 1 / np.sqrt(np.where(squared > 0, squared, 1)), 0).astype(np.float32)
