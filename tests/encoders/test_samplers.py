"""What every sampler promises of an epoch: which films, in what proportion, in whose hands."""

import numpy as np
import pytest

from embedlearn.encoders.samplers import SAMPLERS, PairSampler, create_sampler
from embedlearn.encoders.settings import Sampling
from embedlearn.errors import ArgumentError

BALANCED = ["classes", "pairs", "triplets"]


def random_labels(seed):
    """Two to five classes of 2 to 40 films, in random order; the labels are no range."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 40, rng.integers(2, 6))
    return rng.permutation(np.repeat(3 * np.arange(len(sizes)) + 1, sizes))


def batches_of(name, labels, *, batch=16, epoch=0, **options):
    return list(create_sampler(Sampling(name, batch), labels, **options).epoch(epoch))


def tuples_of(batches):
    """The pairs or triplets of an epoch as films, int [T, 2 or 3]."""
    return np.concatenate([batch.films[batch.tuples] for batch in batches])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", BALANCED)
def test_every_film_is_seen_in_an_epoch(name, seed):
    labels = random_labels(seed)
    films = np.concatenate([batch.films for batch in batches_of(name, labels)])
    assert set(films) == set(range(len(labels)))


@pytest.mark.parametrize("seed", range(6))
def test_every_batch_of_the_class_sampler_holds_equally_many_films_of_every_class(seed):
    labels = random_labels(seed)
    classes = len(set(labels))
    batches = batches_of("classes", labels)
    for batch in batches:
        assert batch.tuples is None
        counts = np.unique(labels[batch.films], return_counts=True)[1]
        assert len(counts) == classes and len(set(counts)) == 1
    assert all(len(batch.films) == 16 // classes * classes for batch in batches[:-1])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", ["pairs", "triplets"])
def test_anchors_stand_in_equal_numbers_for_every_class(name, seed):
    labels = random_labels(seed)
    anchors = labels[tuples_of(batches_of(name, labels))[:, 0]]
    assert len(set(np.unique(anchors, return_counts=True)[1])) == 1


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("world", [1, 2])
def test_half_of_the_pairs_of_every_batch_are_positive_and_none_is_a_film_with_itself(world, seed):
    labels = random_labels(seed)
    for rank in range(world):
        batches = batches_of("pairs", labels, rank=rank, world=world)
        for batch in batches:
            assert np.array_equal(np.sort(batch.tuples.ravel()), np.arange(len(batch.films)))
            pairs = labels[batch.films[batch.tuples]]
            assert np.mean(pairs[:, 0] == pairs[:, 1]) == 0.5
        pairs = tuples_of(batches)
        assert (pairs[:, 0] != pairs[:, 1]).all()


@pytest.mark.parametrize("seed", range(6))
def test_triplets_hold_an_anchor_another_film_of_its_class_and_one_of_another(seed):
    labels = random_labels(seed)
    anchor, positive, negative = tuples_of(batches_of("triplets", labels)).T
    assert (anchor != positive).all() and (labels[anchor] == labels[positive]).all()
    assert (labels[anchor] != labels[negative]).all()


def test_partners_are_drawn_evenly():
    labels = np.repeat([0, 1, 2], [4, 3, 3])
    triplets = np.concatenate([tuples_of(batches_of("triplets", labels, epoch=epoch)) for epoch in range(500)])
    of_film_0 = triplets[triplets[:, 0] == 0]
    assert np.bincount(of_film_0[:, 1], minlength=10)[1:4] / len(of_film_0) == pytest.approx(1 / 3, abs=0.06)
    assert np.bincount(of_film_0[:, 2], minlength=10)[4:] / len(of_film_0) == pytest.approx(1 / 6, abs=0.06)


@pytest.mark.parametrize("seed", range(6))
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


@pytest.mark.parametrize("name", SAMPLERS)
def test_batches_follow_from_seed_and_epoch(name):
    labels = random_labels(2)

    def drawn(**options):
        return [batch.films.tolist() for batch in batches_of(name, labels, **options)]

    assert drawn(seed=1, epoch=3) == drawn(seed=1, epoch=3)
    assert drawn(seed=1, epoch=3) != drawn(seed=1, epoch=4)
    assert drawn(seed=1, epoch=3) != drawn(seed=2, epoch=3)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_parts_of_the_processes_make_up_the_whole_batch(name):
    labels = random_labels(3)
    whole = batches_of(name, labels, batch=48)
    parts = [batches_of(name, labels, batch=48, rank=rank, world=2) for rank in (0, 1)]
    for batch, first, second in zip(whole[:-1], *parts, strict=False):
        together = np.concatenate([first.films, second.films])
        assert np.array_equal(np.sort(together), np.sort(batch.films))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_sampler_knows_how_many_batches_an_epoch_has_and_none_is_larger_than_asked(name, seed):
    sampler = create_sampler(Sampling(name, 10), random_labels(seed))
    batches = list(sampler.epoch(7))
    assert len(batches) == len(sampler)
    assert max(len(batch.films) for batch in batches) <= 10


@pytest.mark.parametrize("name", SAMPLERS)
def test_labels_that_allow_no_pair_are_refused(name):
    with pytest.raises(ArgumentError, match="at least two classes, got one"):
        create_sampler(Sampling(name), np.zeros(9, int))
    with pytest.raises(ArgumentError, match="a class has a single film"):
        create_sampler(Sampling(name), np.array([0, 0, 0, 1]))


def test_a_batch_too_small_is_refused():
    with pytest.raises(ArgumentError, match="--batch: wanted a number from 4"):
        Sampling(batch=3)


def test_a_larger_class_does_not_crowd_out_a_smaller_one():
    labels = np.repeat([0, 1], [90, 3])
    films = PairSampler(labels, 32).epoch(0)
    counts = np.bincount(np.concatenate([batch.films for batch in films]), minlength=93)
    assert counts[:90].min() >= 2 and counts[90:].min() >= 60
