"""Answers to a user's own films against the same by hand."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist
from scipy.special import log_softmax, softmax

from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.heads import build_head
from embedlearn.episodes.prediction import BASE_EPISODES, BASE_QUERIES, Fitted, fit_on_base, predict_films
from embedlearn.episodes.rejection import STRANGENESS
from embedlearn.episodes.space import Space
from embedlearn.errors import ArgumentError

BARE = Fitted(None, None, 0, "none at hand")
MEASURES = list(STRANGENESS)


def base_films(count=60, dimensions=6):
    """As many films of two classes, each of a patient of its own."""
    rng = np.random.default_rng(1)
    classes = np.repeat(["v", "w"], count)
    X = rng.normal(size=(2 * count, dimensions)) + 1.5 * (classes == "w")[:, None]
    return BaseFilms({"trained": Space(X, X.mean(axis=0))}, classes, np.arange(2 * count))


def own_films(queries=40):
    """Support of 4, 6 and 5 films in mixed order with their labels, and queries of the first class."""
    rng = np.random.default_rng(2)
    labels = rng.permutation(np.repeat(["tb", "flu", "well"], [4, 6, 5]))
    X = rng.normal(size=(15, 6)) + 2 * np.eye(6)[np.searchsorted(["flu", "tb", "well"], labels)]
    query = rng.normal(size=(queries, 6)) + 2 * np.eye(6)[0]
    return Space(X, np.ones(6)), labels, query.astype(np.float32)


def asked_one_by_one(base, head, shots, seed):
    """Scores [E * T, 2] and slots [E * T] of base episodes, and the distance of each query to the nearest mean."""
    rows, found = base.spaces["trained"].rows.astype(np.float64), []
    episodes = base.sample(shots, BASE_QUERIES, BASE_EPISODES, seed)
    for support, query, slot in zip(episodes.support, episodes.query, episodes.query_label, strict=True):
        fitted = build_head(head, (shots, shots), center=base.spaces["trained"].center)
        scores = fitted.fit(rows[support], episodes.support_label).class_scores(rows[query])
        means = [rows[support[:shots]].mean(axis=0), rows[support[shots:]].mean(axis=0)]
        found.append((scores, slot, cdist(rows[query], means).min(axis=1)))
    return [np.concatenate(arrays) for arrays in zip(*found, strict=True)]


@pytest.mark.parametrize("head", ["prototype", "simpleshot", "knn", "logistic"])
def test_temperature_and_bound_are_those_of_base_episodes(head):
    base = base_films()
    found = fit_on_base(base, head, "prototype", 4, seed=3)
    scores, slot, distance = asked_one_by_one(base, head, 4, 3)

    def loss(log_temperature):
        return -log_softmax(scores / np.exp(log_temperature), axis=1)[np.arange(len(slot)), slot].mean()

    best = np.exp(minimize_scalar(loss, bounds=(-6, 6), method="bounded", options={"xatol": 1e-6}).x)
    assert found.temperature == pytest.approx(best, rel=1e-3)
    assert found.bound == pytest.approx(np.quantile(distance, 0.95, method="higher"), rel=1e-5)
    assert (found.shots, found.reason) == (4, "")
    assert fit_on_base(base, head, "prototype", 4, seed=3) == found
    assert fit_on_base(base, head, "prototype", 4, seed=4) != found


@pytest.mark.parametrize("measure", MEASURES)
def test_the_bound_accepts_the_share_that_is_asked_for(measure):
    base = base_films()
    bounds = [fit_on_base(base, "prototype", measure, 5, keep=keep).bound for keep in (0.5, 0.9, 1.0)]
    rows, episodes = base.spaces["trained"].rows, base.sample(5, BASE_QUERIES, BASE_EPISODES, 0)
    strange = STRANGENESS[measure](rows[episodes.support], episodes.support_label, rows[episodes.query], 2)
    assert [(strange <= bound * (1 + 1e-9)).mean() for bound in bounds] == pytest.approx([0.5, 0.9, 1], abs=1e-3)


@pytest.mark.parametrize(("films", "shots"), [(60, 9), (19, 9), (18, 8), (13, 3), (11, 1)])
def test_base_films_are_asked_for_as_many_shots_as_they_allow(films, shots):
    found = fit_on_base(base_films(films), "prototype", "knn", 9)
    assert found.shots == shots
    assert found.reason == ""
    assert found.temperature > 0
    assert found.bound > 0


def test_without_base_films_nothing_is_fitted_and_it_says_why():
    assert fit_on_base(None, "prototype", "knn", 5) == Fitted(None, None, 0, "no base films are at hand")
    found = fit_on_base(base_films(10), "prototype", "knn", 5)
    assert (found.temperature, found.bound, found.shots) == (None, None, 0)
    assert "10 query films wanted beside 1 support patients" in found.reason
    one = base_films()._replace(classes=np.repeat("v", 120))
    assert fit_on_base(one, "prototype", "knn", 5).reason.startswith("n_way: 2 classes wanted, 1 found")


@pytest.mark.parametrize("temperature", [None, 0.3, 25.0])
def test_probabilities_are_the_heads_at_the_fitted_temperature(temperature):
    support, labels, query = own_films()
    found = predict_films(support, labels, query, fitted=Fitted(temperature, None, 4))
    assert found.classes.tolist() == ["flu", "tb", "well"]
    means = [support.rows[labels == name].mean(axis=0, dtype=np.float64) for name in found.classes]
    expected = softmax(-(cdist(query, means) ** 2) / (temperature or 1), axis=1)
    np.testing.assert_allclose(found.proba, expected, atol=1e-6)
    cl2n = predict_films(support, labels, query, head="simpleshot", fitted=Fitted(temperature, None, 4))
    rows, asked = (
        (each - 1) / np.linalg.norm(each - 1, axis=1, keepdims=True)
        for each in (support.rows.astype(np.float64), query.astype(np.float64))
    )
    means = [rows[labels == name].mean(axis=0) for name in found.classes]
    expected = softmax(-(cdist(asked, means) ** 2) / (temperature or 1), axis=1)
    np.testing.assert_allclose(cl2n.proba, expected, atol=1e-6)


def test_labels_may_be_numbers():
    support, labels, query = own_films()
    by_name = predict_films(support, labels, query, fitted=BARE)
    numbers = np.array([7, 3, 11])[np.searchsorted(by_name.classes, labels)]
    by_number = predict_films(support, numbers, query, fitted=BARE)
    assert by_number.classes.tolist() == [3, 7, 11]
    np.testing.assert_array_equal(by_number.proba[:, [1, 0, 2]], by_name.proba)


def test_the_neighbours_of_a_vote_can_be_named():
    support, labels, query = own_films()
    for k, voters in ((None, 4), (1, 1), (50, 15)):
        found = predict_films(support, labels, query, head="knn", k=k, fitted=BARE)
        nearest = cdist(query, support.rows).argsort(axis=1)[:, :voters]
        votes = np.stack([(labels[nearest] == name).sum(axis=1) for name in found.classes], axis=1)
        np.testing.assert_allclose(found.proba, (votes + 1) / (voters + 3), atol=1e-5)


@pytest.mark.parametrize("measure", MEASURES)
def test_outliers_are_unknown_and_films_like_the_examples_are_not(measure):
    support, labels, query = own_films(400)
    fitted = fit_on_base(base_films(), "prototype", measure, 4)
    found = predict_films(support, labels, np.concatenate([query, query + 30]), measure=measure, fitted=fitted)
    rows = np.concatenate([query, query + 30])
    slots = np.searchsorted(found.classes, labels)
    np.testing.assert_allclose(found.strangeness, STRANGENESS[measure](support.rows[None], slots, rows[None], 3)[0])
    assert found.is_unknown[400:].all()
    assert found.is_unknown[:400].mean() < 0.15
    np.testing.assert_array_equal(found.is_unknown, found.strangeness > fitted.bound)
    assert not predict_films(support, labels, rows, measure=measure, fitted=BARE).is_unknown.any()


@pytest.mark.parametrize("neighbours", [1, 3, 15, 99])
def test_the_nearest_examples_are_named(neighbours):
    support, labels, query = own_films()
    found = predict_films(support, labels, query, neighbours=neighbours, fitted=BARE)
    distances = cdist(query, support.rows)
    count = min(neighbours, 15)
    np.testing.assert_array_equal(found.nearest, distances.argsort(axis=1)[:, :count])
    np.testing.assert_allclose(found.distances, np.sort(distances, axis=1)[:, :count], rtol=1e-5)
    itself = predict_films(support, labels, support.rows, fitted=BARE)
    assert itself.nearest[:, 0].tolist() == list(range(15))
    assert (itself.distances[:, 0] == 0).all()


def test_a_film_gets_the_same_answer_alone():
    support, labels, query = own_films()
    fitted = fit_on_base(base_films(), "prototype", "prototype", 4)
    together = predict_films(support, labels, query, fitted=fitted)
    for film in range(5):
        alone = predict_films(support, labels, query[film : film + 1], fitted=fitted)
        for name in ("proba", "strangeness", "nearest", "distances"):
            np.testing.assert_allclose(getattr(alone, name)[0], getattr(together, name)[film], rtol=1e-12)


def test_what_cannot_be_answered():
    support, labels, query = own_films()
    with pytest.raises(ArgumentError, match="query and neighbours: wanted one or more of each, got 0 and 3"):
        predict_films(support, labels, query[:0], fitted=BARE)
    with pytest.raises(ArgumentError, match="y: wanted two classes or more, got 1"):
        predict_films(support, ["tb"] * 15, query, fitted=BARE)
    with pytest.raises(ArgumentError, match="y: wanted one label for each of the 15 rows"):
        predict_films(support, labels[:14], query, fitted=BARE)
    with pytest.raises(ArgumentError, match="expecting 6 features"):
        predict_films(support, labels, query[:, :5], fitted=BARE)
    with pytest.raises(ArgumentError, match="row 0 holds NaN"):
        predict_films(support, labels, query * np.nan, fitted=BARE)
    with pytest.raises(ArgumentError, match=r"heads: wanted some of prototype, .* got 'svm'"):
        predict_films(support, labels, query, head="svm", fitted=BARE)
    with pytest.raises(ArgumentError, match="measure: wanted one of prototype, knn, energy, got 'loud'"):
        fit_on_base(base_films(), "prototype", "loud", 5)
    with pytest.raises(ArgumentError, match="keep: wanted a share"):
        fit_on_base(base_films(), "prototype", "knn", 5, keep=0)
