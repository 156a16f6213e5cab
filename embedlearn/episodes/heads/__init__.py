"""The heads by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from numpy.typing import ArrayLike

from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.heads.bdcspn import BDCSPNClassifier
from embedlearn.episodes.heads.cosine import CosineClassifier
from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.heads.laplacian import LaplacianShotClassifier
from embedlearn.episodes.heads.lda import LDAClassifier
from embedlearn.episodes.heads.logistic import LogisticClassifier
from embedlearn.episodes.heads.matching import MatchingClassifier
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.heads.ptmap import PTMAPClassifier
from embedlearn.episodes.heads.ridge import RidgeClassifier
from embedlearn.episodes.heads.tim import TIMClassifier
from embedlearn.episodes.heads.transductive import TransductiveFineTuning
from embedlearn.errors import ArgumentError

Builder = Callable[[Sequence[int], int, ArrayLike | None], EpisodeHead]

INDUCTIVE: dict[str, Builder] = {
    "prototype": lambda shots, k, center: PrototypeClassifier("euclidean"),
    "prototype-cosine": lambda shots, k, center: PrototypeClassifier("cosine"),
    "simpleshot": lambda shots, k, center: PrototypeClassifier("euclidean", center=center),
    "knn": lambda shots, k, center: KNNClassifier(k, "majority"),
    "knn-distance": lambda shots, k, center: KNNClassifier(k, "distance"),
    "logistic": lambda shots, k, center: LogisticClassifier(),
    "ridge": lambda shots, k, center: RidgeClassifier(),
    "lda": lambda shots, k, center: LDAClassifier(),
    "matching": lambda shots, k, center: MatchingClassifier(),
    "cosine": lambda shots, k, center: CosineClassifier(),
}
TRANSDUCTIVE: dict[str, Builder] = {
    "bd-cspn": lambda shots, k, center: BDCSPNClassifier(),
    "laplacian-shot": lambda shots, k, center: LaplacianShotClassifier(),
    "tim": lambda shots, k, center: TIMClassifier(),
    "alpha-tim": lambda shots, k, center: TIMClassifier(alpha=7.0 if min(shots) >= 5 else 2.0),
    "pt-map": lambda shots, k, center: PTMAPClassifier(),
    "trans-finetune": lambda shots, k, center: TransductiveFineTuning(),
}
HEADS = INDUCTIVE | TRANSDUCTIVE
GROUPS = {"inductive": tuple(INDUCTIVE), "transductive": tuple(TRANSDUCTIVE), "all": tuple(HEADS)}


def named_heads(names: Sequence[str]) -> tuple[str, ...]:
    """The heads that are named, each once; `inductive`, `transductive` and `all` stand for several.

    Raises `ArgumentError` where there is no such head.
    """
    found = [head for name in names for head in GROUPS.get(name, (name,))]
    for name in found:
        if name not in HEADS:
            raise ArgumentError(f"heads: wanted some of {', '.join((*HEADS, *GROUPS))}; got {name!r}")
    return tuple(dict.fromkeys(found))


def build_head(
    name: str, shots: Sequence[int], *, k: int | None = None, center: ArrayLike | None = None
) -> EpisodeHead:
    """The head called `name`, unfitted, for episodes of so many support films by class.

    `k`: neighbours for the k-NN heads, at most all support films are used; None: as many as the smallest class has, 5
    at most, so that a class alone can fill the vote. `center` (float [D]): the mean of the training embeddings, for
    `simpleshot`. Raises `ArgumentError` where there is no such head, or `simpleshot` lacks its centre.
    """
    named_heads([name])
    if name == "simpleshot" and center is None:
        raise ArgumentError(
            "center: simpleshot needs the mean of the training embeddings, got none; leave that head out"
        )
    if k is not None and k < 1:
        raise ArgumentError(f"k: wanted 1 or more, got {k}")
    return HEADS[name](shots, min(k or min(5, *shots), sum(shots)), center)
