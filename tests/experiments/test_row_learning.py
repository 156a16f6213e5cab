"""Training a row's classifier: it learns, by its recipe, the same each time; and where its evidence lies."""

import dataclasses

import numpy as np
import pytest
import torch
from held_films import Held

from embedlearn.encoders.settings import Augmentation
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.learning import LearningSet, class_scores, random_views, train_classifier
from experiments.systems.lungs import covered, evidence_in_lungs
from experiments.systems.network import Classifier, evidence
from experiments.systems.row import KEPT, Model, Recipe

SETTINGS = Preprocessing(size=32)
CPU = torch.device("cpu")
QUICK = Recipe(epochs=3, batch=8, precision="fp32", learning_rate=3e-3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = np.tile([0, 1], 16)
    pixels = rng.integers(0, 120, (32, 32, 32)).astype(np.uint8)
    pixels[labels == 1, 8:24, 8:24] += 120
    return LearningSet(Held(pixels), labels, 2)


def train(data, recipe=QUICK, **model):
    return train_classifier(Model(recipe=recipe, **model), data, SETTINGS, seed=3, device=CPU)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 8},
        {"optimizer": "amsgrad", "decay": "none", "smoothing": 0.1, "balance": True},
        {"optimizer": "sgd", "learning_rate": 0.05, "average": 0.5},
        {"optimizer": "adagrad", "learning_rate": 0.01, "mixup": 0.2, "flip": True, "epochs": 5},
    ],
)
def test_it_learns_the_same_each_time(data, change):
    recipe = dataclasses.replace(QUICK, **change)
    network, losses = train(data, recipe)
    scores = class_scores(network, data.films, SETTINGS, device=CPU)
    assert len(losses) == recipe.epochs
    assert losses[-1] < losses[0]
    assert (scores.argmax(1) == data.labels).mean() > 0.9
    again, _ = train(data, recipe)
    assert (class_scores(again, data.films, SETTINGS, device=CPU) == scores).all()


def test_a_frozen_backbone_stays_and_its_answers_are_computed_once(data):
    model = {"frozen": True, "backbone": "resnet18"}
    fresh = Classifier(Model(**model), 2, seed=3)
    network, _ = train(data, **model)
    for name, value in fresh.backbone.state_dict().items():
        assert torch.equal(value, network.backbone.state_dict()[name]), name
    assert not torch.equal(fresh.head.weight, network.head.weight)
    each_time, _ = train(data, dataclasses.replace(QUICK, views=dataclasses.replace(KEPT, contrast=1e-9)), **model)
    torch.testing.assert_close(each_time.head.weight, network.head.weight, rtol=1e-3, atol=1e-4)


def test_mirrored_answers_are_averaged(data):
    network, _ = train(data)
    mirrored = Held(data.films.pixels[:, :, ::-1].copy())
    each = [class_scores(network, films, SETTINGS, device=CPU) for films in (data.films, mirrored)]
    both = class_scores(network, data.films, SETTINGS, device=CPU, flip=True)
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2, atol=1e-5)


def test_half_of_the_views_are_mirrored():
    film = torch.zeros(200, 1, 4, 4)
    film[..., 0] = 1
    views = random_views(film, Recipe(flip=True), torch.Generator().manual_seed(0))
    mirrored = views[:, 0, 0, 3].mean()
    assert 0.4 < mirrored < 0.6
    assert torch.equal(random_views(film, Recipe(), torch.Generator().manual_seed(0)), film)
    assert Recipe().views == KEPT != Augmentation()


@pytest.mark.parametrize("hidden", [0, 4])
def test_evidence_adds_up_where_the_head_is_linear(data, hidden):
    network = Classifier(Model(hidden=hidden), 2, seed=1).double().eval()
    inputs = torch.rand(3, 1, 32, 32, dtype=torch.float64)
    wanted = torch.tensor([0, 1, 0])
    with torch.no_grad():
        scores = network.head(network.hidden(network.pool(inputs)))
    margin = scores.gather(1, wanted[:, None])[:, 0] - scores.mean(1)
    bias = network.head.bias[wanted] - network.head.bias.mean()
    summed = evidence(network, inputs, wanted).sum((1, 2))
    assert torch.allclose(summed + bias, margin, atol=1e-4) == (not hidden)


def test_cells_are_covered_by_a_box_as_far_as_they_lie_in_it():
    fine = np.zeros((60, 60))
    fine[12:45, 9:51] = 1
    wanted = fine.reshape(4, 15, 5, 12).mean((1, 3))
    np.testing.assert_allclose(covered((12 / 60, 9 / 60, 45 / 60, 51 / 60), 4, 5), wanted, atol=1e-12)


def test_evidence_spread_evenly_has_no_lead_in_the_lungs(data):
    network = Classifier(Model(), 2, seed=1)
    found = evidence_in_lungs(network, data.films, data.labels, SETTINGS, CPU)
    assert found.shape == (32,)
    assert ((found > -1) & (found < 1))[~np.isnan(found)].all()
