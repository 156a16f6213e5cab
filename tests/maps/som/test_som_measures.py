"""What a self-organising map is worth: MiniSom's measures and plain loops agree with ours."""

import math
from collections import Counter

import numpy as np
import pytest
from minisom import MiniSom

from embedlearn.errors import ArgumentError
from embedlearn.maps.som.measures import (
    SomQuality,
    node_agreement,
    quantization_error,
    share_in_use,
    som_quality,
    topographic_error,
    u_matrix,
)
from embedlearn.maps.som.som import SelfOrganisingMap, minisom_with


def scene(seed, sides=(5, 7), width=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(300, width)).astype(np.float32), rng.normal(size=(*sides, width)).astype(np.float32)


@pytest.mark.parametrize("sides", [(5, 7), (1, 9), (6, 1), (2, 2)])
@pytest.mark.parametrize("seed", range(3))
def test_errors_and_u_matrix_are_minisoms(sides, seed):
    X, weights = scene(seed, sides)
    som = minisom_with(weights)
    assert quantization_error(X, weights) == pytest.approx(som.quantization_error(X), rel=1e-9)
    assert topographic_error(X, weights) == som.topographic_error(X)
    ours = u_matrix(weights)
    np.testing.assert_allclose(ours / ours.max(), som.distance_map("mean"), rtol=1e-6)


def test_errors_of_a_trained_map_are_minisoms():
    X, _ = scene(0, width=3)
    som = SelfOrganisingMap().fit(X)
    peer = som.minisom()
    assert 0 < topographic_error(X, som.weights_) == peer.topographic_error(X) < 0.2
    assert quantization_error(X, som.weights_) == pytest.approx(peer.quantization_error(X), rel=1e-9)


def test_diagonal_nodes_are_neighbours_and_others_are_not():
    weights = np.full((3, 3, 1), 100.0, np.float32)
    weights[0, 0], weights[1, 1] = 0, 1
    film = np.zeros((1, 1), np.float32)
    assert topographic_error(film, weights) == 0
    weights[1, 1], weights[2, 2] = 100, 1
    assert topographic_error(film, weights) == 1
    assert math.isnan(topographic_error(film, weights[:1, :1]))


def test_the_u_matrix_is_a_plain_mean_over_the_neighbours():
    _, weights = scene(4, (4, 3))
    for row in range(4):
        for column in range(3):
            around = [
                np.linalg.norm(weights[row, column].astype(float) - weights[r, c])
                for r in range(max(row - 1, 0), min(row + 2, 4))
                for c in range(max(column - 1, 0), min(column + 2, 3))
                if (r, c) != (row, column)
            ]
            assert u_matrix(weights)[row, column] == pytest.approx(np.mean(around), rel=1e-6)
    assert u_matrix(weights[:1, :1]).tolist() == [[0]]


def test_nodes_in_use_are_minisoms_activations():
    X, weights = scene(5)
    som = MiniSom(5, 7, 6)
    som.get_weights()[...] = weights
    nodes = np.array([int(row) * 7 + int(column) for row, column in map(som.winner, X)])
    assert share_in_use(nodes, (5, 7)) == (som.activation_response(X) > 0).mean()


def plain_agreement(nodes, truth, cases):
    """Film by film, in words."""
    classes = sorted(set(truth))
    credit = {name: [] for name in classes}
    for row, node in enumerate(nodes):
        votes = Counter(truth[i] for i in range(len(nodes)) if nodes[i] == node and cases[i] != cases[row])
        if votes:
            most = [name for name in votes if votes[name] == max(votes.values())]
            credit[truth[row]].append((truth[row] in most) / len(most))
    answered = sum(map(len, credit.values())) / len(nodes)
    return np.mean([np.mean(own) for own in credit.values() if own]), 1 / len(classes), answered


@pytest.mark.parametrize("seed", range(4))
def test_what_nodes_tell_is_the_majority_of_their_other_cases(seed):
    rng = np.random.default_rng(seed)
    nodes, cases = rng.integers(0, 40, 150), rng.integers(0, 100, 150)
    labels, sources = rng.choice(["a", "b", "c"], 150, p=[0.6, 0.3, 0.1]), rng.choice(["x", "y"], 150)
    found = node_agreement(nodes, labels, sources, cases)
    assert found["label"] == pytest.approx(plain_agreement(nodes, labels, cases))
    assert found["source"] == pytest.approx(plain_agreement(nodes, sources, cases))
    assert 0.7 < found["label"].answered < 1


