"""What every sampler promises of an epoch: which films, in what proportion, in whose hands."""

import time
from collections import Counter

import numpy as np
import pytest

from embedlearn.encoders.samplers import SAMPLERS, ClassSampler, PairSampler, base, create_sampler
from embedlearn.encoders.samplers.splitting import split_evenly
from embedlearn.encoders.settings import Sampling
from embedlearn.errors import ArgumentError

OPTIONS = [(name, balance, rule) for name, kind in SAMPLERS.items() for balance in kind.balances for rule in kind.rules]
BALANCED = [option for option in OPTIONS if option[0] != "siamese"]
ANCHORED = [option for option in OPTIONS if option[0] in ("pairs", "triplets")]

each_option = pytest.mark.parametrize("option", OPTIONS, ids="-".join)
each_balanced = pytest.mark.parametrize("option", BALANCED, ids="-".join)
each_anchored = pytest.mark.parametrize("option", ANCHORED, ids="-".join)
each_seed = pytest.mark.parametrize("seed", range(4))


def random_labels(seed):
    """Two to five classes of 2 to 40 films, in random order; the labels are no range."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 40, rng.integers(2, 6))
    return rng.permutation(np.repeat(3 * np.arange(len(sizes)) + 1, sizes))


def random_films(seed):
    """Labels, patients and sources of 300 films of up to 150 patients, in unequal parts; no column is a range."""
    rng = np.random.default_rng(seed)
    classes, sources = rng.integers(2, 4, 2)
    labels = rng.choice(classes, 300, p=rng.dirichlet(np.full(classes, 9)))
    return {
        "labels": 3 * labels + 1,
        "patients": 7 * rng.integers(0, 150, 300) + 5,
        "sources": 2 * rng.choice(sources, 300, p=rng.dirichlet(np.full(sources, 9))) + 4,
    }


def sampler_of(option, films, *, batch=24, **options):
    name, balance, rule = option
    labels = films["labels"]
    columns = {key: films.get(key) for key in ("patients", "sources")}
    return create_sampler(Sampling(name, batch, balance, rule), labels, **columns, **options)


def cells_of(films, balance):
    """Class, or class and source, of each film as one number, int [N]."""
    return films["labels"] * 100 + (films["sources"] if balance == "sources" else 0)


def batches_of(name, labels, *, batch=16, epoch=0, **options):
    return list(create_sampler(Sampling(name, batch), labels, **options).epoch(epoch))


def tuples_of(batches):
    """The pairs or triplets of an epoch as films, int [T, 2 or 3]."""
    return np.concatenate([batch.films[batch.tuples] for batch in batches])


def positives_of(name, labels, batches):
    """The positive pairs of an epoch as films, int [T, 2]."""
    tuples = tuples_of(batches)
    return tuples[labels[tuples[:, 0]] == labels[tuples[:, 1]]][:, :2]


def films_with_siblings(films):
    """Whether a film's patient has another of its class, bool [N], by a plain count."""
    kin = list(zip(films["labels"], films["patients"], strict=True))
    return np.array([Counter(kin)[one] > 1 for one in kin])


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


@each_seed
@each_anchored
def test_positive_pairs_keep_the_rule_for_patients(option, seed):
    films = random_films(seed)
    first, second = films["patients"][positives_of(option[0], films["labels"], sampler_of(option, films).epoch(seed))].T
    of_one = {"any": {True, False}, "different": {False}, "same": {True}}[option[2]]
    assert set((first == second).tolist()) == of_one


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


@pytest.mark.parametrize("seed", range(60))
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


@each_option
def test_batches_follow_from_seed_and_epoch(option):
    films = random_films(2)

    def drawn(seed, epoch):
        return [batch.films.tolist() for batch in sampler_of(option, films, seed=seed).epoch(epoch)]

    assert drawn(1, 3) == drawn(1, 3)
    assert drawn(1, 3) != drawn(1, 4)
    assert drawn(1, 3) != drawn(2, 3)


@each_option
def test_one_sampler_gives_an_epoch_again_whatever_was_drawn_between(option):
    sampler = sampler_of(option, random_films(1))
    first, _, again = ([batch.films.tolist() for batch in sampler.epoch(epoch)] for epoch in (5, 6, 5))
    assert first == again


