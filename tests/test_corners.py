"""One bright corner is found among three dark ones, in all films or in those of one answer."""

import json

import numpy as np
import pytest
from numpy.typing import NDArray

from embedlearn.tasks.audit.corners import (
    EVERY,
    FEWEST,
    NAMES,
    corners_data,
    corners_finding,
    corners_table,
    judge_corners,
)

SIDE = 50  # pixels, of 10 x 10 cells: a corner is four of them
PLACES = dict(zip(NAMES, [(0, 0), (0, 8), (8, 0), (8, 8)], strict=True))


def maps_with(count: int, spread: float = 0.1, **corners: float) -> NDArray[np.float32]:
    """Noisy maps about 1 [N, 10, 10] with other values in corners, as `top_left=2`; the others of them are .5."""
    maps = np.random.default_rng(0).normal(1, spread, (count, 10, 10))
    for name, (row, column) in PLACES.items():
        maps[:, row : row + 2, column : column + 2] *= corners.get(name.replace(" ", "_"), 0.5)
    return maps.astype(np.float32)


def test_what_corners_hold_is_what_a_plain_loop_finds() -> None:
    maps = np.random.default_rng(1).normal(size=(40, 10, 10)).astype(np.float32)
    answers = ["ill", "well"] * 20
    found = {(one.answer, one.name): one for one in judge_corners(maps, answers, np.arange(40), SIDE, 0.0)}
    assert list(found) == [(answer, name) for answer in (EVERY, "ill", "well") for name in NAMES]
    for (answer, name), one in found.items():
        row, column = PLACES[name]
        mine = [np.abs(drawn) for drawn, given in zip(maps, answers, strict=True) if answer in (EVERY, given)]
        plain = [drawn[row : row + 2, column : column + 2].sum() / drawn.sum() - 0.04 for drawn in mine]
        assert one.beyond.value == pytest.approx(np.mean(plain), abs=1e-5)
        assert one.area == pytest.approx(0.04) and one.films == len(plain)


def test_a_bright_corner_among_dark_ones_is_a_warning() -> None:
    maps = maps_with(60, bottom_right=1.5)
    found = judge_corners(maps, ["ill"] * 60, np.arange(60), SIDE, 0.0)
    assert sum(one.beyond.value for one in found[:4]) < 0  # all four together are dark
    finding = corners_finding(found)
    assert finding.level == "warning" and finding.low is not None and finding.low > 0
    assert "bottom right" in finding.sentence and "4.0 % of the map's places" in finding.sentence


def test_a_corner_that_one_answer_looks_at_is_a_warning() -> None:
    maps = np.concatenate([maps_with(20, top_left=1.5), maps_with(60, top_left=0.5)])
    answers = ["ill"] * 20 + ["well"] * 60
    found = judge_corners(maps, answers, np.arange(80), SIDE, 0.0)
    assert all(one.beyond.high < 0 for one in found if one.answer != "ill")
    finding = corners_finding(found)
    assert finding.level == "warning" and finding.films == 20
    assert "top left" in finding.sentence and "20 films answered ill" in finding.sentence


def test_dark_corners_are_fine_and_uncertain_ones_a_note() -> None:
    answers = ["ill", "well"] * 20
    dark = corners_finding(judge_corners(maps_with(40), answers, np.arange(40), SIDE, 0.0))
    assert dark.level == "fine" and dark.high is not None and dark.high < 0
    noisy = corners_finding(judge_corners(maps_with(40, spread=1.5, top_left=0.95), answers, np.arange(40), SIDE, 0.0))
    assert noisy.level == "note" and "not shown" in noisy.sentence


def test_no_corner_warns_by_chance() -> None:
    answers, warned = ["a", "b", "c"] * 20, 0
    for seed in range(40):
        maps = np.random.default_rng(seed).normal(size=(60, 10, 10)).astype(np.float32)
        warned += corners_finding(judge_corners(maps, answers, np.arange(60), SIDE, 0.0)).level == "warning"
    assert warned <= 4  # of sixteen intervals each, which one by one warn in 10


def test_an_answer_of_few_films_is_not_judged_by_itself() -> None:
    answers = ["rare"] * (FEWEST - 1) + ["well"] * 30
    found = judge_corners(maps_with(len(answers)), answers, np.arange(len(answers)), SIDE, 0.2)
    assert {one.answer for one in found} == {EVERY, "well"}
    (group,) = corners_table(found).groups
    assert [row.name for row in group.rows] == [EVERY, "well"] and {len(row.cells) for row in group.rows} == {5}
    alone = judge_corners(maps_with(1), ["well"], np.zeros(1, np.int64), SIDE, 0.0)
    json.dumps([*corners_data(found), *corners_data(alone)], allow_nan=False)
