"""The self-organising map: its best nodes are MiniSom's, its batches are MiniSom's, and it is made the same twice."""

import json

import numpy as np
import pytest
from minisom import MiniSom
from sklearn.decomposition import PCA

from embedlearn.errors import ArgumentError
from embedlearn.maps.projections import create_projection
from embedlearn.maps.som import som as som_module
from embedlearn.maps.som import training
from embedlearn.maps.som.som import SelfOrganisingMap, grid_sides, minisom_with
from embedlearn.maps.som.training import (
    best_nodes,
    first_grid,
    neighbourhoods,
    principal_plane,
    shrinking_radii,
    train,
)
from experiments.benchmarks.som import clustered


def groups(count=300, width=8, seed=0):
    """Vectors float32 [count, width] round five centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width)) * 2
    return (centres[rng.integers(0, 5, count)] + 0.4 * rng.normal(size=(count, width))).astype(np.float32)


def winners(X, weights):
    """MiniSom's answer, film by film."""
    som = minisom_with(weights)
    return np.array([int(row) * weights.shape[1] + int(column) for row, column in (som.winner(x) for x in X)])


def whole_numbers(seed):
    """Films and weights on a coarse grid of whole numbers, with many equal distances."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, (200, 3)).astype(np.float32), rng.integers(0, 3, (5, 6, 3)).astype(np.float32)


def far_away(seed):
    """Distances that are nothing beside the vectors' lengths, so that expanding the square loses them."""
    rng = np.random.default_rng(seed)
    return [(1e4 + 0.01 * rng.normal(size=shape)).astype(np.float32) for shape in ((200, 16), (5, 6, 16))]


