"""Products of a pool against plain numpy in float64, whole and some episodes at a time."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from embedlearn.episodes import space as module
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import EPISODES_AT_ONCE, Space, joined, normalized
from embedlearn.errors import ArgumentError, MismatchError

VIEWS = ("shifted", "raw", "cl2n")
CENTER = np.linspace(-1, 1, 24)


def viewed(X, name, center):
    """Rows of a view, in float64."""
    X = X.astype(np.float64)
    if name == "raw":
        return X
    if name == "shifted":
        return X - X.mean(axis=0)
    moved = X - (X.mean(axis=0) if center is None else center)
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def unfolded(parts, queries):
    """Products [E, T, S] and squared lengths of queries [E, T], support [E, S] and prototypes [E, W], one by one."""
    found = []
    for part in parts:
        episodes, films = part.support.shape
        products = np.full((episodes * queries, films), np.nan)
        lengths = np.full(episodes * queries, np.nan)
        for row in range(len(part.start) - 1):
            for at in part.place[part.start[row] : part.start[row + 1]]:
                assert np.isnan(lengths[at])
                products[at] = part.matrix[row, part.support[at // queries]]
                lengths[at] = part.query_length[row]
        shape = (episodes, queries)
        found.append(
            (products.reshape(*shape, films), lengths.reshape(shape), part.support_length, part.prototype_length)
        )
    return [np.concatenate(arrays) for arrays in zip(*found, strict=True)]


@pytest.mark.parametrize("center", [None, CENTER])
@pytest.mark.parametrize("view", VIEWS)
def test_the_products_of_all_pairs_are_those_of_the_rows(pool, view, center):
    rows, space = viewed(pool.X, view, center), Space(pool.X, center)
    gram = space.gram(view)
    assert (gram.dtype, gram.shape) == (np.float32, (240, 240))
    np.testing.assert_allclose(gram, rows @ rows.T, atol=1e-5)
    assert np.array_equal(gram, gram.T)
    np.testing.assert_allclose(space.view(view), rows, atol=1e-6)
    films = np.array([[3, 3], [239, 0]])
    np.testing.assert_array_equal(space.view(view, films), space.view(view)[films])


@pytest.mark.parametrize("shots_of", [{}, {"normal": 7}])
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("whole", [True, False])
def test_an_episode_holds_the_products_of_its_films(pool, monkeypatch, view, shots_of, whole):
    monkeypatch.setattr(module, "WHOLE_UP_TO", 240 if whole else 239)
    sampler = EpisodeSampler(None, 2, 3, EPISODES_AT_ONCE + 10, shots_of=shots_of, prevalence="dirichlet")
    episodes = sampler.sample(pool.classes, pool.groups)
    assert (episodes.query_label[:, 0] > 0).any()  # no query of the first slot
    parts = list(Space(pool.X, CENTER).products(view, episodes))
    assert len(parts) == (1 if whole else 2)
    products, own, support_length, prototype_length = unfolded(parts, 9)
    rows = viewed(pool.X, view, CENTER)
    support, query = rows[episodes.support], rows[episodes.query]
    means = [support[:, episodes.support_label == slot].mean(axis=1) for slot in range(3)]
    np.testing.assert_allclose(products, query @ support.transpose(0, 2, 1), atol=1e-5)
    np.testing.assert_allclose(own, (query**2).sum(axis=2), rtol=1e-5)
    np.testing.assert_allclose(support_length, (support**2).sum(axis=2), rtol=1e-5)
    np.testing.assert_allclose(prototype_length, (np.stack(means, axis=1) ** 2).sum(axis=2), rtol=1e-5, atol=1e-6)


def test_the_products_of_all_pairs_are_kept_for_the_last_view(pool, monkeypatch):
    calls = []
    multiply = module.ssyrk
    monkeypatch.setattr(module, "ssyrk", lambda *given, **named: calls.append(1) or multiply(*given, **named))
    space, sampler = Space(pool.X), EpisodeSampler(None, 1, 1, 3)
    episodes = sampler.sample(pool.classes, pool.groups)
    for view in VIEWS:
        list(space.products(view, episodes))
        list(space.products(view, episodes))
    assert len(calls) == 3
    monkeypatch.setattr(module, "WHOLE_UP_TO", 0)
    list(Space(pool.X).products("raw", episodes))
    assert len(calls) == 3


@pytest.mark.parametrize("film", [-1, 240, 10**6])
def test_a_film_outside_the_space_is_refused(pool, film):
    episodes = EpisodeSampler(None, 1, 1, 3).sample(pool.classes, pool.groups)
    episodes.query[1, 0] = film
    with pytest.raises(MismatchError, match="episodes: wanted films 0 to 239 of the space, got"):
        list(Space(pool.X).products("raw", episodes))


def test_products_do_not_change_the_space(pool):
    before = pool.X.copy()
    space = Space(pool.X, CENTER)
    for view in VIEWS:
        space.gram(view)
        space.view(view)
    np.testing.assert_array_equal(space.rows, before)


@pytest.mark.parametrize("offset", [0, 1e3, 1e4])
def test_about_their_mean_distances_keep_their_digits(pool, offset):
    X = (pool.X + offset).astype(np.float32)
    gram = Space(X).gram("shifted").astype(np.float64)
    squared = np.diag(gram)[:, None] - 2 * gram + np.diag(gram)
    np.testing.assert_allclose(squared, cdist(X.astype(np.float64), X.astype(np.float64), "sqeuclidean"), atol=1e-3)


def test_a_row_of_zeros_stays_so():
    assert normalized(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
    rows = np.array([[1.0, 2.0], [1.0, 2.0], [4.0, 6.0]])
    assert Space(rows, rows[0]).view("cl2n").tolist() == [[0, 0], [0, 0], [np.float32(0.6), np.float32(0.8)]]


def test_one_part_is_not_copied():
    part = np.ones((2, 3), np.float32)
    assert joined([part]) is part
    assert joined([part, 2 * part]).tolist() == [[1] * 3] * 2 + [[2] * 3] * 2


def test_what_is_no_space():
    with pytest.raises(ArgumentError, match="center: wanted 2 numbers, got 3"):
        Space(np.ones((4, 2)), np.ones(3))
    with pytest.raises(ArgumentError, match="row 1 holds NaN"):
        Space([[0.0, 1.0], [np.nan, 1.0]])
    with pytest.raises(ArgumentError, match="row 0 holds NaN or infinity"):
        Space([[0.0, 1.0]], [np.inf, 1.0])
    with pytest.raises(ArgumentError, match="wanted a matrix"):
        Space(np.ones(4))
    assert len(Space(np.ones((4, 2)))) == 4