def test_a_case_does_not_vouch_for_itself():
    """Two cases of three films each at one node, of different labels: each is told by the other, wrongly."""
    found = node_agreement(np.zeros(6, int), list("aaabbb"), ["x"] * 6, [0, 0, 0, 1, 1, 1])
    assert found["label"] == (0, 0.5, 1)
    assert math.isnan(found["source"].accuracy)
    alone = node_agreement(np.arange(6), list("aaabbb"), ["x"] * 6, np.arange(6))
    assert math.isnan(alone["label"].accuracy) and alone["label"].answered == 0


def test_films_without_a_label_neither_vote_nor_are_scored():
    nodes, labels = np.zeros(6, int), ["a", None, "a", "b", None, "a"]
    kept = [0, 2, 3, 5]
    found = node_agreement(nodes, labels, ["x"] * 6, [0, 1, 2, 3, 4, 5])["label"]
    assert found == node_agreement(nodes[kept], [labels[row] for row in kept], ["x"] * 4)["label"]
    assert found == (0.5, 0.5, 1)


def test_agreement_does_not_depend_on_names_or_order():
    rng = np.random.default_rng(0)
    nodes, cases, labels = rng.integers(0, 20, 200), rng.integers(0, 150, 200), rng.integers(0, 3, 200)
    straight = node_agreement(nodes, labels, labels, cases)["label"]
    order, names = rng.permutation(200), np.array(["z", "k", "b"])
    other = node_agreement(rng.permutation(20)[nodes][order], names[labels][order], labels, cases[order] * 7)["label"]
    assert other == pytest.approx(straight)


def test_unequal_lengths_are_refused():
    with pytest.raises(ArgumentError, match="sources: wanted one for each of 3 films"):
        node_agreement(np.zeros(3, int), list("abc"), list("ab"), [0, 1, 2])
    X, _ = scene(0)
    with pytest.raises(ArgumentError, match="wanted the 300 films"):
        som_quality(SelfOrganisingMap().fit(X), X[:20], ["a"] * 20, ["b"] * 20)


def sorted_by(seed, label_gap, source_gap):
    """A map of films that lie apart by label and by source as far as is said."""
    rng = np.random.default_rng(seed)
    labels, sources = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    X = rng.normal(size=(400, 4)) + np.stack([labels * label_gap, sources * source_gap, 0 * labels, 0 * labels], axis=1)
    X = X.astype(np.float32)
    som = SelfOrganisingMap().fit(X)
    return som_quality(som, X, np.array(["ill", "well"])[labels], np.array(["here", "there"])[sources])


def test_a_map_that_sorts_by_source_says_so():
    by_source, by_label = sorted_by(0, 0.5, 8), sorted_by(0, 8, 0.5)
    assert by_source.source_node > 0.95 > 0.75 > by_source.label_node
    assert by_source.sentences()[-1].startswith("Nodes sort films by source more than by label")
    assert by_label.sentences()[-1] == "Nodes sort films by label, hardly by source."
    both = sorted_by(0, 9, 5).sentences()[-1]
    assert both == "Nodes sort films by label more than by source, but by source too."


def test_quality_holds_what_the_parts_say_and_is_plain_data():
    X, _ = scene(1)
    som = SelfOrganisingMap().fit(X)
    found = som_quality(som, X, ["a", "b", "c"] * 100, ["one"] * 300)
    assert (found.rows, found.columns, found.films) == (*som.weights_.shape[:2], 300)
    assert found.quantization_error == pytest.approx(som.minisom().quantization_error(X), rel=1e-6)
    assert found.spread == pytest.approx(np.linalg.norm(X - X.mean(0), axis=1).mean(), rel=1e-5)
    assert found.plain()["source_node"] is None
    assert found.plain()["label_node"] == found.label_node
    words = " ".join(found.sentences())
    assert f"topographic error {found.topographic_error:.3f}" in words
    assert "label" in words and "source" not in words and "nan" not in words


def test_a_map_of_one_source_and_one_node_has_no_nan_in_its_words():
    nan = math.nan
    found = SomQuality(1, 1, 9, 0.5, 0.5, nan, 1.0, 1.0, nan, nan, nan, nan)
    assert found.sentences() == [
        "1 x 1 nodes, 100% in use by 9 films; quantization error 0.50 (one node for all: 0.50), "
        "topographic error not defined."
    ]
