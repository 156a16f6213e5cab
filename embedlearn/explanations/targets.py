"""What is to be explained: a score of a film's embedding against a class, between two classes, or against cases."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from embedlearn.errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Target:
    """A score s = z . vector + offset of an embedding z of length 1; `vector` float [D], `name` for the reader."""

    name: str
    vector: Tensor
    offset: float = 0.0


def prototype_target(name: str, vectors: Tensor) -> Target:
    """The cosine to a class's prototype, the mean of the embeddings [N, D] of its examples (Snell 2017)."""
    mean = _mean(name, vectors)
    length = float(mean.norm())
    if length == 0:
        raise ArgumentError(f"{name}: its examples cancel out, so that the class has no direction; name others")
    return Target(f"like {name}", mean / length)


def margin_target(name: str, other: str, vectors: Tensor, other_vectors: Tensor) -> Target:
    """How much nearer a film is to one class's prototype than to another's: why `name` and not `other`.

    s = |z - q|^2 - |z - p|^2 with the class means p of `vectors` and q of `other_vectors`, both [N, D]: the difference
    of the two logits of a prototypical network (Snell 2017), linear in z. Positive says `name`.
    """
    mine, others = _mean(name, vectors), _mean(other, other_vectors)
    return Target(f"{name}, not {other}", 2 * (mine - others), float(others.square().sum() - mine.square().sum()))


def case_target(name: str, vector: Tensor) -> Target:
    """The cosine to one case's embedding [D]."""
    return Target(f"like {name}", vector / vector.norm().clamp_min(1e-12))


def neighbours_target(name: str, vectors: Tensor) -> Target:
    """The mean cosine to the embeddings [k, D] of a film's neighbours."""
    return Target(f"like {name}", _mean(name, vectors))


def _mean(name: str, vectors: Tensor) -> Tensor:
    if vectors.ndim != 2 or not len(vectors):
        raise ArgumentError(f"{name}: wanted embeddings [N, D] of one example or more, got shape {list(vectors.shape)}")
    return vectors.to(torch.float64).mean(0).to(vectors.dtype)
