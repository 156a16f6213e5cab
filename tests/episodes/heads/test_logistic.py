"""The probe against scikit-learn's, one episode at a time."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from embedlearn.episodes.heads.logistic import LogisticClassifier
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError


@pytest.mark.parametrize("n_way", [None, 2])
@pytest.mark.parametrize(("C", "scale"), [(1.0, 1.0), (0.01, 1.0), (100.0, 1.0), (1.0, 20.0), (1.0, 0.05)])
@pytest.mark.parametrize("n_shot", [1, 5, 20])
def test_scikit_learn_answers_the_same(pool, n_way, n_shot, C, scale):
    X = pool.X.astype(np.float64) * scale
    episodes = EpisodeSampler(n_way, n_shot, 5, episodes=10).sample(pool.classes, pool.groups)
    proba = softmax(LogisticClassifier(C).episode_scores(Space(X), episodes), axis=2)
    for e in range(len(episodes)):
        theirs = LogisticRegression(C=C, tol=1e-8, max_iter=10_000, solver="newton-cg")
        theirs.fit(X[episodes.support[e]], episodes.support_label)
        expected = theirs.predict_proba(X[episodes.query[e]])
        np.testing.assert_allclose(proba[e], expected, atol=1e-4)
        clear = np.ptp(np.sort(expected, axis=1)[:, -2:], axis=1) > 1e-3
        assert np.array_equal(proba[e].argmax(axis=1)[clear], expected.argmax(axis=1)[clear])


def test_the_answer_is_a_minimum(pool):
    """The slope of the primal loss, written plainly, vanishes at W = A^T X, b."""
    ours = LogisticClassifier(2.0).fit(pool.X[:60], pool.classes[:60])
    X, target = pool.X[:60].astype(np.float64), np.eye(3)[np.unique(pool.classes[:60], return_inverse=True)[1]]
    logits = X @ ours.coef_.T + ours.intercept_
    proba = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(2.0 * (proba - target).T @ X + ours.coef_, 0, atol=1e-4)
    np.testing.assert_allclose((proba - target).sum(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), proba, atol=1e-10)


def test_more_films_than_dimensions_twins_and_uneven_axes():
    rng = np.random.default_rng(0)
    classes = np.repeat(["a", "b", "c"], 40)
    few = rng.normal(size=(120, 2)) + np.repeat(np.eye(3)[:, :2], 40, axis=0)
    twins = np.repeat(few[::2], 2, axis=0)
    uneven = rng.normal(size=(120, 40)) * np.logspace(1.5, -2, 40)
    for X in (few, twins, uneven, np.ones((120, 3))):
        episodes = EpisodeSampler(None, 10, 5, episodes=10).sample(classes, np.arange(120))
        proba = softmax(LogisticClassifier().episode_scores(Space(X), episodes), axis=2)
        for e in range(len(episodes)):
            theirs = LogisticRegression(tol=1e-8, max_iter=10_000, solver="newton-cg")
            theirs.fit(X[episodes.support[e]], episodes.support_label)
            np.testing.assert_allclose(proba[e], theirs.predict_proba(X[episodes.query[e]]), atol=1e-4)


@pytest.mark.parametrize("C", [0, -1.0, np.inf, np.nan])
def test_a_strength_of_no_use(C):
    with pytest.raises(ArgumentError, match="C: wanted a number above 0"):
        LogisticClassifier(C).fit(np.eye(3), [0, 1, 1])
