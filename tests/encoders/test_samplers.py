"""What every sampler promises of an epoch: which films, in what proportion, in which pairs."""

from collections import Counter

import numpy as np
import pytest
from sampler_films import (
    ANCHORED,
    batches_of,
    cells_of,
    each_anchored,
    each_balanced,
    each_seed,
    films_with_siblings,
    random_films,
    random_labels,
    sampler_of,
    tuples_of,
)

from embedlearn.encoders.samplers import PairSampler

# --- which films, in what proportion


@each_seed
@each_balanced
def test_every_film_is_seen_in_an_epoch(option, seed):
    films = random_films(seed)
    batches = list(sampler_of(option, films).epoch(seed))
    if option[2] == "same":
        anchors = tuples_of(batches)[:, 0]
        assert set(anchors) == set(np.flatnonzero(films_with_siblings(films)))
    else:
        assert set(np.concatenate([batch.films for batch in batches])) == set(range(300))


@each_seed
@pytest.mark.parametrize("name", ["classes", "pairs", "triplets"])
def test_every_film_of_unequal_classes_is_seen_in_an_epoch(name, seed):
    labels = random_labels(seed)
    assert set(np.concatenate([batch.films for batch in batches_of(name, labels)])) == set(range(len(labels)))


@each_seed
@pytest.mark.parametrize("rule", ["any", "different"])
@pytest.mark.parametrize("balance", ["classes", "sources"])
def test_every_batch_of_the_class_sampler_holds_equally_many_films_of_every_cell(balance, rule, seed):
    films = random_films(seed)
    cells = cells_of(films, balance)
    for batch in sampler_of(("classes", balance, rule), films).epoch(seed):
        assert batch.tuples is None
        counts = Counter(cells[batch.films])
        assert set(counts) == set(cells) and len(set(counts.values())) == 1


@each_seed
@each_anchored
def test_anchors_stand_in_equal_numbers_for_every_cell(option, seed):
    films = random_films(seed)
    cells = cells_of(films, option[1])
    anchors = tuples_of(sampler_of(option, films).epoch(seed))[:, 0]
    counts = Counter(cells[anchors])
    assert set(counts) == set(cells) and len(set(counts.values())) == 1


@each_seed
@pytest.mark.parametrize("rule", ["any", "different"])
def test_films_of_a_smaller_class_are_repeated_alike(rule, seed):
    labels = random_labels(seed)
    films = {"labels": labels, "patients": np.arange(len(labels))}
    sampler = sampler_of(("classes", "classes", rule), films, batch=2 * len(set(labels)))
    seen = np.bincount(np.concatenate([batch.films for batch in sampler.epoch(seed)]), minlength=len(labels))
    for label in set(labels):
        assert seen[labels == label].max() - seen[labels == label].min() <= 1


def test_a_larger_class_does_not_crowd_out_a_smaller_one():
    labels = np.repeat([0, 1], [90, 3])
    films = PairSampler(labels, 32).epoch(0)
    counts = np.bincount(np.concatenate([batch.films for batch in films]), minlength=93)
    assert counts[:90].min() >= 2 and counts[90:].min() >= 60


# --- pairs and triplets


@each_seed
@pytest.mark.parametrize("world", [1, 2])
@pytest.mark.parametrize("option", [option for option in ANCHORED if option[0] == "pairs"], ids="-".join)
def test_half_of_the_pairs_of_every_batch_are_positive_and_none_is_a_film_with_itself(option, world, seed):
    films = random_films(seed)
    for rank in range(world):
        for batch in sampler_of(option, films, rank=rank, world=world).epoch(seed):
            assert np.array_equal(np.sort(batch.tuples.ravel()), np.arange(len(batch.films)))
            first, second = batch.films[batch.tuples].T
            assert np.mean(films["labels"][first] == films["labels"][second]) == 0.5
            assert (first != second).all()


@each_seed
@pytest.mark.parametrize("option", [option for option in ANCHORED if option[0] == "triplets"], ids="-".join)
def test_triplets_hold_an_anchor_another_film_of_its_class_and_one_of_another(option, seed):
    films = random_films(seed)
    labels = films["labels"]
    anchor, positive, negative = tuples_of(sampler_of(option, films).epoch(seed)).T
    assert (anchor != positive).all() and (labels[anchor] == labels[positive]).all()
    assert (labels[anchor] != labels[negative]).all()


