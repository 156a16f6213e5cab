"""The quality of a map is scikit-learn's, and that of a plain loop; its words say what the numbers say."""

import dataclasses
import json
import math
import os

import numpy as np
import pytest
from sklearn.manifold import trustworthiness
from sklearn.metrics import balanced_accuracy_score

from embedlearn.errors import ArgumentError
from embedlearn.maps import ranks
from embedlearn.maps.quality import Quality, knn_answers, map_quality, reliability

COUNT = 230
RNG = np.random.default_rng(0)
X = RNG.normal(size=(COUNT, 8)).astype(np.float32)
Y = (X[:, :2] + 0.4 * RNG.normal(size=(COUNT, 2))).astype(np.float32)
LABELS = np.array(["healthy", "pneumonia", "tuberculosis"])[np.digitize(X[:, 0], [-0.3, 0.6])]
SOURCES = np.where(X[:, 1] + X[:, 2] > 0, "here", "there")
CASES = RNG.integers(0, 90, COUNT)


def order(films):
    """Rows by distance to each film, the film itself first, int [N, N]."""
    far = ((films[:, None].astype(np.float64) - films[None]) ** 2).sum(2)
    np.fill_diagonal(far, -1)
    return np.argsort(far, axis=1, kind="stable")


def looped_votes(films, names, cases, k):
    """What the k nearest films of other cases say, by a plain loop."""
    said = []
    for row, rows in enumerate(order(films)):
        near = [names[other] for other in rows if cases[other] != cases[row]][:k]
        near = [name for name in near if name is not None]
        most = max((near.count(name) for name in near), default=0)
        said.append(next((name for name in near if near.count(name) == most), ""))
    return said


@pytest.mark.parametrize("k", [1, 5, 15, 60])
def test_trustworthiness_and_continuity_are_scikit_learns(k):
    found = map_quality(X, Y, LABELS, SOURCES, k=k)
    assert found.trustworthiness == pytest.approx(trustworthiness(X, Y, n_neighbors=k), abs=1e-7)
    assert found.continuity == pytest.approx(trustworthiness(Y, X, n_neighbors=k), abs=1e-7)


@pytest.mark.parametrize("k", [1, 7])
def test_neighbours_kept_are_those_of_a_loop(k):
    space, places = order(X)[:, 1 : k + 1], order(Y)[:, 1 : k + 1]
    shares = [len(set(a) & set(b)) / k for a, b in zip(space.tolist(), places.tolist(), strict=True)]
    np.testing.assert_allclose(reliability(X, Y, k), shares, atol=1e-6)
    assert map_quality(X, Y, LABELS, SOURCES, k=k).kept == pytest.approx(np.mean(shares))


@pytest.mark.parametrize("cases", [None, CASES])
def test_votes_are_those_of_a_loop(cases):
    own = np.arange(COUNT) if cases is None else cases
    found = map_quality(X, Y, LABELS, SOURCES, cases, k=9)
    for name, names in (("label", LABELS), ("source", SOURCES)):
        for where, films in (("map", Y), ("space", X)):
            expected = balanced_accuracy_score(names, looped_votes(films, names, own, 9))
            assert getattr(found, f"{name}_{where}") == pytest.approx(expected), (name, where)
        assert getattr(found, f"{name}_chance") == 1 / len(set(names))
    assert knn_answers(X, LABELS, cases, 9).tolist() == looped_votes(X, LABELS, own, 9)


def test_films_without_a_label_neither_vote_nor_are_scored():
    names = np.where(np.arange(COUNT) % 4 == 0, None, LABELS)
    known = np.flatnonzero([name is not None for name in names])
    votes = looped_votes(X, names, CASES, 9)
    expected = balanced_accuracy_score(names[known].tolist(), [votes[row] for row in known])
    assert map_quality(X, Y, names, SOURCES, CASES, k=9).label_space == pytest.approx(expected)
    assert knn_answers(X, names, CASES, 9).tolist() == votes
    assert set(knn_answers(X, [None] * COUNT, CASES)) == {""}
    everything = map_quality(X, Y, [math.nan] * COUNT, ["one"] * COUNT)
    assert math.isnan(everything.label_map) and math.isnan(everything.source_chance)


def test_a_sample_is_scored_among_all_films():
    found = map_quality(X, Y, LABELS, SOURCES, k=5, at_most=60, seed=1)
    space, places = order(X), order(Y)
    asked = np.sort(np.random.default_rng(1).choice(COUNT, 60, replace=False))
    lost = sum(max(int(np.flatnonzero(space[row] == other)[0]) - 5, 0) for row in asked for other in places[row, 1:6])
    assert found.scored == 60
    assert found.trustworthiness == pytest.approx(1 - 2 / (60 * 5 * (2 * COUNT - 16)) * lost)
    assert found == map_quality(X, Y, LABELS, SOURCES, k=5, at_most=60, seed=1)
    assert found != map_quality(X, Y, LABELS, SOURCES, k=5, at_most=60, seed=2)


def test_blocks_and_threads_change_nothing(monkeypatch):
    whole = map_quality(X, Y, LABELS, SOURCES, CASES), reliability(X, Y)
    monkeypatch.setattr(ranks, "BLOCK", 7)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    parts = map_quality(X, Y, LABELS, SOURCES, CASES), reliability(X, Y)
    assert parts[0] == whole[0] and (parts[1] == whole[1]).all()


