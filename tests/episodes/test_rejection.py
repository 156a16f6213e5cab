"""Strangeness against distances one by one; what it is worth against scikit-learn and plain loops."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score, roc_curve

from embedlearn.episodes.rejection import (
    STRANGENESS,
    energy,
    energy_strangeness,
    episode_auroc,
    knn_strangeness,
    prototype_strangeness,
    rejection,
    threshold,
)
from embedlearn.errors import ArgumentError

LABEL = np.array([0, 2, 1, 1, 0, 2, 2, 1, 0, 1])


def films(seed=0, dtype=np.float64):
    """Support [6, 10, 8] and query [6, 12, 8]; the last four queries are of no class of the support."""
    rng = np.random.default_rng(seed)
    support = rng.normal(size=(6, 10, 8)) + 3 * np.eye(8)[LABEL]
    query = rng.normal(size=(6, 12, 8)) + 3 * np.eye(8)[np.repeat([0, 1, 2, 5], [3, 3, 2, 4])]
    return support.astype(dtype), query.astype(dtype)


def judged(seed=0, decimals=1):
    rng = np.random.default_rng(seed)
    unknown = rng.random((30, 20)) < 0.3
    unknown[:, 0], unknown[:, 1] = True, False
    return np.round(rng.normal(size=(30, 20)) + unknown, decimals), unknown


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_strangeness_is_what_distances_one_by_one_give(dtype):
    support, query = films(dtype=dtype)
    found = {name: function(support, LABEL, query, 3) for name, function in STRANGENESS.items()}
    assert all(values.shape == (6, 12) and values.dtype == np.float64 for values in found.values())
    for e in range(6):
        one = support[e].astype(np.float64)
        means = np.stack([one[slot == LABEL].mean(axis=0) for slot in range(3)])
        to_means = cdist(query[e], means)
        np.testing.assert_allclose(found["prototype"][e], to_means.min(axis=1))
        np.testing.assert_allclose(found["energy"][e], -np.log(np.exp(-(to_means**2)).mean(axis=1)))
        np.testing.assert_allclose(found["knn"][e], np.sort(cdist(query[e], one), axis=1)[:, 2])
        for k in (1, 10):
            expected = np.sort(cdist(query[e], one), axis=1)[:, k - 1]
            np.testing.assert_allclose(knn_strangeness(support, LABEL, query, 3, k)[e], expected)


@pytest.mark.parametrize("name", STRANGENESS)
def test_strangeness_knows_no_order_no_place_and_no_other_query(name):
    support, query = films()
    expected = STRANGENESS[name](support, LABEL, query, 3)
    order = np.random.default_rng(1).permutation(10)
    np.testing.assert_allclose(STRANGENESS[name](support[:, order], LABEL[order], query, 3), expected)
    np.testing.assert_allclose(STRANGENESS[name](support, 2 - LABEL, query, 3), expected)
    np.testing.assert_allclose(STRANGENESS[name](support + 1000, LABEL, query + 1000, 3), expected, rtol=1e-9)
    np.testing.assert_allclose(STRANGENESS[name](support[2:3], LABEL, query[2:3, 5:6], 3), expected[2:3, 5:6])
    assert rejection(expected, np.arange(12) >= 8).auroc > 0.8


def test_scale():
    support, query = films()
    for name in ("prototype", "knn"):
        expected = STRANGENESS[name](support, LABEL, query, 3)
        np.testing.assert_allclose(STRANGENESS[name](support * 7, LABEL, query * 7, 3), expected * 7)
    expected = energy_strangeness(support, LABEL, query, 3)
    np.testing.assert_allclose(energy_strangeness(support * 7, LABEL, query * 7, 3, temperature=49), expected * 49)


def test_energy():
    scores = np.log(np.array([[[1, 2, 5], [4, 4, 8]]]))
    np.testing.assert_allclose(energy(scores), -np.log([[8, 16]]))
    np.testing.assert_allclose(energy(scores * 3, 3), -3 * np.log([[8, 16]]))
    np.testing.assert_allclose(energy(scores, 1e-4), -np.log([[5, 8]]), atol=1e-3)
    assert np.array_equal(energy(np.array([[[0, -np.inf]]])), [[0]])
    support, query = films()
    nearest = prototype_strangeness(support, LABEL, query, 3) ** 2
    np.testing.assert_allclose(energy_strangeness(support, LABEL, query, 3, 1e-4), nearest, atol=1e-3)


def test_a_film_of_the_support_is_no_stranger():
    support, _ = films()
    np.testing.assert_allclose(knn_strangeness(support, LABEL, support, 3, 1), 0, atol=1e-6)
    np.testing.assert_allclose(prototype_strangeness(support[:, :3], [0, 1, 2], support[:, :3], 3), 0, atol=1e-6)


@pytest.mark.parametrize("decimals", [1, 15])
def test_rejection_against_scikit_learn_and_loops(decimals):
    values, unknown = judged(decimals=decimals)
    found = rejection(values, unknown, threshold=0.4)
    assert found.auroc == pytest.approx(roc_auc_score(unknown.ravel(), values.ravel()))
    missed, accepted, _ = roc_curve(~unknown.ravel(), -values.ravel(), drop_intermediate=False)
    assert found.fpr95 == pytest.approx(missed[np.argmax(accepted >= 0.95)])
    for bound in np.unique(values):
        if np.mean([value <= bound for value in values[~unknown]]) >= 0.95:
            assert found.fpr95 == pytest.approx(np.mean([value <= bound for value in values[unknown]]))
            break
    assert found.known_rejected == pytest.approx(np.mean([value > 0.4 for value in values[~unknown]]))
    assert found.unknown_caught == pytest.approx(np.mean([value > 0.4 for value in values[unknown]]))
    if len(accepted) <= 400:
        np.testing.assert_allclose(found.curve.known_accepted, accepted)
        np.testing.assert_allclose(found.curve.unknown_caught, 1 - missed)
    else:
        assert len(found.curve.known_accepted) == 400
    ends = [(shares[0], shares[-1]) for shares in found.curve]
    assert ends == [(0, 1), (1, 0)]
    assert np.trapezoid(found.curve.unknown_caught, found.curve.known_accepted) == pytest.approx(found.auroc, abs=3e-3)


def test_each_episode_alone():
    values, unknown = judged()
    unknown[4], unknown[7] = True, False
    found = episode_auroc(values, unknown)
    assert np.array_equal(np.flatnonzero(np.isnan(found)), [4, 7])
    for e in set(range(30)) - {4, 7}:
        assert found[e] == pytest.approx(roc_auc_score(unknown[e], values[e]))
    assert np.isnan(episode_auroc(values, np.zeros(20, dtype=bool))).all()
    np.testing.assert_array_equal(
        episode_auroc(values, unknown[0]), episode_auroc(values, np.tile(unknown[0], (30, 1)))
    )


def test_only_the_order_of_strangeness_counts():
    values, unknown = judged()
    found, shuffled = rejection(values, unknown, 0.2), np.random.default_rng(3).permutation(20)
    for same in (rejection(values[:, shuffled], unknown[:, shuffled], 0.2), rejection(values * 8, unknown, 0.2 * 8)):
        assert same[:4] == found[:4]
        np.testing.assert_array_equal(same.curve, found.curve)
    assert rejection(-values, unknown).auroc == pytest.approx(1 - found.auroc)
    assert np.isnan(rejection(values, unknown)[2:4]).all()


def test_those_who_know_all_and_those_who_know_nothing():
    unknown = np.arange(20) >= 15
    perfect = rejection(np.tile(unknown * 1.0, (3, 1)), unknown, threshold=0.5)
    assert perfect[:4] == (1, 0, 0, 1)
    constant = rejection(np.ones((3, 20)), unknown, threshold=1)
    assert constant[:4] == (0.5, 1, 0, 0)
    assert constant.curve.known_accepted.tolist() == [0, 1]


def test_fpr95_takes_the_least_bound():
    known = np.arange(20)
    assert rejection(np.append(known, 18.5), np.arange(21) == 20).fpr95 == 0
    assert rejection(np.append(known, 18), np.arange(21) == 20).fpr95 == 1


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.95, 1])
@pytest.mark.parametrize("count", [1, 7, 20, 101])
def test_a_threshold_keeps_no_less_than_asked_and_little_more(keep, count):
    known = np.random.default_rng(count).normal(size=count)
    bound = threshold(known, keep)
    assert bound in known
    assert keep <= (known <= bound).mean() < keep + 2 / count
    assert rejection(np.append(known, 99), np.arange(count + 1) == count, bound).known_rejected <= 1 - keep + 1e-12


def test_what_is_refused():
    support, query = films()
    for function in STRANGENESS.values():
        with pytest.raises(ArgumentError, match=r"label: wanted every slot 0\.\.3, got \[0, 1, 2\]"):
            function(support, LABEL, query, 4)
        with pytest.raises(ArgumentError, match=r"label: wanted one for each support film, got shapes \(9,\)"):
            function(support, LABEL[:9], query, 3)
    with pytest.raises(ArgumentError, match=r"k: wanted 1\.\.10, the support films, got 11"):
        knn_strangeness(support, LABEL, query, 3, 11)
    with pytest.raises(ArgumentError, match="temperature: wanted a number above 0, got -1"):
        energy(query, -1)
    with pytest.raises(ArgumentError, match="keep: wanted a share above 0 and up to 1, got 95"):
        threshold([1.0], 95)
    with pytest.raises(ArgumentError, match="strangeness: wanted a finite number"):
        threshold([1.0, np.nan])
    values, unknown = judged()
    with pytest.raises(ArgumentError, match="is_unknown: wanted known and unknown films, got all of one kind"):
        rejection(values, np.zeros_like(unknown))
    with pytest.raises(ArgumentError, match=r"is_unknown: wanted true or false for \(30, 20\), got int64 \(30, 20\)"):
        rejection(values, unknown.astype(np.int64))
    with pytest.raises(ArgumentError, match="threshold: wanted a number, got NaN"):
        rejection(values, unknown, np.nan)
    with pytest.raises(ArgumentError, match=r"strangeness: wanted \[episodes, films\], got shape \(20,\)"):
        episode_auroc(values[0], unknown[0])


def test_classes_that_say_the_same_do_not_move_the_energy():
    rng = np.random.default_rng(0)
    support, query = rng.normal(size=(2, 4, 5)), rng.normal(size=(2, 7, 5))
    once = energy_strangeness(support, np.array([0, 0, 1, 1]), query, 2)
    twice = energy_strangeness(np.tile(support, (1, 2, 1)), np.array([0, 0, 1, 1, 2, 2, 3, 3]), query, 4)
    np.testing.assert_allclose(twice, once)
