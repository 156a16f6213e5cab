"""What is judged on the same replicates, against plain loops that draw the cases again."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from embedlearn.audits.judging import compare
from embedlearn.audits.replicates import summed_up_together

REPLICATES, SEED = 40, 3
VIEWS = ("model", "one", "other")


def made_up(films: int = 200, cases: int = 80) -> tuple[dict[str, Any], Any, Any]:
    """Log-odds of three views, labels by case, and cases of several films."""
    rng = np.random.default_rng(0)
    case = rng.integers(0, cases, films)
    label = np.where(np.arange(cases) % 3 == 0, "ill", "well")[case]
    sides = np.where(label == "ill", 1, -1)[:, None] * np.array([1, -1])
    return {view: 0.4 * sides + rng.normal(size=(films, 2)) for view in VIEWS}, label, case


def drawn_rows(case: Any) -> list[Any]:
    """The rows of all films, and then of each replicate's cases."""
    rng, numbers = np.random.default_rng(SEED), np.unique(case)
    draws = [numbers[rng.integers(0, len(numbers), len(numbers))] for _ in range(REPLICATES)]
    return [np.arange(len(case)), *(np.concatenate([np.flatnonzero(case == one) for one in draw]) for draw in draws)]


def ends(values: list[float]) -> tuple[float, float, float]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return values[0], float(low), float(high)


def test_aucs_and_lifts_are_those_of_a_plain_loop() -> None:
    scores, label, case = made_up()
    judged = compare(scores, ("ill", "well"), label, case, {}, seed=SEED, replicates=REPLICATES)
    aucs = [
        {
            (view, name): roc_auc_score(label[rows] == name, scores[view][rows, column])
            for view in VIEWS
            for column, name in enumerate(("ill", "well"))
        }
        for rows in drawn_rows(case)
    ]
    lifts = {
        name: [found["model", name] - max(found["one", name], found["other", name]) for found in aucs]
        for name in ("ill", "well")
    }
    assert judged.auc("one", "ill") == pytest.approx(ends([found["one", "ill"] for found in aucs]))
    mean = [(found["one", "ill"] + found["one", "well"]) / 2 for found in aucs]
    assert judged.auc("one") == pytest.approx(ends(mean))
    for name in ("ill", "well"):
        lift = judged.lift("model", ["one", "other"], name)
        assert lift.best == max(("one", "other"), key=lambda view: aucs[0][view, name])
        assert lift[1:] == pytest.approx(ends(lifts[name]))
    both = [(ill + well) / 2 for ill, well in zip(lifts["ill"], lifts["well"], strict=True)]
    assert judged.lift("model", ["one", "other"])[1:] == pytest.approx(ends(both))
    assert len({lift.index(max(lift)) for lift in ([f["one", "ill"], f["other", "ill"]] for f in aucs)}) == 2


def test_a_model_does_not_rise_above_itself() -> None:
    scores, label, case = made_up()
    judged = compare(scores, ("ill", "well"), label, case, {}, replicates=20)
    assert judged.lift("one", ["one"], "ill") == ("one", 0, 0, 0)


def test_balanced_accuracy_is_the_mean_share_of_right_answers() -> None:
    scores, label, case = made_up()
    judged = compare(scores, ("ill", "well"), label, case, {}, replicates=20)
    right = np.array(["ill", "well"])[scores["one"].argmax(1)] == label
    shares = [right[label == name].mean() for name in ("ill", "well")]
    assert judged.accuracy("one").value == pytest.approx(np.mean(shares))


def test_intervals_of_many_hold_all_at_once() -> None:
    held, each = [], []
    for seed in range(200):  # 12 figures of spread 1 and mean 0
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(12, 1))
        replicates = np.hstack([values, values + rng.normal(size=(12, 400))])
        ranges = summed_up_together(replicates)
        held.append(all(found.low <= 0 <= found.high for found in ranges))
        each.append(abs(ranges[0].high - ranges[0].value))
    assert 0.9 <= np.mean(held) <= 0.99  # of single intervals about .54
    assert np.mean(each) == pytest.approx(2.86, abs=0.1)  # normal quantile of 1 - (1 - .95 ** (1 / 12)) / 2


def test_a_figure_that_never_moves_has_no_width_and_an_unknown_one_no_interval() -> None:
    still, unknown = np.full(50, 0.25), np.full(50, np.nan)
    moving = np.random.default_rng(0).normal(size=50)
    found = summed_up_together(np.stack([still, unknown, moving]))
    assert found[0] == (0.25, 0.25, 0.25)
    assert np.isnan(found[1]).all() and found[2].low < found[2].value < found[2].high
    assert np.isnan(summed_up_together(unknown[None])[0]).all()
