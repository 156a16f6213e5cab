"""The gate before a map, which asks whether a film is like anything that the map was made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.maps.neighbours import neighbours_elsewhere
from embedlearn.maps.projections.base import Floats, films_to_fit, films_to_place


class Gate:
    """Calls a film strange that lies farther from the map's films than nearly all of these from each other.

    A projection gives every film a place, and one from far away looks as much at home as any; so the distance in the
    embedding is asked first: that to the `k`-th nearest film (Ramaswamy 2000), against the quantile `keep` of the same
    distance of the map's own films. Of fewer than k + 1 films all others count.

    Attributes set by `fit`: `vectors_` float32 [N, D], `k_` (how many neighbours there were for k), `bound_`.
    """

    def __init__(self, k: int = 5, keep: float = 0.99) -> None:
        self.k = k
        self.keep = keep

    def fit(self, X: ArrayLike, cases: ArrayLike | None = None) -> Self:
        """Learn the bound from `X`, float [N, D].

        `cases` [N]: films of a film's own case are no neighbours of it, or a patient with many films would set a bound
        that no new patient meets. Raises `ArgumentError` where X is not finite or has fewer than five rows, a setting
        is of no use, or all films are of one case.
        """
        require_number("k", self.k, 1, np.inf)
        require_number("keep", self.keep, 0, 1)
        self.vectors_ = films_to_fit(X)
        self.k_ = min(self.k, len(self.vectors_) - 1)
        squared, _ = neighbours_elsewhere(self.vectors_, self.k_, cases)
        within = np.where(np.isfinite(squared), squared, -np.inf).max(axis=1)
        own = np.sqrt(within[within >= 0])
        if not len(own):
            raise ArgumentError("cases: all films are of one case, so none has a neighbour; leave cases out")
        self.bound_ = float(np.quantile(own, self.keep))
        return self

    def distances(self, X: ArrayLike) -> Floats:
        """How far each film, float [M, D], lies from its `k`-th nearest of the map, float32 [M].

        Raises `ArgumentError` where X is not finite or of another width.
        """
        films = films_to_place(X, self.vectors_.shape[1])
        squared, _ = exact_neighbours(films, self.vectors_, self.k_)
        return np.sqrt(squared[:, -1])

    def strange(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Whether each film, float [M, D], lies beyond the bound, bool [M]; errors as above."""
        return self.distances(X) > self.bound_

    def state(self) -> dict[str, Any]:
        """What was set and learnt, but for the vectors, as plain values."""
        return {"k": self.k, "keep": self.keep, "bound": self.bound_}

    @classmethod
    def restored(cls, state: Mapping[str, Any], vectors: Floats) -> Self:
        """The gate that gave this `state()`, over the same vectors."""
        made = cls(state["k"], state["keep"])
        made.vectors_, made.bound_ = vectors, state["bound"]
        made.k_ = min(made.k, len(vectors) - 1)
        return made
