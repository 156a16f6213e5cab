"""Prototypes against easyfsl and scikit-learn."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.neighbors import NearestCentroid

from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError


@pytest.fixture
def episodes(pool):
    return EpisodeSampler(None, 5, 10, episodes=100).sample(pool.classes, pool.groups)


@pytest.mark.parametrize(("metric", "peer"), [("euclidean", "PrototypicalNetworks"), ("cosine", "SimpleShot")])
@pytest.mark.parametrize("centred", [False, True])
def test_easyfsl_answers_the_same(pool, episodes, metric, peer, centred):
    torch = pytest.importorskip("torch")
    methods = pytest.importorskip("easyfsl.methods")
    center = pool.X[:50].mean(axis=0) if centred else None
    settings = {"feature_centering": torch.tensor(center), "feature_normalization": 2} if centred else {}
    theirs = getattr(methods, peer)(torch.nn.Identity(), **settings)
    ours = PrototypeClassifier(metric, center=center)
    proba = softmax(ours.episode_scores(Space(pool.X, center), episodes), axis=2)
    for e in range(len(episodes)):
        support, query = torch.tensor(pool.X[episodes.support[e]]), torch.tensor(pool.X[episodes.query[e]])
        theirs.process_support_set(support, torch.tensor(episodes.support_label))
        scores = theirs(query).double()
        # easyfsl scores by the distance itself, Snell's equation 2 by its square
        logits = -(scores**2) if metric == "euclidean" else 10 * scores
        np.testing.assert_allclose(proba[e], logits.softmax(dim=1).numpy(), atol=1e-5)
        assert np.array_equal(proba[e].argmax(axis=1), scores.argmax(dim=1).numpy())


def test_predictions_are_those_of_the_nearest_centroid(pool):
    ours = PrototypeClassifier().fit(pool.X[:80], pool.classes[:80])
    theirs = NearestCentroid().fit(pool.X[:80].astype(float), pool.classes[:80].astype(str))
    np.testing.assert_allclose(ours.prototypes_, theirs.centroids_, atol=1e-6)
    assert (ours.predict(pool.X[80:]) == theirs.predict(pool.X[80:].astype(float))).all()


def test_probabilities_by_hand():
    ours = PrototypeClassifier().fit([[0.0], [2.0], [4.0], [6.0]], ["a", "a", "b", "b"])
    assert ours.prototypes_.tolist() == [[1.0], [5.0]]
    assert ours.predict_proba([[2.0]])[0] == pytest.approx([1 / (1 + np.exp(1 - 9)), 1 / (1 + np.exp(9 - 1))])
    cosine = PrototypeClassifier("cosine", scale=2.0).fit([[1.0, 0.0], [0.0, 3.0]], [0, 1])
    assert cosine.predict_proba([[5.0, 0.0]])[0] == pytest.approx([1 / (1 + np.exp(-2)), 1 / (1 + np.exp(2))])


def test_a_shift_and_a_rotation_change_nothing(pool):
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(24, 24)))[0]
    moved = pool.X @ rotation + 3
    straight = PrototypeClassifier().fit(pool.X[:80], pool.classes[:80]).predict_proba(pool.X[80:])
    np.testing.assert_allclose(
        PrototypeClassifier().fit(moved[:80], pool.classes[:80]).predict_proba(moved[80:]), straight, atol=1e-5
    )


def test_settings_of_no_use():
    with pytest.raises(ArgumentError, match="metric: wanted one of euclidean, cosine, got 'manhattan'"):
        PrototypeClassifier("manhattan").fit(np.eye(3), [0, 1, 1])
    with pytest.raises(ArgumentError, match="center: wanted 3 numbers as in X, got 2"):
        PrototypeClassifier(center=[0.0, 1.0]).fit(np.eye(3), [0, 1, 1])
