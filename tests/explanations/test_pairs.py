"""The pair view: the matrix of places is the cosine, and its rows are the maps of single cases."""

import pytest
import torch
from torch import nn

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.pairs import pair_maps
from embedlearn.explanations.readout import Readout, read_encoder


def random(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("bias", [None, random(5, seed=9)], ids=["plain", "biased"])
@pytest.mark.parametrize("pooling", ["mean", "max", "gem"])
def test_the_matrix_adds_up_and_its_sums_are_the_map_against_the_other_film(pooling, bias):
    readout = Readout(pooling, random(5, 6, seed=1), bias)
    first, second = random(6, 3, 4).relu(), random(6, 2, 5, seed=2).relu()
    pair = pair_maps(first, second, readout)
    assert pair.matrix.shape == (3, 4, 2, 5)
    assert pair.residual < 1e-12
    z = nn.functional.normalize(readout.project(readout.pool(second[None])), dim=1)
    if bias is None:
        torch.testing.assert_close(pair.matrix.sum((2, 3)), exact_maps(first[None], readout, z).maps[0, 0])
    torch.testing.assert_close(pair.score, exact_maps(first[None], readout, z).scores[0, 0])


def test_a_pair_of_films_is_the_cosine_of_the_encoder():
    encoder = Encoder(Architecture("resdense", "mean", 16)).eval()
    with torch.no_grad():
        features = encoder.backbone(random(2, 1, 64, 64, dtype=torch.float32))
        z = encoder.project(encoder.pool(features))
    pair = pair_maps(*features, read_encoder(encoder), z)
    assert pair.score.item() == pytest.approx((z[0] @ z[1]).item(), abs=1e-6)
    assert pair.residual < 1e-5


def test_a_readout_that_is_not_the_networks_shows_as_residual():
    features, z = random(2, 6, 3, 3).relu(), nn.functional.normalize(random(2, 5, seed=7), dim=1)
    assert pair_maps(*features, Readout("mean", random(5, 6, seed=1)), z).residual > 1e-3


def test_the_strongest_pairs_are_the_greatest_and_take_no_place_twice():
    readout = Readout("mean", torch.eye(4, dtype=torch.float64))
    first, second = torch.zeros(4, 2, 2), torch.zeros(4, 2, 2)
    first[0, 0, 1], second[0, 1, 0] = 3, 3
    first[1, 1, 1], second[1, 0, 0] = 2, 2
    pair = pair_maps(first.double(), second.double(), readout)
    assert pair.strongest(2) == [(0, 1, 1, 0), (1, 1, 0, 0)]
    assert len(set(pair.strongest(9))) == 4
