"""The four convolutions of DeepCovid19 read films of any size, and nothing moves a cell off its place."""

import pytest
import torch
from torch import nn

from embedlearn.encoders.backbones import backbone_names, count_channels, create_backbone
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.finetuning import freeze_trunk
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.preprocessing import Preprocessing

NAME = "deepcovid19"


@pytest.fixture
def backbone():
    with seeded(0):
        return create_backbone(NAME).eval()


def test_its_layers_are_those_of_the_paper(backbone):
    kernels = [layer for layer in backbone.modules() if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels, *layer.kernel_size) for layer in kernels] == [
        (64, 10, 10), (128, 7, 7), (128, 4, 4), (256, 4, 4),
    ]  # fmt: skip
    assert all(layer.bias is None and layer.stride == (1, 1) for layer in kernels)
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in backbone) == 3
    assert count_channels(backbone) == 256
    assert NAME in backbone_names()


@pytest.mark.parametrize("side", [32, 48, 96])
@torch.no_grad()
def test_the_map_has_an_eighth_of_the_side(backbone, side):
    assert backbone(torch.rand(1, 1, side, side)).shape == (1, 256, side // 8, side // 8)


def test_every_cell_looks_at_its_own_place(backbone):
    """The field of the cell (3, 5) of 8 x 8 is centred on the pixels that it stands for, within a third of a cell."""
    film = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    backbone.double()(film)[0, :, 3, 5].square().sum().backward()
    weight = film.grad[0, 0].square()
    weight /= weight.sum()
    places = torch.arange(64, dtype=torch.float64)
    for axis, cell in ((1, 3), (0, 5)):
        centre = float((weight.sum(axis) * places).sum())
        assert abs(centre - (8 * cell + 3.5)) < 8 / 3


@torch.no_grad()
def test_its_last_block_is_cut_where_fine_tuning_starts(toy_films):
    encoder = Encoder(Architecture(NAME, dimension=8), seed=1)
    settings = Preprocessing(size=32)
    frozen = freeze_trunk(encoder, toy_films, settings)
    assert frozen.activations.shape == (len(toy_films), 128, 7, 7)  # 4 x 4, padded by three
    assert [type(layer) for layer in frozen.tail.backbone] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]


def test_it_has_no_published_weights():
    with pytest.raises(ArgumentError, match="--weights imagenet: deepcovid19 has no published weights"):
        create_backbone(NAME, imagenet=True)
