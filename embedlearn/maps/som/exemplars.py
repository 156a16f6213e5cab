"""What stands for a node: the films nearest to its weight, and the mean of its films' explanations."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.maps.neighbours import case_numbers
from embedlearn.maps.projections.base import Floats
from embedlearn.maps.som.measures import film_distances
from embedlearn.maps.som.training import Nodes


def node_exemplars(
    X: Floats, weights: Floats, nodes: Nodes, cases: ArrayLike | None = None, at_most: int = 1
) -> NDArray[np.int64]:
    """For each node the rows of its films nearest to its weight, of different cases, int64 [nodes, at_most].

    `X` is float32 [N, D], `weights` float32 [rows, columns, D], `nodes` int64 [N]. Nearest first, of films equally near
    the first row; -1 where a node has no further case. A film without a case is its own. Raises `ArgumentError`.
    """
    if at_most < 1 or len(X) != len(nodes):
        raise ArgumentError(
            f"wanted at_most of 1 or more, and a node for each of {len(X)} films; got at_most {at_most} and "
            f"{len(nodes)} nodes"
        )
    own = case_numbers(cases, len(X))
    found = np.full((weights.shape[0] * weights.shape[1], at_most), -1, np.int64)
    taken: dict[int, set[int]] = {}
    for row in np.lexsort((film_distances(X, weights, nodes), nodes)):
        seen = taken.setdefault(int(nodes[row]), set())
        if len(seen) < at_most and own[row] not in seen:
            found[nodes[row], len(seen)] = row
            seen.add(int(own[row]))
    return found


def node_means(nodes: Nodes, maps: NDArray[np.floating], count: int) -> Floats:
    """The mean of the explanation maps (float32 [N, h, w]) of each node's films, float32 [count, h, w].

    NaN for a node without films. Raises `ArgumentError` where there is not one map a film.
    """
    if maps.ndim != 3 or len(maps) != len(nodes):
        raise ArgumentError(f"maps: wanted [{len(nodes)}, h, w], one map a film, got shape {maps.shape}")
    total = np.zeros((count, *maps.shape[1:]), np.float64)
    for node in np.unique(nodes):
        total[node] = maps[nodes == node].sum(axis=0, dtype=np.float64)
    films = np.bincount(nodes, minlength=count)
    means = np.full(total.shape, np.nan, np.float32)
    means[films > 0] = total[films > 0] / films[films > 0, None, None]
    return means
