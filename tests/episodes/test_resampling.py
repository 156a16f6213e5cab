"""Resampled pools keep patients whole and classes stocked; the interval is that of a plain bootstrap."""

from collections import Counter

import numpy as np
import pytest

from embedlearn.episodes.intervals import bootstrap_interval, replicate_means
from embedlearn.episodes.resampling import bootstrap_episodes, resample_patients
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import EpisodeError


@pytest.mark.parametrize("seed", range(8))
def test_patients_come_whole_and_every_class_keeps_its_patients(pool, seed):
    drawn = resample_patients(pool.classes, pool.groups, np.random.default_rng(seed))
    films_of = {patient: sorted(np.flatnonzero(pool.groups == patient)) for patient in set(pool.groups)}
    for draw in np.unique(drawn.draws):
        rows = drawn.rows[drawn.draws == draw]
        assert sorted(rows) == films_of[pool.groups[rows[0]]]
    for name in set(pool.classes):
        inside = pool.classes[drawn.rows] == name
        assert len(set(drawn.draws[inside])) == len(set(pool.groups[pool.classes == name]))
    assert max(Counter(pool.groups[drawn.rows[np.unique(drawn.draws, return_index=True)[1]]]).values()) > 1


def test_replicates_are_disjoint_by_patient_and_seeded(pool):
    sampler = EpisodeSampler(None, 5, 15, seed=3)
    drawn = bootstrap_episodes(sampler, pool.classes, pool.groups, replicates=6, episodes=10)
    assert len(drawn) == 60
    assert drawn.shots == (5, 5, 5)
    for support, query in zip(drawn.support, drawn.query, strict=True):
        assert not set(pool.groups[support]) & set(pool.groups[query])
        for slot in range(3):
            assert len(set(pool.groups[support[drawn.support_label == slot]])) == 5
    again = bootstrap_episodes(sampler, pool.classes, pool.groups, replicates=6, episodes=10)
    assert np.array_equal(drawn.query, again.query)
    assert np.array_equal(drawn.support, again.support)


def test_width_is_that_of_a_plain_bootstrap_where_each_patient_has_one_film():
    rng = np.random.default_rng(1)
    n, replicates = 60, 300
    value = rng.normal(size=2 * n)
    classes, groups = np.repeat(["a", "b"], n), np.arange(2 * n)
    drawn = bootstrap_episodes(EpisodeSampler(None, 1, 15), classes, groups, replicates=replicates, episodes=100)
    found = bootstrap_interval(replicate_means(value[drawn.query].mean(axis=1), replicates))
    plain = [value[np.concatenate([rng.integers(0, n, n), rng.integers(n, 2 * n, n)])].mean() for _ in range(4000)]
    low, high = np.quantile(plain, [0.025, 0.975])
    assert 0.8 < (found.high - found.low) / (high - low) < 1.25
    assert found.low < value.mean() < found.high


def test_more_films_of_the_same_patients_do_not_make_it_sharper():
    rng = np.random.default_rng(2)
    n = 40
    value = rng.normal(size=2 * n)
    classes, groups = np.repeat(["a", "b"], n), np.arange(2 * n)
    widths = []
    for copies in (1, 10):
        drawn = bootstrap_episodes(
            EpisodeSampler(None, 1, 15),
            np.repeat(classes, copies),
            np.repeat(groups, copies),
            replicates=100,
            episodes=50,
        )
        found = bootstrap_interval(replicate_means(np.repeat(value, copies)[drawn.query].mean(axis=1), 100))
        widths.append(found.high - found.low)
    assert widths[1] == pytest.approx(widths[0], rel=0.35)


def test_a_pool_too_poor_to_resample_says_so():
    with pytest.raises(EpisodeError, match=r"no patient interval: 20 resampled pools were too poor .*class '[ab]'"):
        bootstrap_episodes(EpisodeSampler(None, 9, 1), ["a"] * 10 + ["b"] * 10, range(20), replicates=5, episodes=2)
