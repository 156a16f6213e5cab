"""Two maps of the same films, laid over each other."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes

from embedlearn.errors import ArgumentError
from embedlearn.maps.alignment import align


def maps(seed: int = 0, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A map, and another that is turned, mirrored, shifted and wider."""
    random = np.random.default_rng(seed)
    one = random.normal(size=(60, 2))
    turn = np.array([[np.cos(2.0), np.sin(2.0)], [np.sin(2.0), -np.cos(2.0)]])
    return one, one @ turn * 7 + [30, -4] + random.normal(size=one.shape) * noise


def test_a_turned_mirrored_shifted_map_lies_on_the_other_again() -> None:
    one, other = maps()
    np.testing.assert_allclose(align(other, one).apply(other), one, atol=1e-5)
    new = np.array([[0.3, 0.1], [5.0, 5.0]])
    np.testing.assert_allclose(align(one, other).apply(new), (new @ align(one, other).turn) * 7 + [30, -4], atol=1e-4)


def test_it_is_scipys_turn_and_equally_wide() -> None:
    one, other = maps(noise=3.0)
    centred, goal = other - other.mean(0), one - one.mean(0)
    turn, _ = orthogonal_procrustes(centred, goal)
    wanted = centred @ turn * np.linalg.norm(goal) / np.linalg.norm(centred) + one.mean(0)
    np.testing.assert_allclose(align(other, one).apply(other), wanted, atol=1e-5)


def test_no_turn_does_better() -> None:
    one, other = maps(seed=3, noise=4.0)
    best = np.square(align(other, one).apply(other) - one).sum()
    centred = (other - other.mean(0)) * align(other, one).scale
    for angle in np.linspace(0, 2 * np.pi, 40):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        for mirror in (1, -1):
            laid = centred @ (turn * [1, mirror]) + one.mean(0)
            assert np.square(laid - one).sum() >= best - 1e-3


def test_a_map_without_extent_is_laid_on_the_middle() -> None:
    one, _ = maps()
    np.testing.assert_allclose(align(np.ones((60, 2)), one).apply(np.ones((3, 2))), [one.mean(0)] * 3, atol=1e-5)


def test_maps_of_other_films_are_refused() -> None:
    one, other = maps()
    with pytest.raises(ArgumentError, match=r"same films, got \(59, 2\) and \(60, 2\)"):
        align(one[1:], other)
    with pytest.raises(ArgumentError, match="same films"):
        align(np.ones((60, 3)), np.ones((60, 3)))
