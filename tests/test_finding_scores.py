"""How well findings are told on test films, against plain models, scikit-learn and a plain bootstrap."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from embedlearn.audits.replicates import case_weights
from embedlearn.tasks.findings import MEAN, logistic_scores, measure_findings


def test_scores_and_areas_of_findings_are_those_of_plain_models():
    rng = np.random.default_rng(0)
    rows, asked = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    targets, truth = ((part[:, :3] + rng.normal(size=(len(part), 3)) > 0).astype(int) for part in (rows, asked))
    targets[rng.random(targets.shape) < 0.2] = -1
    truth[:50, 1] = -1
    targets[:, 2] = 0
    scores = logistic_scores(rows, targets, asked)
    known = targets[:, 1] >= 0
    plain = LogisticRegression().fit(rows[known], targets[known, 1]).decision_function(asked)
    assert np.corrcoef(scores[:, 1], plain)[0, 1] > 0.99
    assert np.isnan(scores[:, 2]).all()
    cases = np.arange(200) // 2
    told = measure_findings({"model": scores, "negated": -scores}, truth, cases, "abc", replicates=200)
    assert [(row.finding, row.scores) for row in told[:4]] == [(name, "model") for name in ("a", "b", "c", MEAN)]
    areas = [roc_auc_score(truth[truth[:, k] >= 0, k], scores[truth[:, k] >= 0, k]) for k in (0, 1)]
    assert [row.auc for row in told[:2]] == pytest.approx(areas)
    assert told[3].auc == pytest.approx(np.mean(areas))
    assert np.isnan(told[2][2:5]).all()
    assert [row.films for row in told[:4]] == [200, 150, 200, 200]
    assert told[1].showing == (truth[:, 1] == 1).sum()
    assert all(row.low < row.auc < row.high for row in (*told[:2], told[3]))
    assert told[3].high - told[3].low < max(row.high - row.low for row in told[:2])
    assert [row.auc for row in told[4:6]] == pytest.approx([1 - area for area in areas])


def test_intervals_are_of_cases_drawn_from_all_and_few_cases_have_none():
    rng = np.random.default_rng(0)
    truth, cases = rng.integers(-1, 2, (120, 4)), np.arange(120) // 2
    truth[:, 2:] = np.minimum(truth[:, 2:], 0)
    truth[:8, 2] = 1  # of four cases
    scores = (truth + rng.normal(size=truth.shape)).round(1)
    told = measure_findings({"model": scores}, truth, cases, "abcd", replicates=40, seed=3)
    areas = np.array([
        [
            roc_auc_score(truth[known, k], scores[known, k], sample_weight=weights[known])
            for k in (0, 1) for known in [truth[:, k] >= 0]
        ]
        for weights in case_weights(cases, 40, 3)
    ])  # fmt: skip
    for row, column in zip([*told[:2], told[4]], [*areas.T, areas.mean(1)], strict=True):
        assert row[2:5] == pytest.approx([column[0], *np.quantile(column[1:], [0.025, 0.975])])
    known = truth[:, 2] >= 0
    assert told[2].auc == pytest.approx(roc_auc_score(truth[known, 2], scores[known, 2]))
    assert np.isnan(told[2][3:5]).all() and np.isnan(told[3][2:5]).all()
    assert str(told[2]) == f"model {told[2].auc:.3f} (no interval)"
    few = measure_findings({"model": scores[:, 2:]}, truth[:, 2:], cases, "cd", replicates=40)
    assert few[2].auc == few[0].auc and np.isnan(few[2][3:5]).all()
