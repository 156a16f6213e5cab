"""Names on a map: none over another, none outside, each near what it names."""

import itertools

import numpy as np
import pytest

from embedlearn.maps.labels import Frame, place_labels

FRAME = Frame(10, 20, 110, 90)


def boxes_of(centres: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    placed = ~np.isnan(centres[:, 0])
    return np.hstack([centres - sizes / 2, centres + sizes / 2])[placed]


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [1, 5, 14])
def test_no_two_boxes_overlap_and_none_is_outside(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    films = random.uniform(FRAME[:2], FRAME[2:], (400, 2))
    anchors = random.normal([60, 55], 5, (count, 2))  # all of them crowded
    sizes = random.uniform([10, 3], [30, 6], (count, 2))
    taken = np.array([[50, 50, 55, 55.0]])
    centres = place_labels(anchors, sizes, films, FRAME, taken)
    boxes = boxes_of(centres, sizes)
    assert len(boxes) == count
    assert (boxes[:, :2] >= FRAME[:2]).all() and (boxes[:, 2:] <= np.array(FRAME[2:]) + 1e-9).all()
    assert not [pair for pair in itertools.combinations([*boxes, *taken], 2) if overlap(*pair)]


def test_a_name_with_room_stands_on_its_point() -> None:
    films = np.array([[15.0, 25.0]])
    anchors, sizes = np.array([[40.0, 50.0], [90.0, 80.0]]), np.full((2, 2), 4.0)
    np.testing.assert_allclose(place_labels(anchors, sizes, films, FRAME), anchors)


def test_a_name_near_the_edge_is_pushed_inside() -> None:
    centre = place_labels(np.array([[109.0, 21.0]]), np.array([[20.0, 6.0]]), np.empty((0, 2)), FRAME)
    np.testing.assert_allclose(centre, [[100, 23]])


def test_a_name_moves_off_a_crowd_of_films() -> None:
    random = np.random.default_rng(0)
    crowd = random.normal([60, 55], 2, (500, 2))
    anchor, size = np.array([[60.0, 55.0]]), np.array([[12.0, 5.0]])
    ((centre),) = place_labels(anchor, size, crowd, FRAME)
    covered = (np.abs(crowd - centre) < size / 2).all(axis=1).mean()
    assert covered < 0.05 < (np.abs(crowd - anchor) < size / 2).all(axis=1).mean()
    assert np.linalg.norm(centre - anchor) < 20


def test_where_there_is_no_room_a_name_is_left_out() -> None:
    anchors, sizes = np.full((3, 2), [60.0, 55.0]), np.array([[80.0, 60.0], [80.0, 60.0], [300.0, 5.0]])
    centres = place_labels(anchors, sizes, np.empty((0, 2)), FRAME)
    assert np.isnan(centres).any(axis=1).tolist() == [False, True, True]


def test_a_box_does_not_cover_what_another_names() -> None:
    anchors, sizes = np.array([[55.0, 55.0], [62.0, 55.0]]), np.full((2, 2), [20.0, 5.0])
    centres = place_labels(anchors, sizes, np.empty((0, 2)), FRAME)
    assert not (np.abs(centres[0] - anchors[1]) < sizes[0] / 2).all()


def test_the_same_names_find_the_same_places() -> None:
    random = np.random.default_rng(5)
    films, anchors = random.uniform(FRAME[:2], FRAME[2:], (50, 2)), random.uniform(FRAME[:2], FRAME[2:], (6, 2))
    sizes = np.full((6, 2), [25.0, 6.0])
    assert place_labels(anchors, sizes, films, FRAME).tobytes() == place_labels(anchors, sizes, films, FRAME).tobytes()
