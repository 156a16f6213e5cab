"""Episodes of Gaussian classes, and what easyfsl answers to them."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray


class Drawn(NamedTuple):
    """Support [e, S, D] with slots [S], queries [e, T, D] with slots [e, T]."""

    support: NDArray[np.float32]
    label: NDArray[np.int64]
    query: NDArray[np.float32]
    truth: NDArray[np.int64]

    @property
    def n_way(self):
        return int(self.label.max()) + 1

    @property
    def means(self):
        """The mean of each class's films at unit length, [e, W, D]."""
        unit = self.support / np.linalg.norm(self.support, axis=2, keepdims=True)
        return np.stack([unit[:, self.label == slot].mean(axis=1) for slot in range(self.n_way)], axis=1)

    def by_means(self):
        """Cosines of the queries to the class means, [e, T, W]."""
        directions = self.means / np.linalg.norm(self.means, axis=2, keepdims=True)
        return self.query / np.linalg.norm(self.query, axis=2, keepdims=True) @ directions.transpose(0, 2, 1)

    def accuracy(self, scores):
        return float((scores.argmax(axis=2) == self.truth).mean())


def draw(n_way, n_shot, dimensions, noise, *, episodes=20, dirichlet=None, decay=0.0, common=0.0, seed=0):
    """15 queries a class, or as many in shares drawn from a Dirichlet distribution.

    The d-th variance falls with d ** -decay, between classes and within; `common`: what all films share.
    """
    rng = np.random.default_rng(seed)
    spread = np.arange(1, dimensions + 1) ** (-decay / 2)
    center = spread * rng.normal(size=(episodes, n_way, dimensions)) + common * rng.normal(size=dimensions)
    label = np.repeat(np.arange(n_way), n_shot)
    truth = np.tile(np.repeat(np.arange(n_way), 15), (episodes, 1))
    if dirichlet is not None:
        shares = rng.dirichlet(np.full(n_way, dirichlet), episodes)
        truth = np.stack([rng.choice(n_way, truth.shape[1], p=share) for share in shares])
    support, query = center[:, label], np.take_along_axis(center, truth[:, :, None], axis=1)
    support, query = (rows + noise * spread * rng.normal(size=rows.shape) for rows in (support, query))
    return Drawn(support.astype(np.float32), label, query.astype(np.float32), truth)


def easyfsl_scores(build, drawn):
    """Cosines or minus distances, [e, T, W]; a new classifier each time, since easyfsl's keep their prototypes."""
    answers = []
    for support, query in zip(drawn.support, drawn.query, strict=True):
        classifier = build(feature_normalization=2.0)
        classifier.process_support_set(torch.from_numpy(support), torch.from_numpy(drawn.label))
        answers.append(classifier(torch.from_numpy(query)).numpy())
    return np.stack(answers)
