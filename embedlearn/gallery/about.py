"""What a gallery's vectors are: how wide, how compared, and by which encoder they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError, MismatchError, StorageError
from embedlearn.flags import require_choice, require_number

METRICS = ("euclidean", "cosine")
SIZES = (1e-15, 1e15)  # of a vector's largest number, within which float32 can tell squared distances apart
Metric = Literal["euclidean", "cosine"]


@dataclass(frozen=True)
class About:
    """`metric`: `euclidean` distance, or `cosine`, which is 1 - the cosine of two vectors, 0 to 2.

    `encoder` is the SHA-256 of the encoder's file and `preprocessing` the digest of its films' settings; both are
    empty where the vectors came from elsewhere.
    """

    dimension: int
    metric: Metric = "euclidean"
    encoder: str = ""
    preprocessing: str = ""

    def __post_init__(self) -> None:
        require_number("dimension", self.dimension, 1, 2**16)
        require_choice("metric", self.metric, METRICS)

    def checked(self, X: ArrayLike) -> NDArray[np.float32]:
        """`X` (float [M, D]) as the gallery keeps and compares vectors: float32, for `cosine` scaled to length 1.

        Raises `ArgumentError` where `X` is not a matrix of finite vectors of this width, none of length zero, nor, for
        `euclidean`, so long or so short that float32 cannot hold its square.
        """
        vectors: NDArray[np.float32] = checked_matrix(X, np.float32)
        if vectors.shape[1] != self.dimension:
            raise ArgumentError(f"X: wanted vectors of {self.dimension} numbers, got {vectors.shape[1]}")
        largest = np.maximum(vectors.max(axis=1), -vectors.min(axis=1))
        if not largest.all():
            row = int(np.flatnonzero(largest == 0)[0])
            raise ArgumentError(f"X: row {row} is a vector of length zero; leave that film out, or embed it again")
        if self.metric == "cosine":
            vectors = vectors / largest[:, None]  # so that no square overflows or vanishes
            vectors /= np.sqrt(np.einsum("nd,nd->n", vectors, vectors))[:, None]
        elif len(strange := np.flatnonzero((largest < SIZES[0]) | (largest > SIZES[1]))):
            low, high, got = *SIZES, largest[strange[0]]
            wanted = f"wanted a vector whose largest number is from {low:g} to {high:g}, got {got:g}"
            raise ArgumentError(f"X: row {strange[0]}: {wanted}; scale the vectors, or take the metric cosine")
        return vectors

    def distances(self, squared: NDArray[np.float32]) -> NDArray[np.float32]:
        """The metric's distances, from squared Euclidean ones between vectors as `checked` gives them."""
        return np.multiply(squared, 0.5, dtype=np.float32) if self.metric == "cosine" else np.sqrt(squared)

    def require_same(self, encoder: str, preprocessing: str, gallery: str) -> None:
        """Raise `MismatchError` where vectors come from another encoder, or from films prepared otherwise."""
        ours, theirs = (self.encoder, self.preprocessing), (encoder, preprocessing)
        if ours != theirs:
            wanted, got = (" and ".join(part[:12] or "none" for part in pair) for pair in (ours, theirs))
            raise MismatchError(
                f"{gallery}: wanted vectors by the encoder and the preprocessing that made the gallery ({wanted}), "
                f"got {got}; embed with that run, or build the gallery anew"
            )

    def as_plain(self) -> dict[str, Any]:
        """As plain data that JSON can hold; `read_about` reads it back."""
        return asdict(self)


def read_about(plain: Mapping[str, Any], where: str) -> About:
    """What `About.as_plain` gave. Raises `StorageError` that names `where` it was read, where it is something else."""
    try:
        about = About(**plain)
        if not (
            type(about.dimension) is int and isinstance(about.encoder, str) and isinstance(about.preprocessing, str)
        ):
            raise TypeError("a value of another type")
    except (TypeError, OverflowError, ArgumentError) as error:
        raise StorageError(
            f"{where}: says of its vectors what cannot be ({error}); restore it or build anew"
        ) from error
    return about
