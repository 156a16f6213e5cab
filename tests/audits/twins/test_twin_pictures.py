"""One picture under several names is found, whatever was done to it; other films of the same patient are not."""

import numpy as np
import pytest
from PIL import Image
from twin_films import COPIES, audited, phantom

from embedlearn.audits.films import WHOLE, AuditedFilms
from embedlearn.audits.twins import find_pictures
from embedlearn.audits.twins.pictures import SAME, first_copies, pixel_digests
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import join
from embedlearn.radiographs.reading import film_header

PATIENTS = 14


@pytest.fixture(scope="module")
def others():
    """Two films of each patient: no two are one picture."""
    return [phantom(patient, film) for patient in range(PATIENTS) for film in range(2)]


@pytest.fixture(scope="module")
def scene(others):
    """The same films, then a copy of each kind, of another patient each; and what was found."""
    copies = [change(others[2 * number]) for number, change in enumerate(COPIES.values())]
    films = audited([*others, *copies])
    return films, find_pictures(films)


@pytest.mark.parametrize("kind", COPIES)
def test_a_changed_copy_is_found(kind, scene):
    number = list(COPIES).index(kind)
    pair = [2 * number, 2 * PATIENTS + number]
    assert pair in scene[1].pairs.tolist()


def test_other_films_are_not_found(scene):
    planted = {(2 * number, 2 * PATIENTS + number) for number in range(len(COPIES))}
    others = {tuple(pair) for pair in scene[1].pairs.tolist()} - planted
    assert all(a // 2 == b // 2 for a, b in others)  # none of two patients
    assert len(others) <= 1  # of 14 patients: a phantom's second film may be its first one moved, and noise
    assert not scene[1].exact.any()
    assert (scene[1].correlation > SAME).all()
    assert (scene[1].correlation <= 1).all()


def test_groups_are_what_pairs_join(scene):
    films, found = scene
    plain = list(range(len(films)))
    for a, b in found.pairs.tolist():
        old, new = plain[b], plain[a]
        plain = [new if group == old else group for group in plain]
    order = {group: number for number, group in enumerate(dict.fromkeys(plain))}
    assert found.group.tolist() == [order[group] for group in plain]


def test_the_order_of_films_does_not_matter(scene):
    films, found = scene
    order = np.random.default_rng(3).permutation(len(films))
    shuffled = find_pictures(AuditedFilms(films.frame.iloc[order], films.films[order], films.shapes[order]))
    pairs = {tuple(sorted(pair)) for pair in order[shuffled.pairs].tolist()}
    assert pairs == set(map(tuple, found.pairs.tolist()))


def test_exact_copies_are_told_from_near_ones(others):
    films = audited([others[0], others[2], others[0], COPIES["JPEG"](others[0]), others[0]])
    found = find_pictures(films)
    assert found.pairs.tolist() == [[0, 2], [0, 3], [0, 4]]
    assert found.exact.tolist() == [True, False, True]
    assert found.group.tolist() == [0, 1, 0, 0, 0]
    assert found.correlation[0] == found.correlation[2] == 1 > found.correlation[1]


def test_the_first_copy_is_that_of_a_plain_loop():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (3, 20, 24), np.uint8)
    films = audited([pixels[number] for number in rng.integers(0, 3, 12)])
    plain = [
        next(row for row in range(12) if np.array_equal(films.films[row], films.films[film])) for film in range(12)
    ]
    assert first_copies(films, pixel_digests(films)).tolist() == plain
    shapes = films.shapes * (1 + np.arange(12)[:, None])  # the same pixels, shrunk from other sizes
    digests = pixel_digests(AuditedFilms(films.frame, films.films, shapes))
    assert first_copies(films, digests).tolist() == list(range(12))


def test_blank_films_are_no_twins_of_others():
    greys = [np.full((200, 200), grey, np.uint8) for grey in (0, 90, 200)]
    assert len(find_pictures(audited([*greys, phantom(0)])).pairs) == 0


def test_films_that_show_next_to_nothing_are_copies_of_nothing(others):
    black = np.zeros((200, 200), np.uint8)
    marked = black.copy()
    marked[20:50, 20:60] = np.random.default_rng(0).integers(0, 255, (30, 40))
    assert len(find_pictures(audited([black, black, marked, marked, black])).pairs) == 0
    tiny = np.asarray(Image.fromarray(others[0]).resize((28, 28)))
    assert find_pictures(audited([black, tiny, tiny])).pairs.tolist() == [[1, 2]]


def test_one_film_and_none_have_no_twins():
    assert find_pictures(audited([phantom(0)])).group.tolist() == [0]
    films = audited([phantom(0)])
    none = find_pictures(films.where([False]))
    assert none.pairs.shape == (0, 2)
    assert len(none.group) == 0


def test_embeddings_propose_what_looks_do_not(others, monkeypatch):
    films = audited([*others[:12], COPIES["JPEG"](others[0])])
    monkeypatch.setattr("embedlearn.audits.twins.candidates.LEAST_ALIKE", 2)
    monkeypatch.setattr("embedlearn.audits.twins.hashes.MOST_BITS", -1)
    assert len(find_pictures(films).pairs) == 0
    vectors = np.random.default_rng(0).normal(size=(13, 64)).astype(np.float32)
    vectors[12] = vectors[0]
    assert find_pictures(films, vectors=vectors).pairs.tolist() == [[0, 12]]


def test_embeddings_of_other_films_are_refused(others):
    with pytest.raises(ArgumentError, match="vectors: wanted a row for each of 2 films, got 3"):
        find_pictures(audited(others[:2]), vectors=np.zeros((3, 4)))


def test_progress_ends_at_all_pairs(others):
    told = []
    find_pictures(audited(others[:10]), progress=lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] > 0


def test_public_sets_share_their_covid_films(shared_data):
    sets = join(read_data(shared_data / name) for name in ("sandrofab", "darkcovidnet"))
    names = sets.frame["path"].str.rsplit("/", n=1).str[-1]
    shared = names[sets.frame["label"] == "covid-19"].duplicated(keep=False)
    sets = sets.where(shared.reindex(sets.frame.index, fill_value=False).astype(bool))
    shapes = np.array([(header["height"], header["width"]) for header in map(film_header, sets.paths)], np.int64)
    found = find_pictures(AuditedFilms(sets.frame, open_films(sets.paths, WHOLE), shapes))
    name = [path.name for path in sets.paths]
    same = [(a, b) for a in range(len(name)) for b in range(a + 1, len(name)) if name[a] == name[b]]
    joined = [found.group[a] == found.group[b] for a, b in same]
    assert len(same) > 60
    assert np.mean(joined) > 0.95
