"""Two encoders' maps of one film must be nearer to each other than to maps of other films."""

from dataclasses import replace

import numpy as np
import pytest
from toy_squares import asked_of_squares, brightness, constant, random_maps

from embedlearn.explanations.checks.places import centre_maps, rank_correlations
from embedlearn.explanations.checks.repeatability import check_repeatability
from embedlearn.explanations.checks.verdict import Verdict

QUESTION, ASKED, WHERE = asked_of_squares()
MAPS = 3 * WHERE + random_maps(WHERE.shape, 7)


def check_one(mine: np.ndarray, theirs: np.ndarray) -> list[Verdict]:
    return check_repeatability(QUESTION, {"map": mine}, {"map": theirs})


def test_another_look_at_the_same_squares_passes() -> None:
    alike, own = check_one(MAPS, MAPS + 0.3 * random_maps(MAPS.shape, 8))
    assert alike.passed and own.passed and min(alike.value, own.value) > 0.3


def test_maps_that_are_alike_whatever_the_film_fail() -> None:
    hill = centre_maps(MAPS.shape)
    alike, own = check_one(hill, hill)
    assert alike.passed and alike.value == 1
    assert own.passed is False and own.value == 0


def test_unlike_blank_and_swapped_maps_fail() -> None:
    wrong = (random_maps(MAPS.shape, 5), ASKED.maps(constant), MAPS.transpose(0, 2, 1), np.roll(MAPS, 1, axis=0))
    for theirs in wrong:
        alike, _ = check_one(MAPS, theirs)
        assert alike.passed is False
    assert [verdict.passed for verdict in check_one(MAPS, wrong[0])] == [False, False]


def test_a_little_likeness_is_not_enough() -> None:
    noisy = MAPS + 8 * random_maps(MAPS.shape, 3)
    alike, own = check_one(MAPS, noisy)
    assert alike.passed is False and 0 < alike.value < 0.3
    assert own.value == pytest.approx(alike.value, abs=0.1)


def test_without_a_second_run_and_for_other_grids_it_is_not_asked() -> None:
    (verdict,) = check_repeatability(QUESTION, {"map": MAPS}, None)
    assert verdict.passed is None and "--against" in verdict.sentence
    assert "shapes" in check_one(MAPS, MAPS[:, :3])[0].sentence


def test_the_value_is_that_of_a_plain_loop_over_films_of_the_same_question() -> None:
    theirs = ASKED.maps(brightness)
    pairs = list(zip(QUESTION.first, QUESTION.other, strict=True))
    values = []
    for row in range(len(MAPS)):
        others = [
            rank_correlations(MAPS[row][None], theirs[other][None])[0]
            for other in range(len(MAPS))
            if other != row and pairs[other] == pairs[row]
        ]
        values.append(rank_correlations(MAPS[row][None], theirs[row][None])[0] - np.mean(others))
    assert abs(check_one(MAPS, theirs)[1].value - np.mean(values)) < 1e-6


def test_films_of_the_same_case_are_no_others() -> None:
    one = replace(QUESTION, cases=np.zeros_like(QUESTION.cases))
    assert [verdict.passed for verdict in check_repeatability(one, {"map": MAPS}, {"map": MAPS})] == [None, None]


def test_rank_correlation_is_scipys_and_undefined_for_a_blank_map() -> None:
    from scipy.stats import spearmanr

    first, second = random_maps((4, 5, 6), 1), random_maps((4, 5, 6), 2).round(1)
    wanted = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(first, second, strict=True)]
    assert np.allclose(rank_correlations(first, second), wanted)
    assert np.isnan(rank_correlations(first, np.ones_like(first))).all()
