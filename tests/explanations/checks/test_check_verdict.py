"""Values, their intervals, and what is made of them."""

import json
import math

import numpy as np
import pytest

from embedlearn.explanations.checks.verdict import Verdict, holds, judged, mean_interval, not_asked


def test_the_interval_is_that_of_a_plain_bootstrap_over_cases() -> None:
    rng = np.random.default_rng(0)
    values, cases = rng.normal(1, 2, 60), rng.integers(0, 20, 60)
    mean, low, high = mean_interval(values, cases)
    means = []
    for _ in range(4000):
        drawn = rng.choice(np.unique(cases), len(np.unique(cases)))
        means.append(np.concatenate([values[cases == case] for case in drawn]).mean())
    assert mean == pytest.approx(values.mean())
    assert (low, high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.06)


def test_copies_of_a_case_tell_nothing_more() -> None:
    values = np.random.default_rng(1).normal(size=30)
    alone = mean_interval(values, np.arange(30))
    repeated = mean_interval(np.repeat(values, 5), np.repeat(np.arange(30), 5))
    believed = mean_interval(np.repeat(values, 5), np.arange(150))
    assert repeated == pytest.approx(alone)
    assert believed.high - believed.low < 0.6 * (alone.high - alone.low)


def test_missing_values_are_left_out_and_one_case_has_no_interval() -> None:
    assert mean_interval([1, np.nan, 3], [0, 1, 2]).mean == 2
    assert mean_interval([1.0, 3.0], [4, 4]) == (2, None, None)
    assert math.isnan(mean_interval([np.nan], [0]).mean)


@pytest.mark.parametrize(
    ("values", "wanted", "passed"),
    [
        ([1.0, 2.0, 1.5, 1.2], "> 0", True),
        ([1.0, -2.0, 1.5, 1.2], "> 0", False),  # the mean is positive, the interval is not
        ([0.1, 0.2, 0.1, 0.15], "< 0.3", True),
        ([-1.0, -2.0, -1.5, -1.2], "> 0", False),
        ([1e-9, 1e-9, 1e-9], "> 0", False),
    ],
)
def test_the_whole_interval_must_be_as_wanted(values: list[float], wanted: str, passed: bool) -> None:
    verdict = judged("check", "map", values, np.arange(len(values)), wanted, "sentence")
    assert verdict.passed is passed
    assert verdict.n == len(values) and verdict.bar == float(wanted.split()[1])
    assert verdict.low <= verdict.value <= verdict.high


def test_what_is_as_wanted_but_uncertain_is_called_so_and_does_not_pass() -> None:
    uncertain = judged("check", "map", [1.0, -2.0, 1.5, 1.2], np.arange(4), "> 0", "sentence")
    wrong = judged("check", "map", [-1.0, -2.0, 1.5, -1.2], np.arange(4), "> 0", "sentence")
    assert (uncertain.word, uncertain.passed) == ("not shown", False)
    assert (wrong.word, wrong.passed) == ("fail", False)


def test_one_case_is_too_few_to_tell() -> None:
    verdict = judged("check", "map", [1.0, 1.0], [0, 0], "> 0", "sentence")
    assert verdict.passed is None and "too few" in verdict.sentence


def test_nothing_holds_of_what_is_no_number() -> None:
    assert not holds(math.nan, "> 0") and not holds(math.nan, "<= 1") and holds(1, "<= 1") and not holds(1, "< 1")


def test_verdicts_are_plain_json_and_come_back() -> None:
    for verdict in (
        not_asked("lesions, energy", "map", "> 0", "why"),
        Verdict("border", "map", -0.1, -0.2, -0.05, "< 0", True, "found", 12),
        Verdict("completeness, float32", "exact", 1e-7, None, None, "<= 1e-05", True, "found", 3),
    ):
        again = Verdict.restored(json.loads(json.dumps(verdict.plain(), allow_nan=False)))
        assert repr(again) == repr(verdict)
        assert again.asks_where is (verdict.check != "completeness, float32")
