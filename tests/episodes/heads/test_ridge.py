"""Ridge regression against scikit-learn's, one episode at a time."""

import numpy as np
import pytest
from gaussian_episodes import draw
from sklearn.linear_model import Ridge
from sklearn.linear_model import RidgeClassifier as SklearnRidgeClassifier

from embedlearn.episodes.heads.ridge import RidgeClassifier
from embedlearn.errors import ArgumentError


def scores(head, drawn, label=None):
    label = drawn.label if label is None else label
    return head.respond(head.learn(drawn.support, label, drawn.n_way), drawn.query)


@pytest.mark.parametrize("shape", [(5, 5, 512, 4.5), (3, 1, 64, 1.5), (2, 40, 8, 1.0)])
@pytest.mark.parametrize("penalty", [0.01, 1.0, 100.0])
def test_scikit_learn_answers_the_same(shape, penalty):
    drawn = draw(*shape)
    ours = scores(RidgeClassifier(penalty, scale=3.0), drawn)
    for e in range(len(ours)):
        theirs = Ridge(penalty).fit(drawn.support[e].astype(float), np.eye(drawn.n_way)[drawn.label])
        expected = 3 * theirs.predict(drawn.query[e].astype(float))
        np.testing.assert_allclose(ours[e], expected, atol=1e-4)
        classifier = SklearnRidgeClassifier(penalty).fit(drawn.support[e].astype(float), drawn.label)
        clear = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > 1e-4
        assert clear.mean() > 0.95
        assert np.array_equal(ours[e].argmax(axis=1)[clear], classifier.predict(drawn.query[e].astype(float))[clear])


def test_classes_of_unequal_size_in_any_order():
    drawn = draw(3, 4, 30, 1.0)
    label = np.array([2, 0, 0, 2, 1, 0, 0, 0, 2, 0, 0, 0])
    ours = scores(RidgeClassifier(0.5), drawn, label)
    for e in range(len(ours)):
        theirs = Ridge(0.5).fit(drawn.support[e].astype(float), np.eye(3)[label])
        np.testing.assert_allclose(ours[e], 10 * theirs.predict(drawn.query[e].astype(float)), atol=1e-4)


def test_the_intercept_is_free(pool):
    """A shift of all films changes nothing, and the scores of the support add up as its labels do."""
    ours = RidgeClassifier(5.0, scale=1.0).fit(pool.X[:60], pool.classes[:60])
    moved = RidgeClassifier(5.0, scale=1.0).fit(pool.X[:60] + 7, pool.classes[:60])
    np.testing.assert_allclose(moved.decision_function(pool.X + 7), ours.decision_function(pool.X), atol=1e-6)
    counts = np.unique(pool.classes[:60], return_counts=True)[1]
    np.testing.assert_allclose(ours.decision_function(pool.X[:60]).sum(axis=0), counts)


def test_the_scale_changes_no_prediction(pool):
    mild, sharp = (RidgeClassifier(scale=scale).fit(pool.X[:60], pool.classes[:60]) for scale in (1.0, 50.0))
    assert (mild.predict(pool.X) == sharp.predict(pool.X)).all()
    assert (sharp.predict_proba(pool.X).max(axis=1) > mild.predict_proba(pool.X).max(axis=1)).all()


@pytest.mark.parametrize("settings", [{"penalty": 0.0}, {"penalty": np.nan}, {"scale": -1.0}, {"scale": np.inf}])
def test_settings_of_no_use(settings):
    with pytest.raises(ArgumentError, match=f"{next(iter(settings))}: wanted a number above 0, got"):
        RidgeClassifier(**settings).fit(np.eye(3), [0, 1, 1])