def nearly_twins(seed):
    """Nodes that differ in their last bit."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(2, 6, 16)).astype(np.float32)
    weights[1] = np.nextafter(weights[0], np.float32(9))
    return rng.normal(size=(200, 16)).astype(np.float32), weights


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("made", [whole_numbers, far_away, nearly_twins])
def test_best_nodes_are_minisoms_winners_and_of_equal_ones_the_first(made, seed):
    X, weights = made(seed)
    assert np.array_equal(best_nodes(X, weights), winners(X, weights))


def test_a_film_at_a_node_that_stands_twice_is_at_the_first():
    weights = np.tile(np.arange(4, dtype=np.float32)[:, None], (2, 1, 3))
    assert best_nodes(weights[1], weights).tolist() == [0, 1, 2, 3]


def test_best_nodes_do_not_depend_on_the_batch(monkeypatch):
    X, weights = far_away(7)
    together = best_nodes(X, weights)
    assert np.array_equal(together, np.concatenate([best_nodes(X[row : row + 1], weights) for row in range(len(X))]))
    monkeypatch.setattr(training, "BLOCK", 7)
    assert np.array_equal(together, best_nodes(X, weights))
    assert len(best_nodes(X[:0], weights)) == 0


@pytest.mark.parametrize("sides", [(4, 5), (1, 6), (5, 2)])
def test_a_batch_is_minisoms_offline_batch_at_rate_one(sides):
    X = groups(80)
    ours = minisom_with(first_grid(X, *sides))
    theirs = ours.get_weights().copy()
    for radius in (3.0, 1.5, 0.7):
        peer = MiniSom(*sides, X.shape[1], sigma=radius, learning_rate=1)
        peer.get_weights()[...] = theirs
        peer.train_batch_offline(X, 1)
        theirs = peer.get_weights()
        train(ours, X, [radius])
        np.testing.assert_allclose(ours.get_weights(), theirs, rtol=1e-9, atol=1e-12)


def test_neighbourhoods_are_gaussians_of_the_distance_on_the_grid():
    near = neighbourhoods(minisom_with(np.zeros((3, 4, 2))), 1.3)
    plain = [
        [np.exp(-((a // 4 - b // 4) ** 2 + (a % 4 - b % 4) ** 2) / (2 * 1.3**2)) for b in range(12)] for a in range(12)
    ]
    np.testing.assert_allclose(near, plain)


def test_nodes_that_no_film_reaches_stay_as_they_were():
    weights = np.zeros((1, 60, 2))
    weights[0, :, 0] = np.arange(60)
    som = minisom_with(weights)
    train(som, np.array([[0, 1], [0, 3]], np.float32), [0.3])
    assert som.get_weights()[0, 0].tolist() == [0, 2]
    assert np.array_equal(som.get_weights()[0, -1], [59, 0])


def test_the_first_grid_lies_on_the_plane_of_the_first_two_components():
    X = groups(seed=3)
    pca = PCA(2).fit(X)
    scores = pca.transform(first_grid(X, 4, 6).reshape(-1, X.shape[1]).astype(np.float32)).reshape(4, 6, 2)
    reach = training.SPREAD * np.sqrt(pca.explained_variance_ * (len(X) - 1) / len(X))
    np.testing.assert_allclose(np.abs(scores[0, [0, -1], 0]), reach[0], rtol=1e-4)
    np.testing.assert_allclose(np.abs(scores[[0, -1], 0, 1]), reach[1], rtol=1e-4)
    np.testing.assert_allclose(
        pca.inverse_transform(scores.reshape(-1, 2)), first_grid(X, 4, 6).reshape(24, -1), atol=1e-4
    )


def test_radii_shrink_by_the_same_share_and_never_to_nothing():
    radii = shrinking_radii(12, 10, 0.7)
    np.testing.assert_allclose(radii[1:] / radii[:-1], (0.7 / 10) ** (1 / 11))
    assert (radii[0], radii[-1]) == (10, pytest.approx(0.7))
    assert shrinking_radii(1, 10, 0.7)[0] > 0


@pytest.mark.parametrize(
    ("films", "ratio", "sides"),
    [
        (100, 1, (7, 7)),
        (400, 4, (5, 20)),
        (6_400, 1, (20, 20)),
        (100_000, 1, (20, 20)),
        (5_000, 9, (18, 20)),
        (5, 50, (2, 11)),
    ],
)
def test_the_grid_has_some_five_roots_of_the_films_as_nodes_in_the_shape_of_their_spread(films, ratio, sides):
    square = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32) * np.array([ratio, 1], np.float32)
    assert grid_sides(square, films, None, None) == sides


def test_what_is_asked_for_of_the_grid_is_kept():
    X = groups(100)
    assert grid_sides(X, 100, 3, 9) == (3, 9)
    assert grid_sides(X, 100, 5, None) == (5, 10)
    assert grid_sides(X, 100, None, 5) == (10, 5)


def test_films_of_one_dimension_or_all_alike_still_make_a_map():
    line = SelfOrganisingMap().fit(np.linspace(0, 1, 50, dtype=np.float32)[:, None])
    assert np.isfinite(line.weights_).all()
    alike = SelfOrganisingMap().fit(np.ones((20, 4), np.float32))
    assert np.isfinite(alike.weights_).all() and set(alike.nodes_.tolist()) == {0}
    assert principal_plane(np.ones((20, 4), np.float32))[2].tolist() == [0, 0]


def test_the_same_films_and_seed_make_the_same_bytes_and_another_seed_trains_on_others():
    X = groups(400)
    first, again, other = (SelfOrganisingMap(at_most=100, seed=seed).fit(X) for seed in (1, 1, 2))
    assert first.weights_.tobytes() == again.weights_.tobytes()
    assert np.array_equal(first.nodes_, again.nodes_)
    assert not np.array_equal(first.weights_, other.weights_)


def test_only_the_sample_trains_and_all_films_are_placed():
    X = groups(400)
    chosen = som_module._sample(X, 100, 0)
    assert len(np.unique(chosen, axis=0)) == 100
    moved = np.where((X[:, None] == chosen).all(2).any(1)[:, None], X, X + 5)
    made, same = (SelfOrganisingMap(at_most=100).fit(films) for films in (X, moved))
    assert np.array_equal(made.weights_, same.weights_)
    assert np.array_equal(made.nodes_, winners(X, made.weights_))
    assert np.array_equal(same.nodes_, winners(moved, made.weights_))


def test_the_order_of_films_does_not_matter_where_all_of_them_train():
    X = groups(200)
    order = np.random.default_rng(0).permutation(200)
    straight, shuffled = SelfOrganisingMap().fit(X), SelfOrganisingMap().fit(X[order])
    np.testing.assert_allclose(straight.weights_, shuffled.weights_, atol=1e-4)


def test_positions_are_columns_and_rows():
    X = groups(200)
    som = SelfOrganisingMap(rows=3, columns=7).fit(X)
    assert som.weights_.shape == (3, 7, 8) and som.weights_.dtype == som.embedding_.dtype == np.float32
    assert np.array_equal(som.embedding_, np.stack([som.nodes_ % 7, som.nodes_ // 7], axis=1))
    assert np.array_equal(som.transform(X), som.embedding_)
    assert np.array_equal(som.transform(X[:1]), som.embedding_[:1])


def test_a_restored_map_is_the_same():
    X = groups(200)
    som = create_projection("som", rows=4, last_radius=0.9).fit(X[:150])
    back = SelfOrganisingMap.restored(json.loads(json.dumps(som.settings())), som.arrays())
    assert back.settings() == som.settings()
    assert np.array_equal(back.embedding_, som.embedding_) and np.array_equal(back.nodes_, som.nodes_)
    assert np.array_equal(back.transform(X), som.transform(X))


def test_the_map_uses_more_nodes_than_minisoms_defaults_and_lies_nearer_to_the_films():
    X = clustered(1_000, seed=0)
    som = SelfOrganisingMap(rows=16, columns=16).fit(X)
    peer = MiniSom(16, 16, X.shape[1], sigma=8, random_seed=0)
    peer.pca_weights_init(X)
    peer.train_random(X, 5_000)
    ours, theirs = (len(set(nodes.tolist())) for nodes in (som.nodes_, winners(X, peer.get_weights())))
    assert ours > 1.3 * theirs
    assert som.minisom().quantization_error(X) < 0.85 * peer.quantization_error(X)


def test_progress_counts_epochs():
    seen = []
    SelfOrganisingMap(epochs=4).fit(groups(50), lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"rows": 0}, "rows: wanted a whole number of 1 or more, got 0"),
        ({"columns": 2.5}, "columns: wanted a whole number"),
        ({"epochs": 0}, "epochs: wanted"),
        ({"at_most": 1}, "at_most: wanted a whole number of 2"),
        ({"last_radius": 0}, "last_radius: wanted a number above 0, got 0"),
        ({"last_radius": float("nan")}, "last_radius"),
        ({"first_radius": 0.5}, "first_radius: wanted at least last_radius"),
    ],
)
def test_settings_of_no_use_are_refused(settings, said):
    with pytest.raises(ArgumentError, match=said):
        SelfOrganisingMap(**settings).fit(groups(50))


def test_films_of_no_use_are_refused():
    with pytest.raises(ArgumentError, match="5 films or more"):
        SelfOrganisingMap().fit(groups(4))
    with pytest.raises(ArgumentError, match="vectors of 8 numbers"):
        SelfOrganisingMap().fit(groups(50)).assign(groups(5, 9))
