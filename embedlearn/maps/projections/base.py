"""What every projection has in common: it is fitted once, places new films on the map, and is saved as plain arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError

Floats = NDArray[np.float32]
Progress = Callable[[int, int], object]
FEWEST = 5  # films that make a map


class Projection(ABC):
    """A map of films to two dimensions.

    The constructor only stores settings, `seed` among them. `fit` sets `embedding_`, float32 [N, 2], the places of the
    films it was fitted on. Same settings, same films: same bytes.
    """

    kind: ClassVar[str]
    """The name under which `create_projection` makes it."""
    embedding_: Floats

    @abstractmethod
    def __init__(self, *, seed: int = 0) -> None:
        """Only store the settings; each has a default."""

    @abstractmethod
    def fit(self, X: ArrayLike, progress: Progress | None = None) -> Self:
        """Make the map of `X`, float [N, D]; `progress(done, total)` is called on the way.

        Raises `ArgumentError` where X is not finite, has fewer than five rows, or a setting is of no use.
        """

    @abstractmethod
    def transform(self, X: ArrayLike) -> Floats:
        """Where new films, float [M, D], lie on the map, float32 [M, 2]; each for itself, whatever it comes with.

        Raises `ArgumentError` where X is not finite or of another width.
        """

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """The settings as plain values that JSON can hold."""

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `fit` learnt; `vectors`, where it is among them, is X as float32."""

    @classmethod
    @abstractmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The projection that gave these `settings()` and `arrays()`; arrays that it has no use for are passed over."""


def films_to_fit(X: ArrayLike) -> Floats:
    """`X` as float32 [N, D]. Raises `ArgumentError` where it is not finite, or too few films for a map."""
    vectors: Floats = checked_matrix(X, np.float32)
    if len(vectors) < FEWEST or not vectors.shape[1]:
        raise ArgumentError(f"X: wanted {FEWEST} films or more of one number or more, got shape {vectors.shape}")
    return vectors


def films_to_place(X: ArrayLike, width: int) -> Floats:
    """`X` as float32 [M, D]. Raises `ArgumentError` where it is not finite, or not `width` wide."""
    vectors: Floats = checked_matrix(X, np.float32)
    if vectors.shape[1] != width:
        raise ArgumentError(
            f"X: wanted vectors of {width} numbers, as the map was made from, got {vectors.shape[1]}; "
            "embed the films with the same encoder"
        )
    return vectors
