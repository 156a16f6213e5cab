"""Integrated gradients over the pooled features: exact where exact maps are, complete where they are not."""

import numpy as np
import pytest
import torch
from torch import nn

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError, InexactError
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.integrated import integrated_maps
from embedlearn.explanations.readout import Readout, read_head


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.fixture
def features():
    return drawn(3, 10, 4, 5).relu()


@pytest.fixture
def vectors():
    return drawn(2, 6, seed=1)


@pytest.fixture
def mlp():
    """A projection head with a ReLU inside, as contrastive training has it, that works in place."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(inplace=True), nn.Linear(32, 6)).eval()


POOLS = {
    "mean": nn.AdaptiveAvgPool2d(1),
    "max": nn.AdaptiveMaxPool2d(1),
    "gem": Encoder(Architecture("resdense", dimension=4, pooling="gem")).pool,
}


@pytest.mark.parametrize("nodes", [1, 3])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("pooling", POOLS)
def test_for_a_linear_head_it_is_the_exact_map(pooling, norm, nodes, features, vectors):
    linear, batch = nn.Linear(10, 6, bias=norm), nn.BatchNorm1d(6)
    batch.running_mean, batch.running_var = drawn(6, seed=2), drawn(6, seed=3).exp()
    head = nn.Sequential(linear, batch).eval() if norm else linear
    exact = exact_maps(features, read_head(pooling, head), vectors)
    found = integrated_maps(features, POOLS[pooling], head, vectors, nodes)
    for name in ("maps", "constants", "scores"):
        torch.testing.assert_close(getattr(found, name), getattr(exact, name), rtol=1e-4, atol=1e-6)
    assert found.residual.max() < 1e-5


def test_films_may_have_vectors_of_their_own(features, mlp):
    vectors = drawn(3, 2, 6, seed=4)
    found = integrated_maps(features, POOLS["mean"], mlp, vectors, 4)
    for film in range(3):
        alone = integrated_maps(features[film : film + 1], POOLS["mean"], mlp, vectors[film], 4)
        torch.testing.assert_close(found.maps[film], alone.maps[0], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLS)
def test_for_a_head_with_kinks_the_residual_shrinks_with_the_nodes(pooling, features, vectors, mlp):
    with pytest.raises(InexactError):
        read_head(pooling, mlp)
    few, many = (integrated_maps(features, POOLS[pooling], mlp, vectors, nodes).residual.max() for nodes in (8, 512))
    assert many < 1e-3 and many < few
    with torch.no_grad():
        embeddings = nn.functional.normalize(mlp(POOLS[pooling](features).flatten(1)))
    scores = integrated_maps(features, POOLS[pooling], mlp, vectors, 1).scores
    torch.testing.assert_close(scores, embeddings @ vectors.T)


def test_for_a_smooth_head_a_few_nodes_are_exact_to_double_precision(vectors):
    head = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 6)).double()
    found = integrated_maps(drawn(3, 10, 4, 5, dtype=torch.float64).relu(), POOLS["mean"], head, vectors, 24)
    assert found.maps.dtype == torch.float64
    assert found.residual.max() < 1e-12


def test_it_is_the_plain_riemann_sum_of_gradients(features, vectors, mlp):
    """Channel by channel, by finite differences along ten thousand steps, for one film and one vector."""
    pooled = features[0].mean((1, 2))
    length = mlp(pooled[None]).norm().detach()
    steps = (torch.arange(10_000) + 0.5) / 10_000
    points = (steps[:, None] * pooled).requires_grad_()
    (mlp(points.clone()) @ vectors[1] / length).sum().backward()
    channels = points.grad.mean(0)
    plain = sum(channels[c] * features[0, c] for c in range(10)) / 20
    found = integrated_maps(features, POOLS["mean"], mlp, vectors, 512).maps[0, 1]
    np.testing.assert_allclose(found, plain, atol=1e-3 * plain.abs().max())


def test_from_a_baseline_the_constant_is_its_score_and_a_film_at_it_has_nothing_to_say(features, vectors, mlp):
    pooled = features.mean((2, 3))
    found = integrated_maps(features, POOLS["mean"], mlp, vectors, 256, baseline=pooled[0])
    torch.testing.assert_close(found.constants[0], found.scores[0])
    assert found.maps[0].sum((1, 2)).abs().max() < 1e-6 and found.residual.max() < 3e-3
    assert found.maps[1].abs().max() > 1e-3


def test_what_a_floor_under_the_pooling_adds_is_not_lost(vectors):
    """A generalised mean of dead channels is its floor, which no place's gradient sees."""
    features = torch.zeros(1, 10, 4, 5)
    features[:, :5] = drawn(1, 5, 4, 5).relu() * 1e-5
    head = nn.Linear(10, 6, bias=False)
    found = integrated_maps(features, POOLS["gem"], head, vectors, 1)
    exact = exact_maps(features, Readout("gem", head.weight.detach()), vectors)
    assert found.residual.max() < 1e-5 * found.maps.abs().sum()
    torch.testing.assert_close(found.scores, exact.scores)


def test_the_head_is_left_as_it_was(features, vectors, mlp):
    mlp.train()
    before = {key: value.clone() for key, value in mlp.state_dict().items()}
    kept = features.clone()
    found = integrated_maps(features, POOLS["mean"], mlp, vectors, 2)
    again = integrated_maps(features, POOLS["mean"], mlp.eval(), vectors, 2)
    assert torch.equal(found.maps, again.maps) and not found.maps.requires_grad and not found.scores.requires_grad
    assert all(torch.equal(value, before[key]) for key, value in mlp.state_dict().items())
    assert all(p.grad is None for p in mlp.parameters())
    assert torch.equal(features, kept) and not features.requires_grad


def test_a_head_that_begins_in_place_changes_nothing_of_the_features(features, vectors):
    linear = nn.Linear(10, 6)
    apart, in_place = (nn.Sequential(nn.ReLU(inplace=way), linear) for way in (False, True))
    shifted = features - 0.4  # pooled features of both signs
    found, plain = (integrated_maps(shifted, POOLS["mean"], head, vectors, 16) for head in (in_place, apart))
    assert torch.equal(found.maps, plain.maps) and torch.equal(found.scores, plain.scores)


def test_nodes_below_one_are_refused(features, vectors, mlp):
    with pytest.raises(ArgumentError, match="nodes: wanted 1 or more, got 0"):
        integrated_maps(features, POOLS["mean"], mlp, vectors, 0)
