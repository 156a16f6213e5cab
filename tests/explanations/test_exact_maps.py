"""Exact maps: they add up to what the network itself answers, and a plain loop finds the same."""

import pytest
import torch
from torch import nn

from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError, InexactError
from embedlearn.explanations.exact import exact_maps, explain_films
from embedlearn.explanations.readout import Readout, read_head
from embedlearn.explanations.targets import (
    Target,
    case_target,
    margin_target,
    neighbours_target,
    prototype_target,
)

TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}
DTYPES = list(TOLERANCE)


def random(*shape, dtype=torch.float32, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def settled(network):
    """Batch norms with means, variances and weights of their own, in evaluation mode."""
    torch.manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -0.5, 0.5)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            if layer.affine:
                nn.init.uniform_(layer.weight, 0.5, 1.5)
                nn.init.uniform_(layer.bias, -0.5, 0.5)
    return network.eval()


@pytest.fixture(autouse=True)
def _generator():
    with torch.random.fork_rng():
        yield


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pooling", ["mean", "gem"])
@pytest.mark.parametrize("backbone", ["resdense", "resnet18", "densenet121"])
def test_the_maps_of_an_encoder_add_up_to_its_own_scores(backbone, pooling, dtype):
    encoder = settled(Encoder(Architecture(backbone, pooling, 16))).to(dtype)
    inputs = random(3, 1, 64, 64, dtype=dtype)
    examples = nn.functional.normalize(random(9, 16, dtype=dtype, seed=2), dim=1)
    targets = [
        prototype_target("a", examples[:4]),
        margin_target("a", "b", examples[:4], examples[4:]),
        case_target("one", examples[0]),
        neighbours_target("near", examples[:5]),
    ]
    found = explain_films(encoder, inputs, targets)
    with torch.no_grad():
        z = encoder(inputs)
        features = encoder.backbone(inputs)
    p, q = examples[:4].mean(0), examples[4:].mean(0)
    own = torch.stack(
        [
            z @ nn.functional.normalize(p, dim=0),
            (z - q).square().sum(1) - (z - p).square().sum(1),
            z @ examples[0],
            (z @ examples[:5].T).mean(1),
        ],
        1,
    )
    assert found.maps.shape == (3, 4, *features.shape[-2:])
    assert found.maps.dtype == dtype
    assert (found.maps.sum((-2, -1)) + found.constants - own).abs().max() < TOLERANCE[dtype]
    assert found.residual.max() < TOLERANCE[dtype]


HEADS = {
    "linear": lambda: nn.Linear(6, 5, bias=False),
    "biased": lambda: nn.Linear(6, 5),
    "deep": lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 7), nn.Identity(), nn.Dropout(0.5), nn.Linear(7, 5)),
    "norm": lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)),
    "norm first": lambda: nn.Sequential(nn.BatchNorm1d(6), nn.Sequential(nn.Linear(6, 5, bias=False))),
    "plain norm": lambda: nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, affine=False)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pooling", ["mean", "max", "gem"])
@pytest.mark.parametrize("head", HEADS)
def test_the_maps_of_any_linear_head_add_up(head, pooling, dtype):
    torch.manual_seed(0)
    layers = settled(HEADS[head]()).to(dtype)
    features = random(4, 6, 3, 5, dtype=dtype).relu()
    pooled = {
        "mean": features.mean((2, 3)),
        "max": features.amax((2, 3)),
        "gem": (features.clamp_min(1e-6) ** 3).mean((2, 3)) ** (1 / 3),
    }[pooling]
    with torch.no_grad():
        z = nn.functional.normalize(layers(pooled), dim=1)
    vectors = random(2, 5, dtype=dtype, seed=3)
    found = exact_maps(features, read_head(pooling, layers), vectors, torch.tensor([0.0, 0.25]), z)
    assert found.residual.max() < TOLERANCE[dtype]
    torch.testing.assert_close(found.scores, z @ vectors.T + torch.tensor([0.0, 0.25], dtype=dtype))


def test_a_map_is_what_a_plain_loop_finds():
    torch.manual_seed(0)
    head = nn.Linear(4, 3)
    features, v = random(1, 4, 2, 3).relu(), random(3, seed=5)
    found = exact_maps(features, read_head(nn.AdaptiveAvgPool2d(1), head), v[None])
    raw = features.mean((2, 3))[0] @ head.weight.T + head.bias
    for row in range(2):
        for column in range(3):
            given = sum(v @ head.weight[:, c] * features[0, c, row, column] for c in range(4)) / 6 / raw.norm()
            assert found.maps[0, 0, row, column].item() == pytest.approx(given.item(), abs=1e-6)
    assert found.constants.item() == pytest.approx((v @ head.bias / raw.norm()).item(), abs=1e-6)


