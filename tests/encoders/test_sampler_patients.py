"""Positive pairs and batches keep the rule for patients, or are refused."""

from collections import Counter

import numpy as np
import pytest
from amounts import mostly_slow
from sampler_films import each_anchored, each_seed, positives_of, random_films, sampler_of

from embedlearn.encoders.samplers import ClassSampler
from embedlearn.encoders.samplers.splitting import split_evenly
from embedlearn.errors import ArgumentError


@each_seed
@each_anchored
def test_positive_pairs_keep_the_rule_for_patients(option, seed):
    films = random_films(seed)
    first, second = films["patients"][positives_of(option[0], films["labels"], sampler_of(option, films).epoch(seed))].T
    of_one = {"any": {True, False}, "different": {False}, "same": {True}}[option[2]]
    assert set((first == second).tolist()) == of_one


def assert_kin_are_apart(films, batches):
    for batch in batches:
        kin = list(zip(films["labels"][batch.films], films["patients"][batch.films], strict=True))
        assert len(set(kin)) == len(kin)


@each_seed
@pytest.mark.parametrize("balance", ["classes", "sources"])
def test_no_batch_holds_two_films_of_a_class_and_patient(balance, seed):
    films = random_films(seed)
    sampler = sampler_of(("classes", balance, "different"), films)
    for epoch in range(5):
        assert_kin_are_apart(films, sampler.epoch(epoch))


@each_seed
def test_patients_with_as_many_films_as_batches_are_in_every_one(seed):
    """The tightest there is: 6 batches of 4 films a class, whose 4 patients have 3 films in either source each."""
    labels, patients, films_of_one = (column.ravel() for column in np.indices((2, 4, 6)))
    films = {"labels": labels, "patients": patients, "sources": films_of_one % 2}
    batches = list(sampler_of(("classes", "sources", "different"), films, batch=8).epoch(seed))
    assert len(batches) == 6
    assert_kin_are_apart(films, batches)
    assert sorted(np.concatenate([batch.films for batch in batches])) == list(range(48))


@each_seed
def test_films_of_a_patient_stand_evenly_apart_in_an_epoch(seed):
    """Ten films in 50 batches: one in about every fifth."""
    films = {"labels": np.repeat([0, 1], 300), "patients": np.r_[np.full(10, 999), np.arange(590)]}
    batches = sampler_of(("classes", "classes", "different"), films, batch=12).epoch(seed)
    steps = [step for step, batch in enumerate(batches) if (films["patients"][batch.films] == 999).any()]
    assert len(steps) == 10 and set(np.diff(steps)) <= {3, 4, 5, 6, 7}


def test_a_film_of_a_small_class_is_repeated_in_different_batches():
    """Five films, four in each of 10 batches: 8 times each."""
    films = {"labels": np.repeat([0, 1], [40, 5]), "patients": np.arange(45)}
    batches = list(sampler_of(("classes", "classes", "different"), films, batch=8).epoch(0))
    assert len(batches) == 10
    assert_kin_are_apart(films, batches)
    assert set(np.bincount(np.concatenate([batch.films for batch in batches]))[40:]) == {8}


@pytest.mark.parametrize("seed", mostly_slow(list(range(60)), list(range(0, 60, 4))))
def test_films_are_refused_only_where_patients_cannot_be_kept_apart(seed):
    """That is where one has more films of a class than there are batches, or a class fewer patients than its share."""
    rng = np.random.default_rng(seed)
    count = rng.integers(10, 80)
    films = {
        "labels": rng.permutation(np.arange(count) % rng.integers(2, 4)),
        "patients": rng.choice(count, count, p=rng.dirichlet(np.full(count, 0.5))),
    }
    batch = int(rng.integers(4, 20))
    labels, patients = films["labels"], films["patients"]
    batches = len(ClassSampler(labels, batch))
    share = -(-max(Counter(labels).values()) // batches)
    possible = max(Counter(zip(labels, patients, strict=True)).values()) <= batches and share <= min(
        len(set(patients[labels == label])) for label in set(labels)
    )
    if possible:
        sampler = sampler_of(("classes", "classes", "different"), films, batch=batch)
        assert len(sampler) == batches
        assert_kin_are_apart(films, sampler.epoch(0))
    else:
        with pytest.raises(ArgumentError, match="--patients different"):
            sampler_of(("classes", "classes", "different"), films, batch=batch)


@pytest.mark.parametrize("seed", range(20))
def test_two_batches_are_split_evenly_in_films_of_every_cell_and_all_kin(seed):
    rng = np.random.default_rng(seed)
    kin = rng.integers(0, 9, (3, 8))
    order = split_evenly(kin, rng)
    assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(8), (3, 1)))
    first, second = (Counter(half.ravel().tolist()) for half in np.split(np.take_along_axis(kin, order, 1), 2, axis=1))
    assert all(abs(first[who] - second[who]) <= 1 for who in range(9))


@pytest.mark.parametrize("name", ["pairs", "triplets"])
@pytest.mark.parametrize("balance", ["classes", "sources"])
def test_a_class_without_a_positive_pair_under_the_rule_is_refused(name, balance):
    films = {
        "labels": np.array([3, 3, 3, 3, 8, 8]),
        "patients": np.array([40, 40, 50, 50, 60, 60]),
        "sources": np.array([1, 2, 1, 2, 1, 2]),
    }
    with pytest.raises(ArgumentError, match="--patients different: class 8 has films of patient 60 only;"):
        sampler_of((name, balance, "different"), films)
    source = " in source 1" if balance == "sources" else ""
    with pytest.raises(ArgumentError, match=f"--patients same: class 8{source} has no patient with two films of"):
        sampler_of((name, balance, "same"), films | {"patients": np.array([40, 40, 50, 50, 60, 61])})


def test_a_patient_with_more_films_than_batches_is_refused():
    films = {"labels": np.repeat([0, 7], 12), "patients": np.arange(24)}
    films["patients"][12:17] = 90
    message = (
        "patient 90 has 5 films of class 7, more than the 4 batches of an epoch; use a smaller --batch or --patients"
    )
    with pytest.raises(ArgumentError, match=message):
        sampler_of(("classes", "classes", "different"), films, batch=6)


def test_a_class_of_too_few_patients_is_refused():
    films = {"labels": np.repeat([0, 7], [12, 2]), "patients": np.arange(14)}
    message = (
        "class 7 has 2 patients, too few for 3 different ones in each of 4 batches; use a smaller --batch or --patients"
    )
    with pytest.raises(ArgumentError, match=message):
        sampler_of(("classes", "classes", "different"), films, batch=6)


def test_a_source_whose_patients_are_taken_up_by_another_is_refused():
    """All 6 batches would hold both patients of source 2, who are in three of them with films of source 1."""
    films = {
        "labels": np.repeat([0, 7], [16, 14]),
        "patients": np.r_[np.arange(16), np.repeat([90, 91], 3), 92, 93, 94, 95, 96, 97, 90, 91],
        "sources": np.r_[np.repeat([1, 2], 8), np.repeat([1, 2], [12, 2])],
    }
    message = (
        "class 7 in source 2 has 2 patients, some with films in other sources, too few for 2 different ones in each"
    )
    with pytest.raises(ArgumentError, match=message):
        sampler_of(("classes", "sources", "different"), films, batch=8)
