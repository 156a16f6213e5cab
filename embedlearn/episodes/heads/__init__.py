"""The heads by name."""

from __future__ import annotations

from collections.abc import Callable

from numpy.typing import ArrayLike

from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.heads.logistic import LogisticClassifier
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.errors import ArgumentError

HEADS: dict[str, Callable[[int, ArrayLike | None], EpisodeHead]] = {
    "prototype": lambda k, center: PrototypeClassifier("euclidean"),
    "prototype-cosine": lambda k, center: PrototypeClassifier("cosine"),
    "simpleshot": lambda k, center: PrototypeClassifier("euclidean", center=center),
    "knn": lambda k, center: KNNClassifier(k, "majority"),
    "knn-distance": lambda k, center: KNNClassifier(k, "distance"),
    "logistic": lambda k, center: LogisticClassifier(),
}


def build_head(
    name: str, *, n_way: int, n_shot: int, k: int | None = None, center: ArrayLike | None = None
) -> EpisodeHead:
    """The head called `name`, unfitted, for episodes of `n_way` classes and `n_shot` support films each.

    `k`: neighbours for the k-NN heads, at most n_way * n_shot are used; None: as many as shots, 5 at most, so that a
    class alone can fill the vote. `center` (float [D]): the mean of the training embeddings, for `simpleshot`.
    Raises `ArgumentError` where there is no such head, or `simpleshot` lacks its centre.
    """
    if name not in HEADS:
        raise ArgumentError(f"heads: wanted some of {', '.join(HEADS)}; got {name!r}")
    if name == "simpleshot" and center is None:
        raise ArgumentError(
            "center: simpleshot needs the mean of the training embeddings, got none; leave that head out"
        )
    if k is not None and k < 1:
        raise ArgumentError(f"k: wanted 1 or more, got {k}")
    return HEADS[name](min(k or min(5, n_shot), n_way * n_shot), center)