@pytest.mark.parametrize("option", [option for option in ANCHORED if option[0] == "triplets"], ids="-".join)
def test_partners_are_drawn_as_a_plain_loop_says(option):
    """The chance of every partner of every anchor: a source first, evenly, of those that have one, then a film."""
    films = {
        "labels": np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]),
        "patients": np.array([1, 1, 1, 2, 2, 3, 3, 1, 1, 4, 4, 5, 5, 6, 6]),
        "sources": np.array([0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]),
    }
    sampler = sampler_of(option, films)
    triplets = np.concatenate([tuples_of(sampler.epoch(epoch)) for epoch in range(600)])
    for film in range(15):
        drawn = triplets[triplets[:, 0] == film]
        for column, expected in (
            (1, positive_chances(film, films, option)),
            (2, negative_chances(film, films, option)),
        ):
            frequency = np.bincount(drawn[:, column], minlength=15) / len(drawn)
            assert np.abs(frequency - expected).max() < 5 * 0.5 / np.sqrt(len(drawn))
            assert set(np.flatnonzero(frequency)) == set(np.flatnonzero(expected))


def positive_chances(film, films, option):
    allowed = {
        "any": lambda other: True,
        "different": lambda other: films["patients"][other] != films["patients"][film],
        "same": lambda other: films["patients"][other] == films["patients"][film],
    }[option[2]]
    pool = [other for other in np.flatnonzero(films["labels"] == films["labels"][film]) if other != film]
    return chances([other for other in pool if allowed(other)], films, option)


def negative_chances(film, films, option):
    others = set(films["labels"]) - {films["labels"][film]}
    return np.mean([chances(np.flatnonzero(films["labels"] == label), films, option) for label in others], axis=0)


def chances(pool, films, option):
    """One source after the other has the same chance, and in it every film of the pool, float [N]."""
    chance = np.zeros(len(films["labels"]))
    cells = cells_of(films, option[1])
    for cell in {cells[other] for other in pool}:
        inside = [other for other in pool if cells[other] == cell]
        chance[inside] = 1 / len({cells[other] for other in pool}) / len(inside)
    return chance


# --- no two films of one class and patient in a batch


# --- the published pairs


@each_seed
def test_siamese_pairs_are_neighbours_and_films_at_the_same_place_of_the_next_class(seed):
    """Four films of class 0 (the smallest), six of class 1: n = 4. The shuffles are read back from the pairs."""
    labels = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1])
    pairs = tuples_of(batches_of("siamese", labels, seed=seed)).tolist()
    partner = {kind: {a: b for a, b in pairs if (labels[a], labels[b]) == kind} for kind in np.ndindex(2, 2)}
    assert len(pairs) == 16 and all(len(films) == 4 for films in partner.values())
    small, large = (cycle_of(partner[label, label]) for label in (0, 1))
    # Where a cycle starts is unknown: going along it, partners go forward for the larger class, back for the smallest.
    assert [partner[1, 0][film] for film in large] in turns_of(small)
    assert [partner[0, 1][film] for film in small] in turns_of(large[::-1])


def cycle_of(following):
    """The films in the order in which each is followed by its partner."""
    films = [min(following)]
    while (film := following[films[-1]]) != films[0]:
        films.append(film)
    assert len(films) == len(following)
    return films


def turns_of(films):
    return [films[start:] + films[:start] for start in range(len(films))]


def test_siamese_pairs_of_three_classes_are_n_positives_and_n_negatives_each():
    labels = np.repeat([0, 1, 2], [7, 4, 9])
    pairs = labels[tuples_of(batches_of("siamese", labels))].tolist()
    assert {(a, b): pairs.count([a, b]) for a, b in set(map(tuple, pairs))} == {
        (0, 0): 4, (1, 1): 4, (2, 2): 4, (0, 1): 4, (1, 2): 4, (2, 0): 4,
    }  # fmt: skip


# --- seeds, steps and processes
