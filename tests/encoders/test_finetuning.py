"""A trunk and a tail are the encoder, and training the tail is training the encoder with its trunk frozen."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from toys import SIZE, make_toy

from embedlearn.encoders import finetuning
from embedlearn.encoders.checkpoints import copy_weights
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.finetuning import freeze_trunk, tune_tail
from embedlearn.encoders.inputs import FilmSource, embed_films, standardise
from embedlearn.encoders.settings import Architecture
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.preprocessing import Preprocessing

CPU = torch.device("cpu")
SETTINGS = Preprocessing(size=SIZE)
LABELS = np.array([0, 1, 2] * 4)


def make_encoder(backbone="resdense", **options):
    """An encoder whose running means have moved, so that training mode would answer differently."""
    encoder = Encoder(Architecture(backbone, dimension=16, **options)).train()
    with torch.no_grad():
        encoder(torch.rand(8, 1, 64, 64, generator=torch.Generator().manual_seed(0)))
    return encoder.eval()


def tune(trunk, rows, labels=LABELS, **options):
    settings = {"steps": 10, "learning_rate": 3e-4, "scale": 10.0, "device": CPU, **options}
    return tune_tail(trunk.tail, trunk.activations[rows], labels, int(labels.max()) + 1, **settings)


@pytest.mark.parametrize(
    ("backbone", "blocks", "shape", "last"),
    [
        ("resdense", 1, (256, 2, 2), ["ResidualDenseBlock"]),
        ("resdense", 2, (128, 4, 4), ["Conv2d", "BatchNorm2d", "ReLU", "ResidualDenseBlock"]),
        ("resnet18", 1, (512, 1, 1), ["BasicBlock"]),
        ("densenet121", 1, (512, 1, 1), ["_DenseBlock", "BatchNorm2d", "ReLU"]),
    ],
)
def test_trunk_and_tail_answer_as_the_encoder_does(backbone, blocks, shape, last, toy_films):
    encoder = make_encoder(backbone)
    reports = []
    trunk = freeze_trunk(encoder, toy_films, SETTINGS, blocks=blocks, progress=lambda *counts: reports.append(counts))
    assert trunk.activations.shape == (12, *shape) and trunk.activations.dtype == np.float32
    assert [type(layer).__name__ for layer in trunk.tail.backbone] == last
    assert reports == [(12, 12)]
    with torch.no_grad():
        answer = trunk.tail(torch.from_numpy(trunk.activations)).numpy()
    np.testing.assert_allclose(answer, embed_films(encoder, toy_films, SETTINGS), atol=1e-5)
    assert np.ptp(answer, axis=0).max() > 1e-3


def test_a_network_of_timm_is_cut_too_and_one_with_branches_is_refused(toy_films):
    pytest.importorskip("timm")
    trunk = freeze_trunk(make_encoder("timm:resnet10t"), toy_films, SETTINGS)
    assert type(trunk.tail.backbone[0]).__name__ == "BasicBlock" and trunk.activations.shape == (12, 256, 2, 2)
    with pytest.raises(
        ArgumentError, match="--backbone timm:hrnet_w18_small: its last block cannot be tuned.*resnet18"
    ):
        freeze_trunk(Encoder(Architecture("timm:hrnet_w18_small")), toy_films, SETTINGS)


def test_a_backbone_that_does_more_than_one_layer_after_the_other_is_refused(toy_films):
    class Doubling(nn.Sequential):
        def forward(self, x):
            return 2 * super().forward(x) + 1

    encoder = make_encoder()
    encoder.backbone = Doubling(*encoder.backbone)
    with pytest.raises(ArgumentError, match="--backbone resdense: .*differ by 0"):
        freeze_trunk(encoder, toy_films, SETTINGS)


@pytest.mark.parametrize("blocks", [0, 8])
def test_a_cut_that_leaves_nothing_on_one_side_is_refused(blocks, toy_films):
    with pytest.raises(
        ArgumentError, match=f"blocks: wanted 1 or more, and fewer than the 8 of resdense, got {blocks}"
    ):
        freeze_trunk(make_encoder(), toy_films, SETTINGS, blocks=blocks)


def test_no_films_are_refused(toy_films):
    with pytest.raises(ArgumentError, match="films: wanted one or more"):
        freeze_trunk(make_encoder(), toy_films.take(np.array([], int)), SETTINGS)


@pytest.mark.parametrize("training", [True, False])
def test_neither_freezing_nor_tuning_changes_what_it_is_given(training, toy_films):
    encoder = make_encoder().train(training)
    before, strides = copy_weights(encoder), [weight.stride() for weight in encoder.parameters()]
    trunk = freeze_trunk(encoder, toy_films, SETTINGS)
    tail = copy_weights(trunk.tail)
    tuned = tune(trunk, np.arange(12))
    tuned.cosines(trunk.activations)
    for module, kept in ((encoder, before), (trunk.tail, tail)):
        assert all(torch.equal(weight, kept[name]) for name, weight in module.state_dict().items())
        assert all(weight.grad is None and weight.requires_grad for weight in module.parameters())
    assert encoder.training is training and [weight.stride() for weight in encoder.parameters()] == strides
    assert not torch.equal(tuned.tail.projection.weight, trunk.tail.projection.weight)


@pytest.mark.parametrize("pooling", ["mean", "gem"])
def test_tuning_is_training_the_encoder_on_the_films_with_its_trunk_frozen(pooling, toy_films):
    encoder = make_encoder(pooling=pooling)
    trunk = freeze_trunk(encoder, toy_films, SETTINGS)
    tuned = tune(trunk, np.arange(9), LABELS[:9], steps=5)

    films = standardise(FilmSource(toy_films, CPU).greys(np.arange(12)), SETTINGS)
    embeddings = encoder(films).detach()
    weights = nn.Parameter(torch.stack([embeddings[label:9:3].mean(0) for label in range(3)]))
    with torch.no_grad():
        weights /= weights.norm(dim=1, keepdim=True)
    trained = [*encoder.backbone[7].parameters(), encoder.projection.weight, weights]
    optimiser = torch.optim.AdamW(trained, lr=3e-4)
    losses = []
    for _ in range(5):
        scores = 10 * torch.cosine_similarity(encoder(films[:9])[:, None], weights[None], dim=2)
        loss = -scores.log_softmax(1)[torch.arange(9), LABELS[:9]].mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    expected = torch.cosine_similarity(encoder(films)[:, None], weights[None], dim=2).detach()
    np.testing.assert_allclose(tuned.losses, losses, rtol=1e-3)
    np.testing.assert_allclose(tuned.cosines(trunk.activations), expected, atol=2e-3)


def test_cosines_depend_neither_on_the_batch_nor_on_the_length_of_a_class_vector(toy_films, monkeypatch):
    trunk = freeze_trunk(make_encoder(), toy_films, SETTINGS)
    tuned = tune(trunk, np.arange(6), LABELS[:6])
    together = tuned.cosines(trunk.activations)
    assert together.shape == (12, 3) and together.dtype == np.float64
    monkeypatch.setattr(finetuning, "BATCH", 5)
    longer = dataclasses.replace(tuned, weights=3 * tuned.weights)
    np.testing.assert_allclose(longer.cosines(trunk.activations), together, atol=1e-5)


def test_the_loss_falls_and_films_that_class_means_cannot_tell_apart_are_told_apart():
    labels = np.array([0, 1, 2] * 15)
    trunk = freeze_trunk(make_encoder(), make_toy(list(labels), seed=5).films, SETTINGS)
    tuned, untuned = (tune(trunk, np.arange(15), labels[:15], steps=30, learning_rate=rate) for rate in (1e-3, 1e-9))
    assert tuned.losses.shape == (30,) and tuned.losses[-1] < 0.3 * tuned.losses[0]
    right, before = ((one.cosines(trunk.activations).argmax(1) == labels) for one in (tuned, untuned))
    assert right[:15].all() and before[15:].mean() < 0.5 and right[15:].mean() > 0.8


def test_the_same_films_give_the_same_bytes_whatever_the_encoder_went_through_and_nothing_is_drawn(toy_films):
    encoder = make_encoder()
    first = freeze_trunk(encoder, toy_films, SETTINGS)
    embed_films(encoder, toy_films, SETTINGS)  # which lays the weights out anew
    second = freeze_trunk(encoder, toy_films, SETTINGS)
    assert first.activations.tobytes() == second.activations.tobytes()
    before = torch.get_rng_state()
    one, two = (tune(trunk, np.arange(6), LABELS[:6]).cosines(trunk.activations) for trunk in (first, second))
    assert one.tobytes() == two.tobytes()
    assert torch.equal(torch.get_rng_state(), before)


def test_activations_may_be_kept_in_half_the_bytes(toy_films):
    trunk = freeze_trunk(make_encoder(), toy_films, SETTINGS)
    short = trunk.activations.astype(np.float16)
    tuned = tune(trunk, np.arange(6), LABELS[:6])
    difference = np.abs(tuned.cosines(short) - tuned.cosines(trunk.activations)).max()
    assert 0 < difference < 1e-3
    retuned = tune_tail(trunk.tail, short[:6], LABELS[:6], 3, steps=10, learning_rate=3e-4, scale=10.0, device=CPU)
    np.testing.assert_allclose(retuned.cosines(short), tuned.cosines(trunk.activations), atol=0.03)
