"""How many cases are enough, held against other formulas and against films drawn by chance."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, norm

from embedlearn.audits.enough import (
    auc_half_width,
    cases_for_auc,
    cases_for_share,
    share_half_width,
    wilson,
)
from embedlearn.errors import ArgumentError


@pytest.mark.parametrize(("right", "cases"), [(0, 7), (3, 10), (40, 80), (79, 80), (500, 1000)])
def test_the_interval_of_a_share_is_that_of_scipy(right: int, cases: int) -> None:
    known = binomtest(right, cases).proportion_ci(method="wilson")
    found = wilson(right / cases, cases)
    assert found == pytest.approx((known.low, known.high), abs=1e-6)
    if 0 < right < cases:
        assert found[1] - found[0] == pytest.approx(2 * share_half_width(right / cases, cases))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("width", [0.02, 0.05, 0.1, 0.3])
def test_one_case_fewer_is_not_enough(share: float, width: float) -> None:
    cases = cases_for_share(share, width)
    assert share_half_width(share, cases) <= width
    assert cases == 1 or share_half_width(share, cases - 1) > width


def test_the_known_number_for_ten_points() -> None:
    assert cases_for_share(0.5, 0.1) == 93  # 96.04 by Wald's formula, less Z ** 2 of Wilson's
    assert cases_for_share(0.5, 0.1) == math.ceil(1.959964**2 * (0.25 / 0.01 - 1))


@pytest.mark.parametrize("ratio", [0.5, 1.0, 4.0])
@pytest.mark.parametrize("auc", [0.5, 0.8, 0.95])
def test_one_case_fewer_is_not_enough_for_an_auc(auc: float, ratio: float) -> None:
    cases = cases_for_auc(auc, 0.05, ratio)
    assert auc_half_width(auc, cases, ratio * cases) <= 0.05
    assert auc_half_width(auc, cases - 1, ratio * (cases - 1)) > 0.05


def test_more_cases_against_each_need_fewer_with_the_disease() -> None:
    needed = [cases_for_auc(0.8, 0.05, ratio) for ratio in (0.5, 1, 2, 4)]
    assert needed == sorted(needed, reverse=True)
    assert cases_for_auc(0.95, 0.05) < cases_for_auc(0.8, 0.05) < cases_for_auc(0.5, 0.05)


def test_an_auc_of_one_half_is_the_rank_sums() -> None:
    """Where nothing is told, the spread is that of Mann and Whitney, (m + n + 1) / (12 m n)."""
    assert auc_half_width(0.5, 30, 70) == pytest.approx(1.959964 * math.sqrt(101 / (12 * 30 * 70)))


def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says() -> None:
    for share in (0.5, 0.8, 0.9):
        cases = cases_for_share(share, 0.1)
        right = np.random.default_rng(0).binomial(cases, share, 20_000)
        held = [wilson(count / cases, cases) for count in range(cases + 1)]
        inside = np.array([low <= share <= high for low, high in held])[right]
        assert 0.935 < inside.mean() < 0.975
        within = np.abs(right / cases - share) <= 0.1 + 1e-9
        assert within.mean() > 0.93


@pytest.mark.parametrize(("auc", "ratio"), [(0.6, 1.0), (0.8, 3.0), (0.9, 0.5)])
def test_simulated_aucs_spread_as_the_formula_says(auc: float, ratio: float) -> None:
    positives = cases_for_auc(auc, 0.1, ratio)
    negatives = round(ratio * positives)
    rng = np.random.default_rng(0)
    low = rng.exponential(size=(3000, negatives))
    high = rng.exponential(auc / (1 - auc), size=(3000, positives))  # P(high > low) = scale / (1 + scale)
    assert np.abs(_aucs(high, low) - auc).mean() < 0.06
    assert 1.959964 * _aucs(high, low).std() == pytest.approx(auc_half_width(auc, positives, negatives), rel=0.06)
    normal = _aucs(rng.normal(math.sqrt(2) * norm.ppf(auc), size=high.shape), rng.normal(size=low.shape))
    assert 1.959964 * normal.std() < 1.1 * auc_half_width(auc, positives, negatives)


def _aucs(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """The AUC of each row: how often a value of `high` [R, P] is above one of `low` [R, N], by ranks."""
    both = np.concatenate([high, low], axis=1)
    ranks = both.argsort(1).argsort(1)[:, : high.shape[1]] + 1
    count = high.shape[1]
    return np.asarray((ranks.sum(1) - count * (count + 1) / 2) / (count * low.shape[1]))


@pytest.mark.parametrize("width", [0.0, -0.1, 0.6, float("nan")])
def test_a_half_width_that_makes_no_sense_is_refused(width: float) -> None:
    with pytest.raises(ArgumentError, match="^half-width: wanted a number from 0.001 to 0.5, got "):
        cases_for_share(0.5, width)
    with pytest.raises(ArgumentError, match="^half-width: "):
        cases_for_auc(0.8, width)


def test_other_impossible_questions_are_refused() -> None:
    for ask in (lambda: cases_for_share(1.2, 0.1), lambda: wilson(0.5, 0), lambda: cases_for_auc(0.4, 0.1)):
        with pytest.raises(ArgumentError, match="wanted a number from "):
            ask()
    with pytest.raises(ArgumentError, match="^ratio: "):
        cases_for_auc(0.8, 0.1, 0)