def test_under_a_maximum_only_the_places_that_have_it_speak():
    features = torch.zeros(1, 2, 3, 3)
    features[0, 0, 0, 2], features[0, 1, 2, 1] = 3.0, 4.0
    found = exact_maps(features, Readout("max", torch.eye(2)), torch.eye(2))
    assert found.maps[0].flatten(1).nonzero().tolist() == [[0, 2], [1, 7]]
    torch.testing.assert_close(found.maps.sum((-2, -1)), torch.tensor([[0.6, 0.8]]))


def test_films_can_have_targets_of_their_own():
    readout, features = Readout("mean", random(5, 6, seed=1)), random(3, 6, 2, 2).relu()
    vectors = random(3, 4, 5, seed=2)
    together = exact_maps(features, readout, vectors)
    for film in range(3):
        alone = exact_maps(features[film : film + 1], readout, vectors[film])
        torch.testing.assert_close(together.maps[film], alone.maps[0])


def test_what_a_network_does_beyond_its_readout_shows_as_residual():
    """A DenseNet read before its last ReLU: the sum is not the score, and that is seen."""
    encoder = settled(Encoder(Architecture("densenet121", "mean", 16)))
    inputs = random(2, 1, 64, 64)
    with torch.no_grad():
        before = nn.Sequential(*encoder.backbone)(inputs)
        own = encoder(inputs)
    readout = Readout("mean", encoder.projection.weight.detach())
    assert exact_maps(before, readout, own, embeddings=own).residual.diagonal().max() > 1e-3
    assert exact_maps(before.relu(), readout, own, embeddings=own).residual.max() < 1e-5


@pytest.mark.parametrize(
    ("layer", "said"),
    [(nn.ReLU(), "ReLU: not linear"), (nn.BatchNorm1d(5), "training mode"), (nn.Dropout(0.5), "Dropout")],
)
def test_a_head_that_is_not_linear_is_refused_with_the_reason(layer, said):
    with pytest.raises(InexactError, match=said):
        read_head("mean", nn.Sequential(nn.Linear(6, 5), layer))


class Cosine(nn.Linear):
    def forward(self, x):
        return nn.functional.linear(nn.functional.normalize(x, dim=1), nn.functional.normalize(self.weight, dim=1))


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


@pytest.mark.parametrize("head", [Cosine(6, 5), Residual(nn.Linear(6, 6))], ids=["cosine", "residual"])
def test_a_layer_that_computes_something_else_is_refused(head):
    with pytest.raises(InexactError, match=type(head).__name__):
        read_head("mean", head)


def test_a_norm_that_keeps_no_mean_and_an_unknown_pooling_are_refused():
    with pytest.raises(InexactError, match="keeps no running mean"):
        read_head("mean", nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5, track_running_stats=False)).eval())
    with pytest.raises(ArgumentError, match="pooling: wanted mean, max or gem, got avg"):
        read_head("avg", nn.Linear(6, 5))


def test_films_are_explained_in_evaluation_mode():
    encoder = Encoder(Architecture("resdense", "mean", 16)).train()
    films, target = random(4, 1, 64, 64), [Target("any", random(16))]
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    together, alone = explain_films(encoder, films, target), explain_films(encoder, films[:1], target)
    torch.testing.assert_close(together.maps[:1], alone.maps, atol=1e-6, rtol=1e-4)
    assert encoder.training and all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_a_head_without_weights_and_a_strange_pooling_are_refused():
    with pytest.raises(ArgumentError, match="linear layer"):
        read_head("mean", nn.Identity())
    with pytest.raises(InexactError, match="pooling"):
        read_head(nn.AdaptiveAvgPool2d(2), nn.Linear(6, 5))
    assert read_head(nn.AdaptiveMaxPool2d(1), nn.Linear(6, 5)).pooling == "max"


def test_targets_refuse_what_has_no_direction():
    with pytest.raises(ArgumentError, match="cancel out"):
        prototype_target("a", torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    with pytest.raises(ArgumentError, match="one example or more"):
        margin_target("a", "b", torch.zeros(0, 2), torch.ones(1, 2))


def test_a_margin_turns_its_sign_with_its_classes():
    a, b, features = random(3, 5), random(4, 5, seed=1), random(2, 6, 3, 3, seed=2).relu()
    readout = Readout("mean", random(5, 6, seed=4))
    targets = [margin_target("a", "b", a, b), margin_target("b", "a", b, a)]
    there, back = (exact_maps(features, readout, one.vector[None], torch.tensor([one.offset])) for one in targets)
    torch.testing.assert_close(there.maps, -back.maps)
    torch.testing.assert_close(there.scores, -back.scores)
    assert isinstance(targets[0], Target) and targets[0].name == "a, not b"
