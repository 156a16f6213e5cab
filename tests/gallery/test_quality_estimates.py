"""Means, their intervals by patient, and what chance would give, against plain loops and scipy."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from embedlearn.errors import ArgumentError
from embedlearn.gallery.quality import Labelled, Measures, lead, retrieval_quality
from embedlearn.gallery.quality.answers import chance_of_meeting
from embedlearn.gallery.quality.estimates import PatientBootstrap


def test_intervals_are_of_patients_drawn_again():
    rng = np.random.default_rng(0)
    groups, classes = rng.integers(0, 12, 60), rng.integers(0, 3, 60)
    values = np.where(rng.random(60) < 0.2, np.nan, rng.normal(groups, 1))
    bootstrap = PatientBootstrap(groups, classes, resamples=300, seed=5)
    got = bootstrap.estimates(values)
    names = [np.flatnonzero(groups == group) for group in dict.fromkeys(groups)]
    again = np.random.default_rng(5)
    micro, macro, second = [], [], []
    for _ in range(300):
        rows = np.concatenate([names[place] for place in again.integers(len(names), size=len(names))])
        means = [np.nanmean(values[rows][classes[rows] == number]) for number in range(3)]
        micro.append(np.nanmean(values[rows]))
        macro.append(np.mean(means))
        second.append(means[1])
    for estimate, replicates in ((got.micro, micro), (got.macro, macro), (got.classes[1], second)):
        assert [estimate.low, estimate.high] == pytest.approx(np.quantile(replicates, [0.025, 0.975]))
    assert got.micro.mean == pytest.approx(np.nanmean(values))
    assert PatientBootstrap(groups, classes, resamples=300, seed=5).estimates(values) == got
    one = PatientBootstrap(np.zeros(60, int), classes, resamples=9, seed=0).estimates(values).micro
    assert (one.low, one.high) == (None, None) and str(one) == f"{np.nanmean(values):.3f}"


def test_a_lead_is_paired_by_query_and_patient():
    rng, measures = np.random.default_rng(0), Measures(ks=(4,), resamples=100)
    labels, groups = rng.integers(0, 3, 90), rng.integers(0, 40, 90)
    X = labels[:, None] + rng.normal(size=(90, 3))
    better, worse = (Labelled(each, {"label": labels}, groups) for each in (X, X + rng.normal(size=X.shape)))
    one, other = (retrieval_quality(each, measures=measures) for each in (better, worse))
    found = lead(one, other, lambda each: each.precision[4], measures)
    assert found.micro.mean == pytest.approx(one.micro.precision[4].mean - other.micro.precision[4].mean)
    drawn = PatientBootstrap(groups, labels, resamples=100, seed=0)
    assert found == drawn.estimates(one.each.precision[4] - other.each.precision[4])
    assert 0 < found.micro.low < found.micro.mean < found.micro.high
    same = lead(one, one, lambda each: each.map_at_r, measures).macro
    assert (same.mean, same.low, same.high) == (0, 0, 0)
    with pytest.raises(ArgumentError, match="the same cases for the same queries"):
        lead(one, retrieval_quality(better.take(np.arange(80))), lambda each: each.map_at_r)


def test_the_chance_of_meeting_is_hypergeometric():
    relevant, allowed = np.array([1, 3, 5, 9]), np.array([10, 10, 5, 11])
    expected = 1 - hypergeom.pmf(0, allowed[:, None], relevant[:, None], np.minimum(np.arange(1, 13), allowed[:, None]))
    np.testing.assert_allclose(chance_of_meeting(relevant, allowed, 12), expected, atol=1e-12)
