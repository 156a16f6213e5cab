"""A self-organising map: a grid of nodes laid over the embeddings, each film at the node nearest to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.maps.projections.base import Floats, Progress, Projection, films_to_fit, films_to_place
from embedlearn.maps.som.training import (
    Doubles,
    Nodes,
    best_nodes,
    first_grid,
    principal_plane,
    shrinking_radii,
    train,
)

if TYPE_CHECKING:
    from minisom import MiniSom

LONGEST = 20  # nodes of a side, where none is asked for
SHORTEST = 2


class SelfOrganisingMap(Projection):
    """Kohonen's self-organising map (Kohonen 1982) on MiniSom's rectangular grid, trained in batches.

    `rows`, `columns`: sides of the grid; None takes some 5 sqrt(N) nodes, sides by the ratio of the first two
    principal deviations, at most 20 each. `epochs`: batches; `first_radius` (None: half the longer side) and
    `last_radius`: of the Gaussian neighbourhood, in nodes, shrinking by the same share each time and never to 0. A
    smaller last radius lies nearer to the films and folds the map more; `experiments/benchmarks/som.py` measured it.
    `at_most`: films that train, drawn with `seed`; all films are placed afterwards.

    After `fit`: `weights_` float32 [rows, columns, D], `nodes_` int64 [N] (row * columns + column of each film's best
    node), `embedding_` float32 [N, 2] (its column and row).
    """

    kind = "som"

    def __init__(
        self,
        *,
        rows: int | None = None,
        columns: int | None = None,
        epochs: int = 30,
        first_radius: float | None = None,
        last_radius: float = 1.0,
        at_most: int = 5_000,
        seed: int = 0,
    ) -> None:
        self.rows = rows
        self.columns = columns
        self.epochs = epochs
        self.first_radius = first_radius
        self.last_radius = last_radius
        self.at_most = at_most
        self.seed = seed

    def fit(self, X: ArrayLike, progress: Progress | None = None) -> Self:
        """Lay the grid over `X`, float32 [N, D]; `progress(done, total)` counts epochs.

        Raises `ArgumentError` for fewer than five films, or a setting that cannot be used.
        """
        from threadpoolctl import threadpool_limits

        films = films_to_fit(X)
        self._check()
        sample = _sample(films, self.at_most, self.seed)
        rows, columns = grid_sides(sample, len(films), self.rows, self.columns)
        first = max(rows, columns) / 2 if self.first_radius is None else self.first_radius
        radii = shrinking_radii(self.epochs, max(first, self.last_radius), self.last_radius)
        with threadpool_limits(1):  # several threads would add in another order, and two machines make two maps
            som = minisom_with(first_grid(sample, rows, columns))
            train(som, sample, radii, progress)
        self.weights_: Floats = som.get_weights().astype(np.float32)
        self._place(best_nodes(films, self.weights_))
        return self

    def assign(self, X: ArrayLike) -> Nodes:
        """The best node of each row of `X`, int64 [M], exactly as MiniSom's `winner`. Raises `ArgumentError`."""
        return best_nodes(films_to_place(X, self.weights_.shape[2]), self.weights_)

    def transform(self, X: ArrayLike) -> Floats:
        """Column and row of the best node of each row of `X`, float32 [M, 2]. Raises `ArgumentError`."""
        return self._positions(self.assign(X))

    def minisom(self) -> MiniSom:
        """A MiniSom with these weights, for its own measures and whatever else it can do."""
        return minisom_with(self.weights_)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        names = ("rows", "columns", "epochs", "first_radius", "last_radius", "at_most", "seed")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`weights` and `nodes`, all that a fitted map is."""
        return {"weights": self.weights_, "nodes": self.nodes_}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The map that gave these settings and arrays."""
        som = cls(**settings)
        som.weights_ = np.asarray(arrays["weights"], np.float32)
        som._place(np.asarray(arrays["nodes"], np.int64))
        return som

    def _place(self, nodes: Nodes) -> None:
        self.nodes_ = nodes
        self.embedding_ = self._positions(nodes)

    def _positions(self, nodes: Nodes) -> Floats:
        row, column = np.divmod(nodes, self.weights_.shape[1])
        return np.stack([column, row], axis=1).astype(np.float32)

    def _check(self) -> None:
        for name, least in (("rows", 1), ("columns", 1), ("epochs", 1), ("at_most", 2)):
            value = getattr(self, name)
            if value is not None and (value != int(value) or value < least):
                raise ArgumentError(f"{name}: wanted a whole number of {least} or more, got {value}")
        if not 0 < self.last_radius < math.inf:
            raise ArgumentError(f"last_radius: wanted a number above 0, got {self.last_radius}")
        if self.first_radius is not None and not self.last_radius <= self.first_radius < math.inf:
            raise ArgumentError(
                f"first_radius: wanted at least last_radius ({self.last_radius}), got {self.first_radius}"
            )


def grid_sides(sample: Floats, films: int, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Rows and columns of the grid: what is asked for, the rest from the number of films and their spread."""
    if rows is not None and columns is not None:
        return rows, columns
    wanted = 5 * math.sqrt(films)
    if columns is None:
        first, second = principal_plane(sample)[2]
        ratio = min(first / second, LONGEST / SHORTEST) if second else LONGEST / SHORTEST
        columns = _side(math.sqrt(wanted * ratio) if rows is None else wanted / rows)
    return rows or _side(wanted / columns), columns


def _side(wanted: float) -> int:
    return min(max(round(wanted), SHORTEST), LONGEST)


def minisom_with(weights: Floats | Doubles) -> MiniSom:
    """A MiniSom of these weights, [rows, columns, D]; its own seed, radius and rate have nothing to decide."""
    from minisom import MiniSom

    som = MiniSom(*weights.shape, random_seed=0)
    som.get_weights()[...] = weights
    return som


def _sample(X: Floats, at_most: int, seed: int) -> Floats:
    """At most so many rows of `X`, drawn without replacement and kept in their order."""
    if len(X) <= at_most:
        return X
    chosen = np.random.default_rng(seed).choice(len(X), at_most, replace=False)
    return X[np.sort(chosen)]
