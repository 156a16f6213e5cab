"""Batches follow from seed and epoch, begin at any step, and are parted among processes."""

import time

import numpy as np
import pytest
from sampler_films import batches_of, each_balanced, each_option, each_seed, random_films, sampler_of

from embedlearn.encoders.samplers import SAMPLERS, base, create_sampler
from embedlearn.encoders.settings import Sampling
from embedlearn.errors import ArgumentError


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
