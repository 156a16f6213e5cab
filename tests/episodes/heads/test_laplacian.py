"""LaplacianShot against easyfsl's and against a plain loop."""

from functools import partial

import numpy as np
import pytest
from easyfsl.methods import LaplacianShot
from gaussian_episodes import draw, easyfsl_scores
from scipy.special import softmax
from sklearn.neighbors import NearestNeighbors

from embedlearn.episodes.heads.bdcspn import rectified
from embedlearn.episodes.heads.laplacian import LaplacianShotClassifier
from embedlearn.errors import ArgumentError


def unit(drawn):
    support, query = (rows / np.linalg.norm(rows, axis=2, keepdims=True) for rows in (drawn.support, drawn.query))
    return drawn._replace(support=support, query=query)


def scores(head, drawn):
    return head.answer(drawn.support, drawn.label, drawn.query, drawn.n_way)


@pytest.mark.parametrize("shape", [(5, 5, 512, 4.5), (5, 5, 512, 9.0), (3, 1, 64, 1.5), (3, 1, 64, 4.0)])
@pytest.mark.parametrize("settings", [{}, {"k": 5, "smoothing": 0.2, "steps": 3}], ids=str)
def test_easyfsl_answers_the_same_with_one_neighbour_more(shape, settings):
    """easyfsl counts the film itself among its neighbours. Two films at nearly one distance may change places."""
    drawn = unit(draw(*shape))
    ours = LaplacianShotClassifier(**settings)
    theirs = easyfsl_scores(
        lambda **_: LaplacianShot(knn=ours.k + 1, lambda_regularization=ours.smoothing, inference_steps=ours.steps),
        drawn,
    )
    shares = softmax(scores(ours, drawn), axis=2)
    assert (np.abs(shares - theirs).max(axis=2) < 1e-4).mean() > 0.99
    assert (shares.argmax(axis=2) == theirs.argmax(axis=2)).mean() > 0.998


def test_as_many_neighbours_as_easyfsl_names_are_one_more_than_it_takes():
    drawn = unit(draw(5, 5, 512, 4.5))
    three_of_theirs = easyfsl_scores(partial(LaplacianShot, knn=3), drawn)
    four_of_theirs = easyfsl_scores(partial(LaplacianShot, knn=4), drawn)
    ours = softmax(scores(LaplacianShotClassifier(k=3), drawn), axis=2)
    assert np.abs(ours - three_of_theirs).mean() > 100 * np.abs(ours - four_of_theirs).mean()


@pytest.mark.parametrize("shift", [False, True])
def test_a_plain_loop_answers_the_same(pool, shift):
    support, query = pool.X[:20].astype(float), pool.X[20:60].astype(float)
    label = np.unique(pool.classes[:20], return_inverse=True)[1]
    prototypes, moved = rectified(support[None], label, query[None], 3, 1.0)
    films = query + moved[0] * shift
    _, nearest = NearestNeighbors(n_neighbors=4).fit(films).kneighbors()
    distance = ((films[:, None] - prototypes[0]) ** 2).sum(axis=2)
    shares = softmax(-distance, axis=1)
    for _ in range(6):
        exponent = [-distance[t] + 0.4 * sum(shares[other] for other in nearest[t]) for t in range(len(films))]
        shares = softmax(exponent, axis=1)
    ours = LaplacianShotClassifier(4, 0.4, steps=6, shift=shift).fit(support, label)
    np.testing.assert_allclose(ours.predict_proba(query), shares, atol=1e-9)


def test_the_smoother_the_more_neighbours_agree():
    drawn = unit(draw(5, 1, 64, 2.0, episodes=50))
    agreeing = []
    for smoothing in (0.0, 0.3, 1.0):
        chosen = scores(LaplacianShotClassifier(smoothing=smoothing), drawn).argmax(axis=2)
        nearest = [NearestNeighbors(n_neighbors=2).fit(rows).kneighbors(return_distance=False) for rows in drawn.query]
        agreeing.append(np.mean([chosen[e][near] == chosen[e][:, None] for e, near in enumerate(nearest)]))
    assert agreeing[0] + 0.03 < agreeing[1] < agreeing[2] - 0.03


def test_it_helps_a_single_film():
    drawn = unit(draw(5, 1, 128, 2.0, episodes=50))
    assert drawn.accuracy(scores(LaplacianShotClassifier(), drawn)) > drawn.accuracy(drawn.by_means()) + 0.05


def test_fewer_queries_than_neighbours(pool):
    head = LaplacianShotClassifier(k=5).fit(pool.X[:30], pool.classes[:30])
    for queries in (1, 2, 5):
        assert np.isfinite(head.decision_function(pool.X[30 : 30 + queries])).all()
    many = LaplacianShotClassifier(k=99).fit(pool.X[:30], pool.classes[:30]).predict_proba(pool.X[30:40])
    all_others = LaplacianShotClassifier(k=9).fit(pool.X[:30], pool.classes[:30]).predict_proba(pool.X[30:40])
    np.testing.assert_array_equal(many, all_others)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"k": 0}, "k: wanted 1 or more, got 0"),
        ({"steps": 0}, "steps: wanted 1 or more, got 0"),
        ({"smoothing": -0.1}, "smoothing: wanted a number of 0 or more, got -0.1"),
        ({"smoothing": np.nan}, "smoothing: wanted a number of 0 or more, got nan"),
    ],
)
def test_settings_of_no_use(settings, wanted):
    with pytest.raises(ArgumentError, match=wanted):
        LaplacianShotClassifier(**settings).fit(np.eye(3), [0, 1, 1])