def test_a_map_that_is_the_embedding_keeps_everything():
    found = map_quality(Y, 3 * Y + 1, LABELS, SOURCES, CASES)
    assert (found.trustworthiness, found.continuity, found.kept) == (1, 1, 1)
    assert found.label_map == found.label_space and found.source_map == found.source_space
    assert (reliability(Y, 3 * Y + 1) == 1).all()


def test_quality_does_not_depend_on_the_order_of_films():
    mixed = np.random.default_rng(5).permutation(COUNT)
    found = map_quality(X, Y, LABELS, SOURCES, CASES)
    again = map_quality(X[mixed], Y[mixed], LABELS[mixed], SOURCES[mixed], CASES[mixed])
    for name, value in dataclasses.asdict(found).items():
        assert getattr(again, name) == pytest.approx(value, abs=1e-12), name
    assert (reliability(X[mixed], Y[mixed]) == reliability(X, Y)[mixed]).all()


def test_films_at_one_place_are_not_held_against_each_other():
    """All on one spot: no film of the embedding's neighbours is driven off, whichever of them come first."""
    found = map_quality(X, np.zeros((COUNT, 2)), LABELS, SOURCES)
    assert found.continuity == 1 and found.trustworthiness < 0.7
    assert map_quality(np.zeros((COUNT, 3)), Y, LABELS, SOURCES).trustworthiness == 1


def test_films_of_one_node_vote_by_lot_and_not_in_the_order_of_the_table():
    """At each node the table has 20 films of one label before 60 of another: the commoner one is the answer."""
    nodes = np.repeat([[0.0, 0], [0, 1], [1, 0], [1, 1]], 80, axis=0)
    labels = np.repeat(["a", "b", "b", "a", "a", "b", "b", "a"], [20, 60] * 4)
    found = map_quality(np.random.default_rng(0).normal(size=(320, 5)), nodes, labels, ["x"] * 320)
    assert found.label_map == 0.75


@pytest.mark.parametrize("count", [3, 5, 10])
def test_a_few_films_have_a_quality(count):
    found = map_quality(X[:count], Y[:count], LABELS[:count], SOURCES[:count])
    assert found.k == (count - 1) // 2 and 0 <= found.trustworthiness <= 1 and 0 <= found.continuity <= 1
    assert reliability(X[:count], Y[:count]).shape == (count,)
    assert all(isinstance(sentence, str) for sentence in found.sentences())


# In words.


def quality(label, source, labels=3, sources=2):
    chances = [1 / labels if labels > 1 else math.nan, 1 / sources if sources > 1 else math.nan]
    return Quality(15, 5000, 0.982, 0.97, 0.314, label, label, chances[0], source, source, chances[1])


def test_a_map_that_sorts_by_hospital_says_so():
    said = quality(0.61, 0.93).sentences()
    assert said[0] == ("Trustworthiness .98, continuity .97; .31 of the 15 nearest films are kept (5,000 films asked).")
    assert said[1] == "k-NN by label on the map .61, in the embedding .61 (chance .33)."
    assert "by source on the map .93" in said[2] and "by source more than by label" in said[3]


@pytest.mark.parametrize(
    ("label", "source", "words"),
    [
        (0.9, 0.8, "by label more than by source, but by source too"),
        (0.9, 0.52, "by label, hardly by source"),
        (0.35, 0.5, "hardly sorts films by label"),
        (0.7, 0.99, "by source more than by label"),
    ],
)
def test_the_verdict_is_that_of_the_numbers(label, source, words):
    assert words in quality(label, source).sentences()[-1]


def test_what_is_not_known_is_not_spoken_of():
    one_source = quality(0.9, math.nan, sources=1).sentences()
    assert len(one_source) == 2 and not any("source" in sentence for sentence in one_source)
    one_label = quality(math.nan, 0.9, labels=1).sentences()
    assert "sorts films by source: " in one_label[-1] and not any("label" in sentence for sentence in one_label)
    assert len(quality(math.nan, math.nan, 1, 1).sentences()) == 1


def test_quality_is_plain_data():
    plain = quality(0.9, math.nan, sources=1).plain()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain and plain["source_map"] is None
    assert list(plain) == [field.name for field in dataclasses.fields(Quality)]


def test_what_does_not_fit_is_refused():
    with pytest.raises(ArgumentError, match="a place for each of 230 films, got 9"):
        map_quality(X, Y[:9], LABELS, SOURCES)
    with pytest.raises(ArgumentError, match="sources: wanted one for each of 230 films, got 3"):
        map_quality(X, Y, LABELS, SOURCES[:3])
    with pytest.raises(ArgumentError, match="cases: wanted one for each"):
        knn_answers(X, LABELS, CASES[:3])
    with pytest.raises(ArgumentError, match="three films or more, got 2"):
        reliability(X[:2], Y[:2])
    with pytest.raises(ArgumentError, match="k: wanted"):
        map_quality(X, Y, LABELS, SOURCES, k=0)
    with pytest.raises(ArgumentError, match="NaN"):
        map_quality(X, np.full_like(Y, np.nan), LABELS, SOURCES)
