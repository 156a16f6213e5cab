"""How holes are filled: as the paper's authors do it, and so that a plane stays a plane."""

import numpy as np
import pytest
import torch

from embedlearn.explanations.checks.places import ordered
from embedlearn.explanations.checks.road import imputed


def blocks(share: float, seed: int) -> np.ndarray:
    """Missing pixels [24, 24] in blocks of 4."""
    return np.kron(np.random.default_rng(seed).random((6, 6)) < share, np.ones((4, 4))).astype(bool)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the package hands tensors to numpy
def test_holes_are_filled_as_the_grad_cam_package_fills_them() -> None:
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    films = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 1, 24, 24)).astype(np.float32))
    for number, share in enumerate((0.2, 0.5, 0.8)):
        hole = blocks(share, number)
        mine = imputed(films, np.stack([hole] * 3), noise=0)
        for film, filled in zip(films, mine, strict=True):
            theirs = NoisyLinearImputer(noise=0)(film, torch.from_numpy((~hole).astype(np.float32)))
            assert torch.allclose(filled, theirs, atol=1e-5)


def test_one_hole_for_all_films_is_the_same_as_one_each() -> None:
    films = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 1, 24, 24)).astype(np.float32))
    hole = blocks(0.4, 3)
    assert torch.allclose(imputed(films, hole[None]), imputed(films, np.stack([hole] * 4)), atol=1e-6)


def test_a_plane_is_restored_inside_and_known_pixels_never_change() -> None:
    rows, columns = np.indices((24, 24))
    film = torch.from_numpy((0.1 * rows - 0.05 * columns).astype(np.float32))[None, None]
    hole = np.zeros((1, 24, 24), bool)
    hole[0, 6:15, 4:18] = True
    assert torch.allclose(imputed(film, hole, noise=0), film, atol=1e-5)
    noisy = imputed(film, hole)
    assert torch.equal(noisy[0, 0][~hole[0]], film[0, 0][~hole[0]])
    assert 0.005 < float((noisy - film)[0, 0][hole[0]].std()) < 0.02
    assert torch.equal(noisy, imputed(film, hole))


def test_cells_of_equal_value_stand_in_a_random_order_and_others_from_the_greatest_down() -> None:
    order = ordered(np.zeros((400, 4, 4), np.float32))
    assert all(sorted(row) == list(range(16)) for row in order.tolist())
    assert np.abs(order.mean(0) - 7.5).max() < 1.2
    maps = np.random.default_rng(1).random((5, 4, 4), np.float32)
    assert np.array_equal(ordered(maps), np.argsort(-maps.reshape(5, 16), axis=1))
