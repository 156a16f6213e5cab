"""Metrics of all episodes at once are those of scikit-learn, one by one."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from embedlearn.episodes.metrics import auc, confusion_matrix, episode_metrics, roc_curve
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError


@pytest.fixture(params=[None, 2])
def answered(request, pool):
    """Episodes with answers that have ties, and the class names of truth and answer."""
    episodes = EpisodeSampler(request.param, 2, 6, episodes=40).sample(pool.classes, pool.groups)
    rng = np.random.default_rng(1)
    proba = np.round(rng.dirichlet(np.ones(episodes.n_way), episodes.query.shape), 1)
    return episodes, proba


def test_each_episode(answered):
    episodes, proba = answered
    values = episode_metrics(proba, episodes, "covid-19")
    covid = episodes.classes.index("covid-19")
    absent = 0
    for e in range(len(episodes)):
        label, predicted = episodes.query_label, proba[e].argmax(axis=1)
        assert values["accuracy"][e] == pytest.approx(oracle.accuracy_score(label, predicted))
        assert values["balanced_accuracy"][e] == pytest.approx(oracle.balanced_accuracy_score(label, predicted))
        if covid not in episodes.way[e]:
            assert all(np.isnan(values[name][e]) for name in ("auc", "sensitivity", "specificity"))
            absent += 1
            continue
        slot = list(episodes.way[e]).index(covid)
        assert values["auc"][e] == pytest.approx(oracle.roc_auc_score(label == slot, proba[e][:, slot]))
        assert values["sensitivity"][e] == pytest.approx(oracle.recall_score(label == slot, predicted == slot))
        assert values["specificity"][e] == pytest.approx(oracle.recall_score(label != slot, predicted != slot))
    assert (absent > 0) == (episodes.n_way == 2)


def test_confusion_is_summed(answered, pool):
    episodes, proba = answered
    names = np.array(episodes.classes)
    true = pool.classes[episodes.query].ravel().astype(str)
    predicted = np.concatenate([names[episodes.way[e][proba[e].argmax(axis=1)]] for e in range(len(episodes))])
    expected = oracle.confusion_matrix(true, predicted, labels=names)
    assert np.array_equal(confusion_matrix(proba, episodes), expected)


def test_roc_is_pooled(answered):
    episodes, proba = answered
    slot = episodes.slot_of("covid-19")
    there = slot >= 0
    truth = (episodes.query_label == slot[:, None])[there].ravel()
    scores = np.concatenate([proba[e][:, slot[e]] for e in np.flatnonzero(there)])
    fpr, tpr, _ = oracle.roc_curve(truth, scores, drop_intermediate=False)
    curve = roc_curve(proba, episodes, "covid-19")
    np.testing.assert_allclose(curve.false_positive_rate, fpr)
    np.testing.assert_allclose(curve.true_positive_rate, tpr)


def test_a_long_roc_is_thinned_and_keeps_its_ends_and_area(pool):
    episodes = EpisodeSampler(None, 2, 15, episodes=200).sample(pool.classes, pool.groups)
    proba = np.random.default_rng(0).dirichlet(np.ones(3), episodes.query.shape)
    curve = roc_curve(proba, episodes, "normal")
    truth, scores = np.tile(episodes.query_label == 1, 200), proba[:, :, 1].ravel()
    assert len(curve.true_positive_rate) == 400
    assert (curve.true_positive_rate[0], curve.false_positive_rate[-1]) == (0, 1)
    assert oracle.auc(*curve) == pytest.approx(oracle.roc_auc_score(truth, scores), abs=1e-3)


def test_relabelling_leaves_accuracy_and_ties_count_half(answered):
    episodes, proba = answered
    shuffled = np.random.default_rng(0).permutation(episodes.query.shape[1])
    scores, positive = proba[:, :, 0], np.tile(episodes.query_label == 0, (len(episodes), 1))
    np.testing.assert_allclose(auc(scores[:, shuffled], positive[:, shuffled]), auc(scores, positive))
    np.testing.assert_allclose(auc(-scores, positive), 1 - auc(scores, positive))
    assert (auc(np.zeros_like(scores), positive) == 0.5).all()


def test_an_unknown_positive_class(answered):
    episodes, proba = answered
    with pytest.raises(ArgumentError, match="positive: wanted one of covid-19, normal, pneumonia, got 'covid'"):
        episode_metrics(proba, episodes, "covid")
