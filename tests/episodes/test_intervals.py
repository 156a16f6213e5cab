"""Intervals against scipy, a plain bootstrap, and what they must cover."""

import numpy as np
import pytest
from scipy import stats

from embedlearn.episodes.intervals import (
    bootstrap_interval,
    bootstrap_p,
    episode_interval,
    episode_p,
    paired,
    replicate_means,
)
from embedlearn.errors import ArgumentError


def test_the_episode_interval_is_students():
    values = np.random.default_rng(0).normal(0.8, 0.05, 60)
    mean, low, high = episode_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean, low, high) == pytest.approx((values.mean(), expected.low, expected.high))
    assert episode_interval(np.append(values, np.nan)) == pytest.approx((mean, low, high))


def test_too_few_values_have_no_ends():
    for interval, of_one in ((episode_interval, 0.5), (bootstrap_interval, 0.5)):
        mean, low, high = interval(np.array([of_one]))
        assert mean == 0.5
        assert np.isnan(low)
        assert np.isnan(high)
        assert np.isnan(interval(np.array([np.nan]))).all()


def test_the_bootstrap_interval_is_of_quantiles():
    replicates = np.arange(1001) / 1000
    assert bootstrap_interval(replicates) == pytest.approx((0.5, 0.025, 0.975))


def test_replicates_leave_out_missing_values():
    found = replicate_means(np.array([1.0, np.nan, 3.0, 5.0, np.nan, np.nan]), 3)
    assert found[:2].tolist() == [1, 4]
    assert np.isnan(found[2])


def test_a_paired_difference_is_sharper_than_its_sides():
    rng = np.random.default_rng(0)
    shared = rng.normal(0.7, 0.1, 200)
    a, b = shared + rng.normal(0.003, 0.01, 200), shared
    found, oracle = episode_interval(paired(a, b)), stats.ttest_rel(a, b)
    expected = oracle.confidence_interval(0.95)
    assert found == pytest.approx(((a - b).mean(), expected.low, expected.high))
    assert found.low > 0 > episode_interval(a).low - episode_interval(b).high
    assert episode_p(paired(a, b)) == pytest.approx(oracle.pvalue)
    with pytest.raises(ArgumentError, match="the same episodes twice"):
        paired(a, b[:5])


def test_p_of_differences_without_spread():
    assert episode_p(np.zeros(10)) == 1
    assert episode_p(np.full(10, 0.1)) == 0
    assert np.isnan(episode_p(np.array([0.1, np.nan])))
    assert np.isnan(bootstrap_p(np.array([0.1])))


def test_bootstrap_p_counts_both_sides():
    assert bootstrap_p(np.arange(1, 100)) == pytest.approx(2 / 100)
    assert bootstrap_p(np.append(np.full(95, 0.2), np.full(4, -0.1))) == pytest.approx(2 * 5 / 100)
    assert bootstrap_p(np.zeros(50)) == 1
    rng = np.random.default_rng(0)
    found = [bootstrap_p(rng.normal(rng.normal(), 1, 199)) for _ in range(400)]  # no effect: p is even over 0..1
    assert np.mean(np.array(found) < 0.1) == pytest.approx(0.1, abs=0.05)
