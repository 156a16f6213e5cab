"""Supports against a plain loop of scikit-learn's classifiers; no patient of a support is asked about."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from embedlearn.episodes.space import Space
from embedlearn.episodes.supports import SupportStudy, study_supports
from embedlearn.errors import ArgumentError, EpisodeError


def study(pool, **settings):
    chosen = {"head": "prototype", "n_shot": 3, "supports": 25} | settings
    return study_supports(Space(pool.X, pool.X.mean(axis=0)), pool.classes, pool.groups, **chosen)


def asked(pool, support):
    """The films of patients that are not in the support."""
    seated = set(pool.groups[support])
    return [film for film in range(len(pool.X)) if pool.groups[film] not in seated]


@pytest.mark.parametrize(
    ("head", "k", "other"),
    [
        ("prototype", None, NearestCentroid()),
        ("knn", 1, KNeighborsClassifier(1)),
        ("logistic", None, LogisticRegression(tol=1e-8, max_iter=1000)),
    ],
)
def test_it_is_what_a_plain_loop_finds(pool, head, k, other):
    found = study(pool, head=head, k=k)
    X, names = pool.X.astype(np.float64), pool.classes.astype(str)
    assert found.classes == ("covid-19", "normal", "pneumonia")
    assert found.support.shape == (25, 9)
    for support, accuracy in zip([*found.support, found.medoid], [*found.accuracy, found.medoid_accuracy], strict=True):
        assert (names[support] == np.array(found.classes)[found.label]).all()
        rest = asked(pool, support)
        answers = other.fit(X[support], names[support]).predict(X[rest])
        assert accuracy == pytest.approx(balanced_accuracy_score(names[rest], answers))


def test_noise_is_not_learnt_though_a_patient_has_twins():
    rng = np.random.default_rng(0)
    patients, classes = np.repeat(np.arange(150), 2), np.repeat(rng.permutation(np.repeat(["a", "b", "c"], 50)), 2)
    X = np.repeat(rng.normal(size=(150, 6)), 2, axis=0)
    found = study_supports(Space(X), classes, patients, head="knn", n_shot=30, k=1, supports=20)
    assert found.accuracy.mean() == pytest.approx(1 / 3, abs=0.04)
    leaked = study_supports(Space(X), classes, np.arange(300), head="knn", n_shot=30, k=1, supports=20)
    assert leaked.accuracy.mean() > 0.45


def test_medoids_are_the_nearest_to_their_mean_each_of_another_patient(pool):
    found = study(pool, n_shot=6, shots_of={"normal": 4})
    assert np.bincount(found.label).tolist() == [6, 4, 6]
    X = pool.X.astype(np.float64)
    for slot, name in enumerate(found.classes):
        films = np.flatnonzero(pool.classes == name)
        distance = np.linalg.norm(X[films] - X[films].mean(axis=0), axis=1)
        expected, seated = [], set()
        for film in films[distance.argsort()]:
            if len(expected) < (4 if name == "normal" else 6) and pool.groups[film] not in seated:
                expected.append(film)
                seated.add(pool.groups[film])
        assert found.medoid[found.label == slot].tolist() == expected
    assert found.medoid_accuracy > found.quantiles[2]


def test_quantiles_best_and_worst():
    accuracy = np.array([0.5, 0.9, 0.2, 0.9, 0.6])
    found = SupportStudy(("a", "b"), np.arange(10).reshape(5, 2), np.arange(2), accuracy, np.arange(2), 1.0)
    np.testing.assert_allclose(found.quantiles, [0.2, 0.26, 0.6, 0.9, 0.9])
    assert found.best.tolist() == [2, 3]
    assert found.worst.tolist() == [4, 5]


def test_same_seed_same_supports_and_progress_ends_at_the_total(pool):
    calls = []
    first = study(pool, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 25) for done in range(1, 26)]
    again, other = study(pool), study(pool, seed=1)
    np.testing.assert_array_equal(first.support, again.support)
    np.testing.assert_array_equal(first.accuracy, again.accuracy)
    assert not np.array_equal(first.support, other.support)
    np.testing.assert_array_equal(first.medoid, other.medoid)


def test_more_shots_are_better_and_differ_less(pool):
    one, many = study(pool, n_shot=1, supports=60), study(pool, n_shot=20, supports=60)
    assert np.median(many.accuracy) > np.median(one.accuracy) + 0.05
    assert np.ptp(many.quantiles[[1, 3]]) < np.ptp(one.quantiles[[1, 3]])


def test_what_the_pool_does_not_allow(pool):
    with pytest.raises(EpisodeError, match="200 shots of 200 different patients wanted"):
        study(pool, n_shot=200)
    with pytest.raises(ArgumentError, match=r"wanted some of prototype, .* got 'svm'"):
        study(pool, head="svm")
    with pytest.raises(ArgumentError, match="simpleshot needs the mean"):
        study_supports(Space(pool.X), pool.classes, pool.groups, head="simpleshot", n_shot=1)
