"""What is written of shared pictures: names that hold everywhere, and one film of each that still knows its patient."""

import numpy as np
import pandas as pd
from twin_films import audited, phantom

from embedlearn.audits.twins import Pictures, deduplicated, find_pictures, first_of_each, with_pictures
from embedlearn.audits.twins.counting import count_shared
from embedlearn.radiographs.cases import join_cases
from embedlearn.radiographs.manifest import Manifest


def pictures_of(group):
    """Pictures of these groups, without the pairs that made them."""
    return Pictures(np.empty((0, 2), np.int64), np.empty(0, bool), np.empty(0, np.float32), np.asarray(group))


def frame_of(count, **columns):
    return audited([np.zeros((8, 8), np.uint8)] * count).frame.assign(**columns)


def names(frame):
    return frame["picture"].fillna("").tolist()


def test_one_film_of_each_picture_is_kept():
    group = [0, 1, 0, 2, 1]
    assert first_of_each(group).tolist() == [True, True, False, True, False]
    frame = frame_of(5, case=[0, 1, 0, 2, 1])
    kept = deduplicated(frame, pictures_of(group))
    assert kept["path"].tolist() == ["/films/0.png", "/films/1.png", "/films/3.png"]
    assert names(kept) == ["0", "1", ""]
    assert list(kept.index) == [0, 1, 2]
    assert "picture" not in frame


def test_pictures_named_in_two_audits_do_not_meet():
    one = with_pictures(frame_of(3, sha256=["b" * 64, "a1" * 32, "c" * 64], source="one"), pictures_of([0, 0, 1]))
    two = with_pictures(frame_of(2, sha256=["d" * 64, "e" * 64], source="two"), pictures_of([0, 0]))
    assert names(one) == ["a1" * 8, "a1" * 8, ""]
    assert join_cases(Manifest(pd.concat([one, two], ignore_index=True)), []).tolist() == [0, 0, 1, 2, 2]


def test_names_do_not_depend_on_the_order_of_films_and_those_from_before_still_hold():
    frame, group = frame_of(5, sha256=list("edcba")), np.array([0, 1, 0, 1, 2])
    order = np.array([3, 0, 4, 2, 1])
    again = with_pictures(frame.iloc[order], pictures_of(group[order]))
    assert names(again.sort_index()) == names(with_pictures(frame, pictures_of(group))) == ["c", "b", "c", "b", ""]
    named = with_pictures(frame.assign(picture=["x", "y", None, None, "x"]), pictures_of([0, 1, 2, 2, 3]))
    assert names(named) == ["x", "y", "b", "b", "x"]
    assert names(with_pictures(named, pictures_of([0, 1, 1, 2, 3]))) == ["x", "b", "b", "b", "x"]


def test_without_file_digests_pixels_give_the_name():
    films = audited([phantom(0), phantom(2), phantom(0)])
    found = find_pictures(films)
    named = names(with_pictures(films.frame.drop(columns="sha256"), found))
    assert named == [found.digests[0][:16], "", found.digests[0][:16]]
    assert len(named[0]) == 16


def test_what_a_left_out_film_joined_stays_one_case():
    frame = frame_of(5, patient=["1", "1", "2", "2", "3"])  # A and B; a copy of A, and C; another
    group = np.array([0, 1, 0, 2, 3])
    frame = frame.assign(case=join_cases(Manifest(frame), [(0, 2)]))
    kept = deduplicated(frame, pictures_of(group))
    assert kept["path"].tolist() == [f"/films/{film}.png" for film in (0, 1, 3, 4)]
    assert join_cases(Manifest(kept), []).tolist() == [0, 0, 0, 1]
    assert names(kept)[-1] == ""


def test_contradicting_copies_are_left_out_and_finer_labels_are_none():
    labels = pd.array(["pneumonia", "healthy", "pneumonia/viral", "covid-19", "healthy"], dtype="string")
    frame = frame_of(5, case=[0, 1, 0, 1, 2], **{"class": labels})
    assert deduplicated(frame, pictures_of([0, 1, 0, 1, 2]))["path"].tolist() == ["/films/0.png", "/films/4.png"]


def test_pair_counts_do_not_depend_on_the_order_of_films():
    noise = np.random.default_rng(0).integers(0, 255, (3, 200, 200), np.uint8)
    films, source = audited([noise[0], noise[1], noise[0], noise[0], noise[2]]), np.array(list("aabbb"))
    for order in (np.arange(5), np.array([3, 4, 0, 2, 1])):
        shared = count_shared(source[order], find_pictures(films_at(films, order)))
        assert shared.pairs.tolist() == shared.exact.tolist() == [[0, 2], [2, 1]]


def films_at(films, order):
    return type(films)(films.frame.iloc[order].reset_index(drop=True), films.films[order], films.shapes[order])
