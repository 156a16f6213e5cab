"""What in each film speaks for its label: against a plain loop, and adding up."""

import numpy as np
import pytest

from embedlearn.encoders.checkpoints import load_encoder
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.layouts import read_data
from embedlearn.tasks.maps.margins import margin_maps, margin_vectors


def made_up(films=60, seed=0):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(films, 7)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, random.choice(["a", "b", "c"], films), random.integers(25, size=films)


def margin_of(row, vectors, labels, cases):
    """How much nearer the film is to its label's mean than to the nearest other one, of other cases."""
    distances = {}
    for name in set(labels):
        others = vectors[(labels == name) & (cases != cases[row])].astype(float)
        if len(others):
            distances[name] = np.square(others.mean(0) - vectors[row]).sum()
    mine = distances.pop(labels[row])
    return min(distances.values()) - mine


def test_the_margin_is_that_of_the_means_of_other_cases():
    vectors, labels, cases = made_up()
    targets, offsets = margin_vectors(vectors, labels, cases)
    scores = (vectors * targets).sum(1) + offsets
    wanted = [margin_of(row, vectors, labels, cases) for row in range(len(vectors))]
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_the_order_of_films_does_not_matter():
    vectors, labels, cases = made_up(seed=1)
    order = np.random.default_rng(2).permutation(len(vectors))
    targets, _ = margin_vectors(vectors, labels, cases)
    np.testing.assert_allclose(
        margin_vectors(vectors[order], labels[order], cases[order])[0], targets[order], atol=1e-6
    )


def test_a_label_of_one_case_has_nothing_to_compare_with():
    vectors, labels, cases = made_up()
    labels[:3], cases[:3] = "z", 99
    targets, offsets = margin_vectors(vectors, labels, cases)
    assert not targets[:3].any() and not offsets[:3].any() and targets[3:].any(axis=1).all()


def test_one_label_alone_is_refused():
    vectors, _, cases = made_up()
    with pytest.raises(ArgumentError, match="--explain: wanted films of two labels or more, got a alone"):
        margin_vectors(vectors, ["a"] * len(vectors), cases)


def test_the_maps_add_up_to_the_margin(place):
    saved = load_encoder(place / "runs" / "base" / "encoder.safetensors")
    films = open_films(read_data(str(place / "films")).paths[:70], saved.preprocessing)
    from embedlearn.encoders.inputs import embed_films

    vectors = embed_films(saved.encoder, films, saved.preprocessing)
    targets, offsets = margin_vectors(vectors, np.arange(70) % 3, np.arange(70))
    maps = margin_maps(saved, films, targets, offsets, "cpu")
    assert maps.dtype == np.float32 and maps.ndim == 3 and len(maps) == 70
    np.testing.assert_allclose(maps.sum((1, 2)), (vectors * targets).sum(1), atol=1e-5)
