"""Distances against torch's own, where rows coincide and where all lie close together."""

import pytest
import torch
from torch.nn.functional import normalize

from embedlearn.encoders.losses.base import Comparison
from embedlearn.encoders.losses.distances import root, squared_between, squared_distances


@pytest.mark.parametrize("seed", range(3))
def test_distances_are_torchs(make_batch, seed):
    X, labels = make_batch(seed, films=40)
    own = torch.tensor([3, 30, 31])
    squared = squared_distances(Comparison(X, labels, labels, own))
    exact = torch.cdist(X[own], X, compute_mode="donot_use_mm_for_euclid_dist")
    torch.testing.assert_close(root(squared), exact, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(squared[0], squared_between(X[own[:1]].expand_as(X), X))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("dimension", [2, 32, 128, 1024])
def test_equal_rows_are_at_distance_zero(dtype, dimension):
    draws = torch.randn(60, dimension, generator=torch.Generator().manual_seed(0), dtype=dtype)
    X = normalize(draws, dim=1).repeat(2, 1)
    squared = squared_distances(Comparison.within(X, torch.zeros(120, dtype=torch.int64)))
    same = torch.eye(60, dtype=torch.bool).repeat(2, 2)
    assert not squared[same].any() and (squared[~same] > 0).all()


def test_the_root_of_zero_has_no_gradient():
    squared = torch.tensor([0.0, 4.0], requires_grad=True)
    distances = root(squared)
    distances.sum().backward()
    assert distances.tolist() == pytest.approx([0, 2]) and squared.grad.tolist() == [0, 0.25]


def test_a_batch_that_lies_close_together_keeps_its_digits():
    spread = torch.randn(20, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    X = normalize(torch.ones(64, dtype=torch.float64) + 1e-3 * spread, dim=1).float()
    squared = squared_distances(Comparison.within(X, torch.arange(20)))
    exact = torch.cdist(X.double(), X.double(), compute_mode="donot_use_mm_for_euclid_dist").square()
    torch.testing.assert_close(squared.double(), exact, rtol=1e-4, atol=1e-10)
