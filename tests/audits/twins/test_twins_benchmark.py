"""The benchmark of twins: what it plants is there, and what it counts is right."""

from functools import partial

import numpy as np

from experiments.benchmarks import twins as benchmark


def test_recall_and_false_pairs_are_counted():
    planted = {"one": np.array([[0, 8], [1, 9]]), "other": np.array([[2, 7]])}
    scene = benchmark.Scene(None, planted)
    found = benchmark.measure(scene, lambda _: np.array([[8, 0], [2, 7], [3, 4]]))
    assert found.recall == {"one": 0.5, "other": 1.0}
    assert found.false == 1


def test_planted_twins_are_copies_of_the_first_films(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "Bank", partial(benchmark.Bank, phantoms=4, fields=8))
    scene = benchmark.planted_scene(tmp_path, 300, 0)
    pairs = np.concatenate(list(scene.planted.values()))
    assert set(scene.planted) == set(benchmark.KINDS)
    assert pairs[:, 0].tolist() == list(range(6)) and sorted(pairs[:, 1].tolist()) == list(range(294, 300))
    (bright,) = scene.planted["brighter"]
    film, copy = scene.audited.films[bright].astype(float)
    assert np.corrcoef(film.ravel(), copy.ravel())[0, 1] > 0.98
    assert len({film.tobytes() for film in scene.audited.films}) == 300
