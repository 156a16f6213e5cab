"""Discriminant analysis against scikit-learn's, and where the classes spread nowhere."""

import numpy as np
import pytest
from gaussian_episodes import draw
from scipy.spatial.distance import cdist
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from embedlearn.episodes.heads.lda import LDAClassifier
from embedlearn.errors import ArgumentError


def scores(head, drawn, label=None):
    label = drawn.label if label is None else label
    return head.respond(head.learn(drawn.support, label, drawn.n_way), drawn.query)


def centred(scores):
    return scores - scores.mean(axis=-1, keepdims=True)


@pytest.mark.parametrize("shape", [(5, 5, 512, 4.5), (3, 2, 64, 1.5), (2, 40, 8, 1.0)])
@pytest.mark.parametrize("shrinkage", [0.01, 0.1, 0.6, 1.0])
def test_scikit_learn_answers_the_same(shape, shrinkage):
    drawn = draw(*shape, episodes=4)
    films, ours = len(drawn.label), scores(LDAClassifier(shrinkage), drawn)
    for e in range(len(ours)):
        theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage)
        theirs.fit(drawn.support[e].astype(float), drawn.label)
        linear = drawn.query[e].astype(float) @ theirs.coef_.T + theirs.intercept_
        if drawn.n_way == 2:
            linear = np.concatenate([-linear, linear], axis=1) / 2
        # scikit-learn divides the spread by S, we by S - W
        expected = centred(linear) * (films - drawn.n_way) / films
        np.testing.assert_allclose(centred(ours[e]), expected, atol=1e-6 * np.abs(expected).max())


def test_classes_of_unequal_size_are_equally_probable_beforehand():
    drawn = draw(3, 4, 30, 1.0)
    label = np.array([2, 0, 0, 2, 1, 0, 0, 1, 2, 0, 0, 0])
    ours = scores(LDAClassifier(0.3), drawn, label)
    for e in range(len(ours)):
        theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3).fit(drawn.support[e].astype(float), label)
        prior = np.log(np.bincount(label) / len(label))
        expected = theirs.decision_function(drawn.query[e].astype(float)) - prior
        np.testing.assert_allclose(centred(ours[e]), centred(expected) * 9 / 12, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("shrinkage", "n_shot"), [(1.0, 5), (0.1, 1)])
def test_without_a_covariance_the_nearest_mean_wins(shrinkage, n_shot):
    drawn = draw(4, n_shot, 64, 2.0)
    chosen = scores(LDAClassifier(shrinkage), drawn).argmax(axis=2)
    for e in range(len(chosen)):
        means = [drawn.support[e][drawn.label == slot].mean(axis=0) for slot in range(4)]
        assert np.array_equal(chosen[e], cdist(drawn.query[e], means).argmin(axis=1))


def test_twins_within_every_class_count_as_one_film():
    drawn = draw(3, 1, 64, 2.0)
    twins = drawn._replace(support=np.repeat(drawn.support, 3, axis=1), label=np.repeat(drawn.label, 3))
    alone, together = (scores(LDAClassifier(0.01), films) for films in (drawn, twins))
    assert np.abs(together).max() < 1e4
    assert np.array_equal(together.argmax(axis=2), alone.argmax(axis=2))
    same = LDAClassifier().fit(np.ones((4, 3)), [0, 0, 1, 1])
    assert np.isfinite(same.predict_proba(np.eye(3))).all()


def test_it_knows_the_axis_on_which_classes_differ():
    """Along the first axis films of a class lie far apart, and the second tells the classes apart."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 20)) * np.array([30.0] + [1.0] * 19), np.tile([0, 1], 40)
    X[:, 1] += 3 * y
    by_covariance, by_mean = (LDAClassifier(shrinkage).fit(X[:40], y[:40]) for shrinkage in (0.01, 1.0))
    assert by_covariance.score(X[40:], y[40:]) > 0.85 > 0.7 > by_mean.score(X[40:], y[40:])


@pytest.mark.parametrize("shrinkage", [0.0, 1.1, -0.2, np.nan])
def test_settings_of_no_use(shrinkage):
    with pytest.raises(ArgumentError, match="shrinkage: wanted a number above 0, at most 1, got"):
        LDAClassifier(shrinkage).fit(np.eye(3), [0, 1, 1])