@each_option
def test_an_epoch_goes_on_at_any_step(option, monkeypatch):
    sampler = sampler_of(option, random_films(0), batch=48, rank=1, world=2)
    whole = list(sampler.epoch(3))
    for first in (0, 1, len(whole) // 2, len(whole) - 1, len(whole)):
        rest = list(sampler.epoch(3, first=first))
        assert len(rest) == len(whole) - first
        for batch, again in zip(whole[first:], rest, strict=True):
            assert again.size == batch.size
            assert np.array_equal(again.films, batch.films) and np.array_equal(again.places, batch.places)
            assert (again.tuples is None) if batch.tuples is None else np.array_equal(again.tuples, batch.tuples)
    made = []
    monkeypatch.setattr(base, "Batch", lambda *fields: made.append(fields))
    next(sampler.epoch(3, first=len(whole) - 1))
    assert len(made) == 1  # the steps before it are not gone through


@each_seed
@each_option
@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_processes_part_every_batch_between_them(option, world, seed):
    films = random_films(seed)
    whole = list(sampler_of(option, films, batch=64).epoch(seed))
    parts = [list(sampler_of(option, films, batch=64, rank=rank, world=world).epoch(seed)) for rank in range(world)]
    for batch, *shares in zip(whole, *parts, strict=True):
        assert np.array_equal(batch.places, np.arange(len(batch.films)))
        assert np.array_equal(np.sort(np.concatenate([share.places for share in shares])), np.arange(batch.size))
        assert {share.size for share in shares} == {len(batch.films)} == {batch.size}
        for share in shares:
            assert len(share.films) >= 2 and np.array_equal(batch.films[share.places], share.films)
        if batch.tuples is not None:
            places = np.concatenate([share.places[share.tuples] for share in shares])
            assert sorted(places.tolist()) == sorted(batch.tuples.tolist())


@each_seed
@each_option
def test_batches_are_of_one_size_within_a_unit_and_none_is_larger_than_asked(option, seed):
    sampler = sampler_of(option, random_films(seed), batch=40)
    sizes = [batch.size for batch in sampler.epoch(seed)]
    assert max(sizes) - min(sizes) <= sampler.width
    assert max(sizes) <= 40 and sum(sizes) == sampler.units * sampler.width
    assert len(sizes) == -(-sampler.units // (40 // sampler.width))


@each_seed
@each_option
def test_a_sampler_knows_without_drawing_how_many_batches_an_epoch_has(option, seed, monkeypatch):
    sampler = sampler_of(option, random_films(seed))
    steps = len(list(sampler.epoch(7)))
    monkeypatch.setattr(np.random, "default_rng", None)
    assert len(sampler) == steps


def test_a_batch_smaller_than_a_unit_holds_one():
    labels = np.repeat(np.arange(6), 5)
    assert [len(batch.films) for batch in batches_of("classes", labels, batch=4)] == [6] * 5


@each_option
def test_no_film_is_drawn_in_a_loop_of_its_own(option):
    rng = np.random.default_rng(0)
    films = {
        "labels": rng.integers(0, 2, 20_000),
        "patients": rng.integers(0, 6_000, 20_000),
        "sources": rng.integers(0, 3, 20_000),
    }
    sampler = sampler_of(option, films, batch=64)
    seconds = []
    for epoch in range(3):
        began = time.perf_counter()
        steps = sum(1 for _ in sampler.epoch(epoch))
        seconds.append(time.perf_counter() - began)
    assert min(seconds) / steps < 2e-4


# --- refusals


@pytest.mark.parametrize("name", SAMPLERS)
def test_labels_that_allow_no_pair_are_refused(name):
    with pytest.raises(ArgumentError, match="at least two classes, got one"):
        create_sampler(Sampling(name), np.zeros(9, int))
    with pytest.raises(ArgumentError, match="a class has a single film"):
        create_sampler(Sampling(name), np.array([0, 0, 0, 1]))


def test_a_batch_too_small_is_refused():
    with pytest.raises(ArgumentError, match="--batch: wanted a number from 4"):
        Sampling(batch=3)


@each_option
def test_more_processes_than_units_of_the_smallest_batch_are_refused(option):
    films = random_films(0)
    units = min(batch.size for batch in sampler_of(option, films).epoch(0)) // sampler_of(option, films).width
    assert len(sampler_of(option, films, rank=units - 1, world=units)) == len(sampler_of(option, films))
    message = (
        f"--batch 24: {units + 1} processes cannot share batches of {units} x .* larger --batch or fewer processes"
    )
    with pytest.raises(ArgumentError, match=message):
        sampler_of(option, films, world=units + 1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            ("siamese", "sources", "any"),
            "siamese with --balance sources: wanted --balance classes; --sampler pairs and",
        ),
        (("siamese", "classes", "same"), "siamese with --patients same: wanted --patients any; --sampler pairs and"),
        (("siamese", "classes", "different"), "siamese with --patients different: wanted --patients any; --sampler"),
        (
            ("classes", "classes", "same"),
            "classes with --patients same: wanted .* any or different; --sampler pairs and",
        ),
    ],
)
def test_a_sampler_that_does_not_know_an_option_names_those_that_do(option, message):
    with pytest.raises(ArgumentError, match=message):
        sampler_of(option, random_films(0))


@each_balanced
def test_columns_that_an_option_needs_are_asked_for(option):
    films = random_films(0)
    if option[1:] == ("classes", "any"):
        assert len(sampler_of(option, {"labels": films["labels"]})) > 0
    if option[1] == "sources":
        with pytest.raises(ArgumentError, match=r"sources: --balance sources wants one .* int \[300\], got None"):
            sampler_of(option, films | {"sources": None})
    if option[2] != "any":
        with pytest.raises(ArgumentError, match=rf"patients: --patients {option[2]} wants .* got shape \(299,\)"):
            sampler_of(option, films | {"patients": films["patients"][1:]})


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
