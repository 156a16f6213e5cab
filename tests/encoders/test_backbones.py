"""Every backbone reads films of one channel and answers with the map that its classifier would pool."""

import sys
from urllib.error import URLError

import pytest
import torch
import torchvision
from amounts import slow
from torch import nn

from embedlearn.encoders.backbones import _take_one_channel, backbone_names, count_channels, create_backbone
from embedlearn.errors import ArgumentError


def seeded(make, *arguments, **options):
    """What `make` builds from seed 0, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*arguments, **options).eval()


@pytest.fixture
def films():
    return torch.randn(2, 1, 96, 96, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "name",
    [
        "resnet18", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5",
        *map(slow, ("efficientnet_b0", "convnext_tiny", "regnet_y_400mf", "inception_v3", "googlenet")),
    ],
)  # fmt: skip
@torch.no_grad()
def test_the_mean_of_the_map_is_what_torchvisions_classifier_reads_of_three_equal_channels(name, films):
    options = {"init_weights": True} if name in ("inception_v3", "googlenet") else {}
    classifier = seeded(torchvision.models.get_model, name, weights=None, **options)
    read = []
    head = classifier.get_submodule("fc" if hasattr(classifier, "fc") else "classifier")
    head.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0].flatten(1)))
    classifier(films.repeat(1, 3, 1, 1))

    backbone = seeded(create_backbone, name)
    features = backbone(films)
    assert features.ndim == 4 and features.shape[1] == count_channels(backbone)
    torch.testing.assert_close(features.mean((-2, -1)), read[0], rtol=1e-3, atol=1e-4 * float(read[0].abs().max()))


@pytest.mark.parametrize("side", [32, 96])
def test_resdense_divides_the_side_by_sixteen(side):
    assert seeded(create_backbone, "resdense")(torch.rand(2, 1, side, side)).shape == (2, 256, side // 16, side // 16)


def test_densenet_ends_in_the_relu_of_its_classifier(films):
    assert (seeded(create_backbone, "densenet121")(films) >= 0).all()


def test_one_channel_is_answered_like_three_equal_ones(films):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))
    expected = network(films.repeat(1, 3, 1, 1))
    _take_one_channel(network)
    assert network[0].in_channels == 1
    torch.testing.assert_close(network(films), expected, rtol=1e-4, atol=1e-5)


def test_counting_channels_changes_nothing():
    backbone = nn.Sequential(nn.Conv2d(1, 7, 3), nn.BatchNorm2d(7)).train()
    assert count_channels(backbone) == 7
    assert backbone.training and backbone[1].num_batches_tracked == 0


@pytest.mark.parametrize("name", ["vit_b_16", "maxvit_t", "squeezenet1_0"])
def test_a_network_without_a_map_is_not_offered(name):
    assert name not in backbone_names()
    with pytest.raises(ArgumentError, match="no such backbone"):
        create_backbone(name)


def test_an_unknown_name_is_answered_with_similar_ones():
    with pytest.raises(ArgumentError, match=r"--backbone resnet81: no such backbone; wanted one like resnet18"):
        create_backbone("resnet81")


def test_our_own_network_has_no_published_weights():
    with pytest.raises(ArgumentError, match="--weights imagenet: resdense has no published weights"):
        create_backbone("resdense", imagenet=True)


@pytest.mark.parametrize("name", ["resnet18", "googlenet"])
def test_published_weights_are_loaded_with_the_first_channels_summed(name, monkeypatch):
    options = {"init_weights": False} if name == "googlenet" else {}
    published = seeded(torchvision.models.get_model, name, weights=None, **options)
    weights = published.state_dict()
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: weights)
    kernels = [layer.weight for layer in create_backbone(name, imagenet=True).modules() if isinstance(layer, nn.Conv2d)]
    expected = [layer.weight for layer in published.modules() if isinstance(layer, nn.Conv2d)]
    torch.testing.assert_close(kernels[0], expected[0].sum(1, keepdim=True))
    assert torch.equal(kernels[1], expected[1])


def test_without_a_network_published_weights_fail_in_one_clear_line(monkeypatch):
    def refuse(*_, **__):
        raise URLError("no route to host")

    monkeypatch.setattr(torchvision.models, "get_model", refuse)
    with pytest.raises(ArgumentError, match=r"resnet18's weights cannot be downloaded .*no route.*--weights none") as e:
        create_backbone("resnet18", imagenet=True)
    assert "\n" not in str(e.value)


def test_a_network_of_timm_reads_one_channel_and_is_handed_over_untouched(films):
    pytest.importorskip("timm")
    backbone = create_backbone("timm:resnet10t")
    for layer in backbone.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.num_batches_tracked == 0 and not layer.running_mean.any()
    assert backbone(films).shape == (2, 512, 3, 3)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nope", "Unknown model"),
        ("vit_tiny_patch16_224", "cannot read films of every size"),
        ("mambaout_femto", "no feature map"),  # its channels come last
    ],
)
def test_a_network_of_timm_that_does_not_fit_is_refused(name, reason):
    pytest.importorskip("timm")
    with pytest.raises(ArgumentError, match=f"--backbone timm:{name}: .*{reason}"):
        create_backbone(f"timm:{name}")


def test_without_timm_the_install_line_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ArgumentError, match=r"pip install 'embedlearn\[timm\]'"):
        create_backbone("timm:resnet10t")
