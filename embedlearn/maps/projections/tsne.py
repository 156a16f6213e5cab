"""t-SNE: neighbours stay neighbours, at the price of the distances between groups."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.flags import require_number
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.maps.neighbours import neighbours_elsewhere
from embedlearn.maps.projections.base import Floats, Progress, Projection, films_to_fit, films_to_place
from embedlearn.maps.projections.pca import principal_coordinates

EARLY, EXAGGERATION = 250, 12.0  # steps with all attractions so much stronger, as van der Maaten and Hinton have it
MOMENTUM = 0.8
SLOWEST = 200.0  # learning rate: N / exaggeration (Belkina 2019), at which a few hundred films hardly move
SMALL = 8_000  # films below which a tree is quicker than a grid
ALONE = 2_000  # films below which threads wait for each other longer than they work
EVERY = 50  # steps between two reports of progress
# Placing a new film, as openTSNE's own transform has it: its few nearest films, in slow steps, since repulsion has no
# counterweight right beside a film of the map.
PLACING, FEW = 250, 5.0  # steps, and their perplexity
PLACED: dict[str, Any] = {
    "learning_rate": 0.1, "exaggeration": 1.5, "momentum": MOMENTUM, "max_grad_norm": 0.25, "max_step_norm": None,
}  # fmt: skip


class TSNEProjection(Projection):
    """t-SNE (van der Maaten and Hinton 2008) by openTSNE (Poličar 2019), on exact neighbours, started from the PCA.

    `perplexity`: about how many neighbours a film has; its neighbourhood is three times as many. Of N films there are
    N - 1 others, so at most (N - 1) / 3 is used. `steps`: of the descent after the 250 with exaggeration.
    New films are placed by the descent of each against the fixed map, its affinities normalised for itself.
    The number of threads does not change the map.
    """

    kind = "tsne"

    def __init__(self, *, perplexity: float = 30.0, steps: int = 500, seed: int = 0) -> None:
        self.perplexity = perplexity
        self.steps = steps
        self.seed = seed

    def fit(self, X: ArrayLike, progress: Progress | None = None) -> Self:
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PerplexityBasedNN
        from openTSNE.nearest_neighbors import PrecomputedNeighbors

        require_number("perplexity", self.perplexity, 1, 10_000)
        require_number("steps", self.steps, 1, 1_000_000)
        self.vectors_ = films_to_fit(X)
        count = len(self.vectors_)
        threads = 1 if count < ALONE else os.cpu_count() or 1
        perplexity, width = _at_most(self.perplexity, count - 1)
        squared, found = neighbours_elsewhere(self.vectors_, width)
        index = PrecomputedNeighbors(found, _comparable(squared))
        affinities = PerplexityBasedNN(perplexity=perplexity, knn_index=index, n_jobs=threads)
        made = TSNEEmbedding(
            principal_coordinates(self.vectors_, self.seed) * 1e-4, affinities,
            negative_gradient_method="bh" if count < SMALL else "fft", n_jobs=threads, momentum=MOMENTUM,
        )  # fmt: skip
        for steps, exaggeration, before in ((EARLY, EXAGGERATION, 0), (self.steps, 1.0, EARLY)):
            told = [_told(progress, before, EARLY + self.steps)] if progress else None
            rate = max(count / exaggeration, min(count, SLOWEST))
            made.optimize(
                steps, inplace=True, exaggeration=exaggeration, learning_rate=rate,
                callbacks=told, callbacks_every_iters=EVERY,
            )  # fmt: skip
        self.embedding_ = np.asarray(made, np.float32)
        if progress:
            progress(EARLY + self.steps, EARLY + self.steps)
        return self

    def transform(self, X: ArrayLike) -> Floats:
        from openTSNE import TSNEEmbedding
        from openTSNE.affinity import PrecomputedAffinities, joint_probabilities_nn
        from openTSNE.tsne import PartialTSNEEmbedding
        from scipy.sparse import csr_matrix

        films = films_to_place(X, self.vectors_.shape[1])
        if not len(films):
            return np.empty((0, 2), np.float32)
        count = len(self.vectors_)
        perplexity, width = _at_most(FEW, count)
        squared, found = exact_neighbours(films, self.vectors_, width)
        affinities = joint_probabilities_nn(
            found, _comparable(squared), [perplexity], symmetrize=False,
            normalization="point-wise", n_reference_samples=count,
        )  # fmt: skip
        middle = (self.embedding_.max(0) + self.embedding_.min(0)) / 2  # openTSNE's grid lies about 0
        fixed = TSNEEmbedding(self.embedding_ - middle, PrecomputedAffinities(csr_matrix((count, count)), False))
        start = np.median(np.asarray(fixed)[found], axis=1)
        placed = PartialTSNEEmbedding(start, fixed, affinities, negative_gradient_method="fft")
        placed.optimize(PLACING, inplace=True, **PLACED)
        return np.asarray(np.asarray(placed, np.float32) + middle)

    def settings(self) -> dict[str, Any]:
        return {"perplexity": self.perplexity, "steps": self.steps, "seed": self.seed}

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"embedding": self.embedding_, "vectors": self.vectors_}

    @classmethod
    def restored(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        made = cls(**settings)
        made.embedding_, made.vectors_ = arrays["embedding"], arrays["vectors"]
        return made


def _at_most(perplexity: float, others: int) -> tuple[float, int]:
    """A perplexity that so many other films allow, and the neighbours that it takes: three times as many."""
    width = min(others, math.ceil(3 * perplexity))
    return min(float(perplexity), width / 3), width


def _comparable(squared: Floats) -> NDArray[np.float64]:
    """Distances, float64 [M, k], of about 1, with the Gaussian affinities of those whose squares are given.

    A Gaussian of a given perplexity stays what it is when a number is taken from all squares, or all are scaled; so
    neither films that are far from all others nor the unit of the embedding make the search for its width fail.
    """
    with np.errstate(invalid="ignore"):  # infinity less infinity
        more = squared.astype(np.float64) - squared[:, :1]
    mean = more.mean(axis=1, keepdims=True)
    usable = np.isfinite(mean) & (mean > 0)
    return np.sqrt(np.where(usable, more, 1) / np.where(usable, mean, 1))


def _told(progress: Progress, before: int, total: int) -> Any:
    """What openTSNE calls as it descends."""

    def call(step: int, error: float, embedding: Floats) -> bool:
        progress(before + step, total)
        return False

    return call
