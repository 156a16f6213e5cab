"""From pixels to inputs and embeddings: the values, and that a batch is no more than its films."""

import numpy as np
import pytest
import torch

from embedlearn.encoders import inputs
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import FilmSource, embed_films, standardise
from embedlearn.encoders.settings import Architecture
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing


@pytest.fixture
def encoder():
    """An encoder whose running means have moved, so that training mode would answer differently."""
    encoder = Encoder(Architecture(dimension=8)).train()
    encoder(torch.rand(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    return encoder


@pytest.mark.parametrize("held", [False, True])
def test_greys_run_from_0_to_1_held_or_not(held):
    pixels = np.array([[[0, 0], [0, 0]], [[0, 51], [102, 255]]], np.uint8)
    source = FilmSource(Films(pixels, np.arange(2), ("0", "1")), torch.device("cpu"), again=True)
    assert source.held is None
    if held:
        source.hold()
    greys = source.greys(np.array([1, 1, 0]))
    assert greys.dtype == torch.float32 and greys.shape == (3, 1, 2, 2)
    assert greys.flatten().tolist() == pytest.approx([0, 0.2, 0.4, 1] * 2 + [0] * 4)


def test_fixed_standardisation_is_the_same_for_every_film():
    greys = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(2, 1, 1, 2)
    assert standardise(greys, Preprocessing()).flatten().tolist() == [-2, -1, 0, 2]


def test_standardisation_by_film_gives_zero_mean_and_unit_variance_and_undoes_contrast():
    settings = Preprocessing(standardise="film")
    films = torch.rand(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    values = standardise(films, settings)
    np.testing.assert_allclose(values.mean((1, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(values.numpy().std((1, 2, 3)), 1, rtol=1e-5)
    torch.testing.assert_close(standardise(0.3 * films + 0.2, settings), values, rtol=0, atol=1e-4)


def test_a_blank_film_stays_finite():
    assert not standardise(torch.full((1, 1, 16, 16), 0.7), Preprocessing(standardise="film")).abs().max() > 1e-3


@pytest.mark.parametrize("settings", [Preprocessing(), Preprocessing(standardise="film")], ids=["fixed", "film"])
def test_films_in_batches_are_embedded_as_they_are_one_by_one(encoder, toy_films, settings, monkeypatch):
    alone = np.concatenate([embed_films(encoder, toy_films.take(np.array([k])), settings) for k in range(12)])
    monkeypatch.setattr(inputs, "BATCH", 5)
    reports = []
    together = embed_films(encoder, toy_films, settings, progress=lambda *counts: reports.append(counts))
    assert reports == [(5, 12), (10, 12), (12, 12)]
    assert together.shape == (12, 8) and together.dtype == np.float32
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.ptp(together, axis=0).max() > 1e-3


@pytest.mark.parametrize("training", [True, False])
def test_embedding_leaves_the_encoder_as_it_was(encoder, toy_films, training):
    encoder.train(training)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    embed_films(encoder, toy_films, Preprocessing())
    assert encoder.training is training
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_no_films_give_no_embeddings(encoder, toy_films):
    assert embed_films(encoder, toy_films.take(np.array([], int)), Preprocessing()).shape == (0, 8)
