"""Votes against scikit-learn, and the rule for ties."""

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError

PEER_WEIGHTS = {"majority": "uniform", "distance": "distance"}


@pytest.mark.parametrize("weights", PEER_WEIGHTS)
@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_scikit_learn_counts_the_same(pool, weights, k):
    ours = KNNClassifier(k, weights, smoothing=0).fit(pool.X[:100], pool.classes[:100])
    theirs = KNeighborsClassifier(k, weights=PEER_WEIGHTS[weights]).fit(pool.X[:100], pool.classes[:100].astype(str))
    expected = theirs.predict_proba(pool.X)
    np.testing.assert_allclose(ours.predict_proba(pool.X), expected, atol=1e-5)
    ordered = np.sort(expected, axis=1)
    clear = ordered[:, -1] > ordered[:, -2] + 1e-6
    assert clear.mean() > 0.3
    assert (ours.predict(pool.X)[clear] == theirs.predict(pool.X)[clear]).all()


def test_of_tied_classes_the_one_with_the_nearest_film_wins():
    head = KNNClassifier(4, smoothing=0).fit([[0.0], [1.0], [2.0], [3.0], [9.0]], ["z", "y", "y", "z", "a"])
    assert head.predict([[0.1], [1.4], [3.0]]).tolist() == ["z", "y", "z"]
    np.testing.assert_allclose(head.predict_proba([[0.1]]), [[0, 0.5, 0.5]], atol=1e-6)


def test_of_tied_classes_the_nearest_wins_in_episodes_too(pool):
    episodes = EpisodeSampler(None, 2, 8, episodes=50).sample(pool.classes, pool.groups)
    X = pool.X.astype(np.float64)
    proba = KNNClassifier(2).episode_scores(Space(X), episodes)
    for e in range(len(episodes)):
        nearest = ((X[episodes.query[e]][:, None] - X[episodes.support[e]]) ** 2).sum(axis=2).argmin(axis=1)
        assert np.array_equal(proba[e].argmax(axis=1), episodes.support_label[nearest])


def test_a_film_at_distance_zero_votes_alone():
    head = KNNClassifier(3, "distance", smoothing=0).fit([[0.0], [0.1], [0.2]], ["a", "b", "b"])
    assert head.predict_proba([[0.0]]).tolist() == [[1, 0]]


def test_settings_of_no_use():
    with pytest.raises(ArgumentError, match=r"k: wanted 1 to 3 \(the support films\), got 4"):
        KNNClassifier(4).fit(np.eye(3), [0, 1, 1])
    with pytest.raises(ArgumentError, match="weights: wanted one of majority, distance, got 'uniform'"):
        KNNClassifier(1, "uniform").fit(np.eye(3), [0, 1, 1])
