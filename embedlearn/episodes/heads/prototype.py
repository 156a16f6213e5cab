"""The nearest class mean."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist
from scipy.special import softmax

from embedlearn.arrays import checked_matrix
from embedlearn.episodes.gram import VIEWS, Floats, GramBlocks, normalized
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.errors import ArgumentError

METRICS = ("euclidean", "cosine")


class PrototypeClassifier(EpisodeHead):
    """Prototypical networks' classifier (Snell 2017, arXiv 1703.05175) on a frozen encoder.

    A prototype is the mean of a class's support embeddings (eq. 1); the probabilities are softmax(-squared distance)
    for `metric="euclidean"` (eq. 2), softmax(`scale` * cosine) for `metric="cosine"`, whose scale of 10 is where
    Gidaris 2018 (arXiv 1804.09458) starts its own.
    `center` (float [D], the mean of the training embeddings) is subtracted from support and query, which are then
    brought to unit length: CL2N of SimpleShot (Wang 2019, arXiv 1911.04623, section 3.2).

    Attribute set by `fit`: `prototypes_`, float64 [W, D].
    """

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
        rows = VIEWS[self.view](rows, self.center_) if self.center_ is not None else rows
        self.prototypes_ = np.stack([rows[codes == code].mean(axis=0) for code in range(len(self.classes_))])
        return self

    def predict_proba(self, X: ArrayLike) -> Floats:
        rows = self._query(X)
        rows = VIEWS[self.view](rows, self.center_) if self.center_ is not None else rows
        if self.metric == "euclidean":
            return np.asarray(softmax(-cdist(rows, self.prototypes_, "sqeuclidean"), axis=1))
        cosine = np.einsum("td,wd->tw", normalized(rows), normalized(self.prototypes_))
        return np.asarray(softmax(self.scale * cosine, axis=1))

    @property
    def view(self) -> str:
        if self.center is not None:
            return "cl2n"
        return "raw" if self.metric == "cosine" else "shifted"

    def episode_proba(self, gram: GramBlocks) -> Floats:
        share = gram.membership / gram.membership.sum(axis=0)
        query_prototype = gram.query_support @ share
        prototype_own = np.einsum("esw,sw->ew", gram.support_support @ share, share)[:, None, :]
        if self.metric == "euclidean":
            squared = gram.query_query[:, :, None] - 2 * query_prototype + prototype_own
            return np.asarray(softmax(-squared, axis=2))
        lengths = np.sqrt(np.maximum(gram.query_query[:, :, None] * prototype_own, 0))
        cosine = np.divide(query_prototype, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return np.asarray(softmax(self.scale * cosine, axis=2))
