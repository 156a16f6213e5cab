"""UMAP: quick, groups apart from each other."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.flags import require_number
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.maps.neighbours import neighbours_elsewhere
from embedlearn.maps.projections.base import Floats, Progress, Projection, films_to_fit, films_to_place
from embedlearn.maps.projections.fuzzy import fuzzy_graph
from embedlearn.maps.projections.pca import principal_coordinates
from embedlearn.maps.projections.placing import Curve, placed_on

REPULSIONS = 5  # films that a film is driven from at every attraction


class UMAPProjection(Projection):
    """UMAP (McInnes 2018, arXiv 1802.03426) by umap-learn, on exact neighbours, started from the principal components.

    `n_neighbors`: films of a neighbourhood, the film itself among them; at most all there are. `min_dist`: how near two
    films may lie on the map. `epochs`: 0 for umap-learn's number, 500 up to 10,000 films and 200 above.
    The graph is ours and the layout umap-learn's, on one thread, so that the map can be drawn again. New films are
    placed without it, as `placing` says.
    """

    kind = "umap"

    def __init__(self, *, n_neighbors: int = 15, min_dist: float = 0.1, epochs: int = 0, seed: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.epochs = epochs
        self.seed = seed

    def fit(self, X: ArrayLike, progress: Progress | None = None) -> Self:
        require_number("n_neighbors", self.n_neighbors, 2, 1_000)
        require_number("min_dist", self.min_dist, 0, 1)
        require_number("epochs", self.epochs, 0, 1_000_000)
        library = _umap_learn()
        tell = progress or (lambda done, total: None)
        self.vectors_ = films_to_fit(X)
        graph = fuzzy_graph(*neighbours_elsewhere(self.vectors_, self._width - 1))
        tell(1, 2)
        a, b = library.find_ab_params(1.0, self.min_dist)
        self.curve_ = np.array([a, b])
        random = np.random.RandomState(self.seed)  # what umap-learn takes
        embedding, _ = library.simplicial_set_embedding(
            self.vectors_, graph, 2, 1.0, a, b, 1.0, REPULSIONS, self.epochs or None,
            principal_coordinates(self.vectors_, self.seed), random, "euclidean", {}, False, {}, False,
        )  # fmt: skip
        self.embedding_ = np.asarray(embedding, np.float32)
        tell(2, 2)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        films = films_to_place(X, self.vectors_.shape[1])
        squared, found = exact_neighbours(films, self.vectors_, self._width)
        return placed_on(self.embedding_, found, np.sqrt(squared), Curve(*self.curve_), REPULSIONS, self.seed)

    @property
    def _width(self) -> int:
        """How many neighbours have a part in a film's place."""
        return min(self.n_neighbors, len(self.vectors_))

    def settings(self) -> dict[str, Any]:
        return {
            "n_neighbors": self.n_neighbors, "min_dist": self.min_dist, "epochs": self.epochs, "seed": self.seed,
        }  # fmt: skip

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"embedding": self.embedding_, "curve": self.curve_, "vectors": self.vectors_}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        made = cls(**settings)
        made.embedding_, made.curve_, made.vectors_ = arrays["embedding"], arrays["curve"], arrays["vectors"]
        return made


def _umap_learn() -> Any:
    """The library's functions; it is slow to import, and warns where TensorFlow is not there, which none needs."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import umap_
    return umap_
