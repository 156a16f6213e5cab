"""Embeddings have length 1, are linear behind the pooling, and follow from the seed."""

import numpy as np
import pytest
import torch

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError


@pytest.fixture
def films():
    return torch.rand(3, 1, 48, 48, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("pooling", ["mean", "gem"])
@torch.no_grad()
def test_embeddings_are_of_length_one_in_float32_even_where_the_network_computes_in_bf16(pooling, films):
    encoder = Encoder(Architecture(pooling=pooling, dimension=20)).eval()
    full = encoder(films)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert encoder.backbone(films).dtype == torch.bfloat16
        short = encoder(films)
    for embeddings in (full, short):
        assert embeddings.shape == (3, 20) and embeddings.dtype == torch.float32
        torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3), rtol=0, atol=1e-6)
    assert (full * short).sum(1).min() > 0.9 and not torch.equal(full, short)


def test_pooling_is_the_mean_or_the_generalised_mean_of_power_three():
    features = np.random.default_rng(0).normal(size=(2, 5, 4, 3))
    positive = np.maximum(features, 1e-6)
    for pooling, expected in (
        ("mean", features.sum((2, 3)) / 12),
        ("gem", np.cbrt((positive * positive * positive).sum((2, 3)) / 12)),
    ):
        pooled = Encoder(Architecture(pooling=pooling)).pool(torch.from_numpy(features))
        np.testing.assert_allclose(pooled.numpy(), expected, rtol=1e-9)


@torch.no_grad()
def test_a_similarity_is_the_sum_of_what_each_place_of_the_map_adds_to_it(films):
    encoder = Encoder(Architecture(dimension=20)).eval()
    reference = torch.nn.functional.normalize(torch.randn(20, dtype=torch.float64), dim=0)
    weight, features = encoder.projection.weight.double(), encoder.backbone(films).double()
    places = torch.einsum("dc,bchw->bdhw", weight, features) / features[0, 0].numel()
    length = places.sum((-2, -1)).norm(dim=1)
    added = torch.einsum("bdhw,d->bhw", places, reference) / length[:, None, None]
    torch.testing.assert_close(added.sum((-2, -1)), encoder(films).double() @ reference, rtol=0, atol=1e-6)


@pytest.mark.parametrize("backbone", ["resdense", "mobilenet_v3_small"])
def test_the_seed_decides_the_weights_and_the_global_generator_does_not_notice(backbone):
    before = torch.random.get_rng_state()
    first, again, other = (Encoder(Architecture(backbone), seed=seed).state_dict() for seed in (4, 4, 5))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["projection.weight"], other["projection.weight"])
    kernel = next(name for name, weight in first.items() if weight.ndim == 4)
    assert not torch.equal(first[kernel], other[kernel])


def test_an_encoder_that_cannot_be_is_refused():
    with pytest.raises(ArgumentError, match="--dimension: wanted a number from 2 to 8192, got 1"):
        Architecture(dimension=1)
    with pytest.raises(ArgumentError, match="--pooling: wanted mean or gem, got max"):
        Architecture(pooling="max")
