"""Training a self-organising map in batches: all films at once, while the neighbourhood shrinks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from embedlearn.maps.projections.base import Floats, Progress
from embedlearn.maps.projections.pca import principal_axes

if TYPE_CHECKING:
    from minisom import MiniSom

Doubles = NDArray[np.float64]
Nodes = NDArray[np.int64]
BLOCK = 8_192  # films whose distances to all nodes are held together
ROUNDING = 2.0**-53  # of float64, relative
SPREAD = 1.5  # standard deviations that the first grid reaches to each side


def shrinking_radii(epochs: int, first: float, last: float) -> Doubles:
    """A radius for each epoch, in nodes: from `first` to `last`, by the same share each time. None is 0."""
    return np.geomspace(first, last, epochs)


def first_grid(X: Floats, rows: int, columns: int) -> Doubles:
    """Weights [rows, columns, D] on the plane of the first two principal components, the first along the columns."""
    mean, axes, deviations = principal_plane(X)
    across, down = SPREAD * deviations[:, None] * axes
    along = np.linspace(-1, 1, columns)[None, :, None] * across
    return np.asarray(mean + along + np.linspace(-1, 1, rows)[:, None, None] * down)


def principal_plane(X: Floats) -> tuple[Floats, Floats, Doubles]:
    """Mean [D], first two principal axes [2, D], and standard deviations along them [2]; 0 for a missing one."""
    mean, axes = principal_axes(X)
    return mean, axes, np.asarray(((X - mean) @ axes.T).std(axis=0, dtype=np.float64))


def train(som: MiniSom, X: Floats, radii: Sequence[float] | Doubles, progress: Progress | None = None) -> None:
    """Change the weights of `som` (MiniSom, rectangular) by one batch over `X` for each radius.

    Kohonen's batch map (Kohonen 2013, Essentials of the self-organizing map): a node becomes the mean of all films,
    each weighted by the neighbourhood function between the node and the film's best node. What MiniSom's
    `train_batch_offline` does at rate 1 film by film is done here by two matrix products.
    """
    weights: Doubles = som.get_weights()
    flat = weights.reshape(-1, weights.shape[2])
    for epoch, radius in enumerate(radii):
        nodes = best_nodes(X, weights)
        members = csr_array((np.ones(len(X)), (nodes, np.arange(len(X)))), shape=(len(flat), len(X)))
        near = neighbourhoods(som, radius)
        films = near @ np.bincount(nodes, minlength=len(flat))
        reached = films > 0  # a small radius leaves a node that is far from all films as it was
        flat[reached] = (near @ (members @ X))[reached] / films[reached, None]
        if progress:
            progress(epoch + 1, len(radii))


def neighbourhoods(som: MiniSom, radius: float) -> Doubles:
    """MiniSom's neighbourhood function between all pairs of nodes, [rows * columns, rows * columns]."""
    rows, columns = som.get_weights().shape[:2]
    return np.stack([som.neighborhood(node, radius).ravel() for node in np.ndindex(rows, columns)])


def best_nodes(X: Floats, weights: Doubles | Floats) -> Nodes:
    """The node nearest to each row of `X`, int64 [N], row * columns + column; of nodes equally near the first.

    It is the answer of MiniSom's `winner`, to the last bit: a matrix product finds the nearest, and where rounding
    could make another node the winner the distances are computed plainly.
    """
    weights = np.asarray(weights, np.float64)
    flat = weights.reshape(-1, weights.shape[2])
    best = np.empty(len(X), np.int64)
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK].astype(np.float64)
        squared, slack = squared_distances(rows, flat)
        found = squared.argmin(axis=1)
        least = squared[np.arange(len(rows)), found]
        in_doubt = (squared <= (least + 2 * slack)[:, None]).sum(axis=1) > 1
        for row in np.flatnonzero(in_doubt):
            found[row] = np.linalg.norm(rows[row] - weights, axis=-1).argmin()
        best[start : start + BLOCK] = found
    return best


def squared_distances(rows: Doubles, flat: Doubles) -> tuple[Doubles, Doubles]:
    """Squared distances [N, K] by one matrix product, and how far rounding may have moved those of each row, [N].

    The sum |x|^2 - 2xw + |w|^2 errs by at most some D + 4 roundings of (|x| + |w|)^2 (Higham 2002, section 3.1).
    """
    lengths, reach = np.einsum("nd,nd->n", rows, rows), np.einsum("kd,kd->k", flat, flat)
    squared = lengths[:, None] - 2 * (rows @ flat.T) + reach
    slack = (rows.shape[1] + 8) * ROUNDING * (np.sqrt(lengths) + np.sqrt(reach.max())) ** 2
    return squared, slack
