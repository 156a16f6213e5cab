"""A pool of three classes in which most patients have several films, some in two classes."""

from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray


class Pool(NamedTuple):
    """N films: float32 embeddings [N, D], class names [N], patients [N]."""

    X: NDArray[np.float32]
    classes: NDArray[np.object_]
    groups: NDArray[np.object_]


def make_pool(seed: int = 0, films: int = 240, dimensions: int = 24) -> Pool:
    rng = np.random.default_rng(seed)
    classes = rng.choice(np.array(["covid-19", "normal", "pneumonia"], dtype=object), films)
    groups = np.array([f"patient {number}" for number in rng.integers(0, films // 2, films)], dtype=object)
    X = rng.normal(size=(films, dimensions))
    for axis, name in enumerate(np.unique(classes)):
        X[classes == name, axis] += 1.5
    return Pool(X.astype(np.float32) * 0.6 + 0.3, classes, groups)


@pytest.fixture
def pool() -> Pool:
    return make_pool()
