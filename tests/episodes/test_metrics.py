"""Metrics of all episodes at once are those of scikit-learn, one by one."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics as oracle

from embedlearn.episodes.metrics import auc, confusion_matrix, episode_metrics, operating_curve
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError


@pytest.fixture(params=[(None, "balanced"), (2, "balanced"), (None, "natural")])
def answered(request, pool):
    """Episodes and scores that have ties."""
    n_way, prevalence = request.param
    sampler = EpisodeSampler(n_way, 2, 6, episodes=40, prevalence=prevalence)
    episodes = sampler.sample(pool.classes, pool.groups)
    scores = np.random.default_rng(1).integers(0, 4, (*episodes.query.shape, episodes.n_way)).astype(float)
    return episodes, scores


def test_each_episode(answered):
    episodes, scores = answered
    values = episode_metrics(scores, episodes, "covid-19")
    covid, absent = episodes.classes.index("covid-19"), 0
    for e, label in enumerate(episodes.query_label):
        predicted = scores[e].argmax(axis=1)
        assert values["accuracy"][e] == pytest.approx(oracle.accuracy_score(label, predicted))
        recalls = [(predicted == slot)[label == slot].mean() for slot in np.unique(label)]
        assert values["balanced_accuracy"][e] == pytest.approx(np.mean(recalls))
        if covid not in episodes.way[e]:
            assert all(np.isnan(values[name][e]) for name in ("auc", "sensitivity", "specificity"))
            absent += 1
            continue
        slot = list(episodes.way[e]).index(covid)
        proba = softmax(scores[e], axis=1)[:, slot].round(12)
        assert values["auc"][e] == pytest.approx(oracle.roc_auc_score(label == slot, proba))
        assert values["sensitivity"][e] == pytest.approx(oracle.recall_score(label == slot, predicted == slot))
        assert values["specificity"][e] == pytest.approx(oracle.recall_score(label != slot, predicted != slot))
    assert (absent > 0) == (episodes.n_way == 2)


def test_what_an_episode_cannot_say_is_nan(pool):
    sampler = EpisodeSampler(None, 2, 1, episodes=200, prevalence="dirichlet")
    episodes = sampler.sample(pool.classes, pool.groups)
    values = episode_metrics(np.zeros((200, 3, 3)), episodes, "covid-19")
    without = ~(episodes.query_label == 0).any(axis=1)
    assert without.any() and not without.all()
    assert np.array_equal(np.isnan(values["sensitivity"]), without)
    assert np.array_equal(np.isnan(values["auc"]), without | (episodes.query_label == 0).all(axis=1))
    assert not np.isnan(values["balanced_accuracy"]).any()


def test_confusion_is_summed(answered, pool):
    episodes, scores = answered
    names = np.array(episodes.classes)
    true = pool.classes[episodes.query].ravel().astype(str)
    predicted = np.concatenate([names[episodes.way[e][scores[e].argmax(axis=1)]] for e in range(len(episodes))])
    expected = oracle.confusion_matrix(true, predicted, labels=names)
    assert np.array_equal(confusion_matrix(scores, episodes), expected)


def pooled(episodes, scores, name):
    """Truth and probability of a class for every query film of the episodes that it takes part in."""
    slot = episodes.slot_of(name)
    there = np.flatnonzero(slot >= 0)
    truth = np.concatenate([episodes.query_label[e] == slot[e] for e in there])
    return truth, np.concatenate([softmax(scores[e], axis=1)[:, slot[e]].round(12) for e in there])


def test_the_curve_is_pooled(answered):
    episodes, scores = answered
    truth, proba = pooled(episodes, scores, "covid-19")
    false_positive_rate, recall, _ = oracle.roc_curve(truth, proba, drop_intermediate=False)
    curve = operating_curve(scores, episodes, "covid-19")
    np.testing.assert_allclose(curve.false_positive_rate, false_positive_rate)
    np.testing.assert_allclose(curve.recall, recall)
    precision, recall, _ = oracle.precision_recall_curve(truth, proba)
    np.testing.assert_allclose(curve.precision[1:], precision[:-1][::-1])
    np.testing.assert_allclose(curve.recall[1:], recall[:-1][::-1])
    assert curve.average_precision == pytest.approx(oracle.average_precision_score(truth, proba))


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_area(pool):
    episodes = EpisodeSampler(None, 2, 15, episodes=200).sample(pool.classes, pool.groups)
    scores = np.log(np.random.default_rng(0).dirichlet(np.ones(3), episodes.query.shape))
    curve = operating_curve(scores, episodes, "normal")
    truth, proba = pooled(episodes, scores, "normal")
    assert len(curve.recall) == 400
    assert (curve.recall[0], curve.false_positive_rate[-1]) == (0, 1)
    area = oracle.auc(curve.false_positive_rate, curve.recall)
    assert area == pytest.approx(oracle.roc_auc_score(truth, proba), abs=1e-3)
    assert curve.average_precision == pytest.approx(oracle.average_precision_score(truth, proba))


def test_the_scale_of_scores_leaves_ranks_alone():
    rng = np.random.default_rng(0)
    classes = np.repeat(["a", "b", "c"], 200)
    episodes = EpisodeSampler(None, 2, 15, episodes=30).sample(classes, np.arange(600))
    scores = np.zeros((30, 45, 3))
    scores[:, :, 0] = rng.normal(size=(30, 45)) + (episodes.query_label == 0)
    small = episode_metrics(scores, episodes, "a")["auc"]
    np.testing.assert_allclose(episode_metrics(1000 * scores, episodes, "a")["auc"], small)
    curves = [operating_curve(scale * scores, episodes, "a").average_precision for scale in (1, 1000)]
    assert curves[0] == pytest.approx(curves[1])


def test_without_a_positive_query_the_curve_is_flat():
    classes = np.repeat(["a", "b"], [2, 60])
    sampler = EpisodeSampler(None, 2, 15, episodes=5, prevalence={"a": 1e-9, "b": 1.0})
    episodes = sampler.sample(classes, np.arange(62))
    curve = operating_curve(np.random.default_rng(0).normal(size=(5, 30, 2)), episodes, "a")
    assert not curve.recall.any() and curve.average_precision == 0


def test_the_order_of_films_leaves_auc_and_ties_count_half(answered):
    episodes, scores = answered
    shuffled = np.random.default_rng(0).permutation(episodes.query.shape[1])
    values, positive = scores[:, :, 0], episodes.query_label == 0
    found = auc(values, positive)
    np.testing.assert_allclose(auc(values[:, shuffled], positive[:, shuffled]), found)
    np.testing.assert_allclose(auc(-values, positive), 1 - found)
    assert (auc(np.zeros_like(values), positive)[~np.isnan(found)] == 0.5).all()


def test_an_unknown_positive_class(answered):
    episodes, scores = answered
    with pytest.raises(ArgumentError, match="positive: wanted one of covid-19, normal, pneumonia, got 'covid'"):
        episode_metrics(scores, episodes, "covid")
