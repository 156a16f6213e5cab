"""What stands for a node: the nearest films of different cases, and the mean of its films' explanations."""

import numpy as np
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.maps.som.exemplars import node_exemplars, node_means


@pytest.mark.parametrize("seed", range(3))
def test_exemplars_are_the_nearest_films_of_different_cases(seed):
    rng = np.random.default_rng(seed)
    X, weights = rng.normal(size=(60, 4)).astype(np.float32), rng.normal(size=(3, 4, 4)).astype(np.float32)
    nodes, cases = rng.integers(0, 11, 60), rng.choice(list("abcdefghij"), 60)
    found = node_exemplars(X, weights, nodes, cases, 3)
    for node in range(12):
        rows = sorted(
            np.flatnonzero(nodes == node), key=lambda row: np.linalg.norm(X[row] - weights[node // 4, node % 4])
        )
        plain = [row for place, row in enumerate(rows) if cases[row] not in cases[rows[:place]]][:3]
        assert found[node].tolist() == plain + [-1] * (3 - len(plain))
    assert found[11].tolist() == [-1, -1, -1]


def test_of_films_equally_near_the_first_is_taken():
    X = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    assert node_exemplars(X, np.zeros((1, 1, 2), np.float32), np.zeros(3, int), at_most=3).tolist() == [[0, 1, 2]]


def test_means_are_those_of_each_nodes_films():
    rng = np.random.default_rng(0)
    maps, nodes = rng.normal(size=(30, 3, 2)).astype(np.float32), rng.integers(0, 5, 30)
    found = node_means(nodes, maps, 6)
    for node in range(5):
        np.testing.assert_allclose(found[node], np.mean([maps[i] for i in range(30) if nodes[i] == node], 0), atol=1e-6)
    assert found.shape == (6, 3, 2) and found.dtype == np.float32
    assert np.isnan(found[5]).all()


def test_what_does_not_fit_together_is_refused():
    X = np.zeros((3, 2), np.float32)
    with pytest.raises(ArgumentError, match="got at_most 1 and 2 nodes"):
        node_exemplars(X, np.zeros((1, 1, 2), np.float32), np.zeros(2, int), [1, 2, 3])
    with pytest.raises(ArgumentError, match="cases: wanted one for each of 3 films, got 2"):
        node_exemplars(X, np.zeros((1, 1, 2), np.float32), np.zeros(3, int), [1, 2])
    with pytest.raises(ArgumentError, match="at_most 0"):
        node_exemplars(X, np.zeros((1, 1, 2), np.float32), np.zeros(3, int), at_most=0)
    with pytest.raises(ArgumentError, match=r"maps: wanted \[3, h, w\]"):
        node_means(np.zeros(3, int), np.zeros((2, 4, 4)), 1)
