"""False match and non-match rates are those of scikit-learn's ROC curve over all pairs."""

import json

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score, roc_curve

from embedlearn.errors import ArgumentError
from embedlearn.gallery import verification as module
from embedlearn.gallery.verification import verification


def all_pairs(X, kinds, groups):
    """Whether each allowed pair is genuine, and its distance in the precision that is promised."""
    X = np.asarray(X, np.float64)
    kept = [i for i, kind in enumerate(kinds) if kind is not None]
    pairs = [
        (kinds[i] == kinds[j], ((X[i] - X[j]) ** 2).sum())
        for i in kept for j in kept if j < i and (groups is None or groups[i] is None or groups[i] != groups[j])
    ]  # fmt: skip
    genuine, squared = zip(*pairs, strict=True)
    return np.array(genuine), np.array(squared)


def expected(genuine, squared, rates):
    accepted, true, _ = roc_curve(genuine, -squared, drop_intermediate=False)
    fnmr = [1 - true[accepted <= rate].max() for rate in rates]
    eer = brentq(lambda rate: rate - (1 - np.interp(rate, *envelope(accepted, true))), 0, 1)
    return fnmr, eer, roc_auc_score(genuine, -squared)


def envelope(accepted, true):
    """The curve with its risers a hair apart, for np.interp."""
    return accepted + np.arange(len(accepted)) * 1e-12, true


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("tied", [False, True])
def test_rates_are_those_of_scikit_learn(grouped, tied, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", 64)
    rng = np.random.default_rng(0)
    kinds = np.array(["a", "b", "c", "d", None], object)[rng.integers(0, 5, 300)]
    X = (
        rng.normal(size=(300, 6))
        + np.array([{"a": 0, "b": 1, "c": 2, "d": 3, None: 9}[kind] for kind in kinds])[:, None]
    )
    X = np.round(X) if tied else X
    groups = np.array([*range(80), None], object)[rng.integers(0, 81, 300)] if grouped else None
    genuine, squared = all_pairs(X, kinds, groups)
    rates = (0.5, 0.1, 0.01, 0.001)
    got = verification(X, kinds, groups, rates=rates)
    fnmr, eer, auc = expected(genuine, squared, rates)
    assert (got.genuine, got.impostors) == (genuine.sum(), (~genuine).sum())
    assert list(got.fnmr.values()) == pytest.approx(fnmr, abs=1e-12 if tied else 2 / genuine.sum())
    assert (got.eer, got.auc) == (pytest.approx(eer, abs=1e-6 if tied else 1e-4), pytest.approx(auc, abs=1e-5))
    assert json.loads(json.dumps(got.as_plain()))["fnmr"]["0.01"] == got.fnmr[0.01]


def test_patients_may_be_what_is_verified_and_cosine_forgets_length():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(40), 3)
    X = (rng.normal(size=(40, 8))[patients] + rng.normal(0, 0.3, (120, 8))) * rng.uniform(1, 9, (120, 1))
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    by_cosine = verification(X, patients, metric="cosine")
    assert by_cosine == verification(unit.astype(np.float32), patients)
    assert by_cosine.genuine == 120 and by_cosine.auc > 0.99 > verification(X, patients).auc


def test_the_ends():
    apart = verification([[0.0], [0.1], [9.0], [9.1]], ["a", "a", "b", "b"])
    assert (apart.eer, apart.auc, set(apart.fnmr.values())) == (0, 1, {0})
    same = verification(np.ones((6, 2)), list("aaabbb"))
    assert (same.eer, same.auc, set(same.fnmr.values())) == (0.5, 0.5, {1})
    backward = verification([[0.0], [9.0], [0.1], [9.1]], ["a", "a", "b", "b"])
    assert backward.auc == 0.25 and backward.fnmr[0.1] == 1
    huge = verification([[1e30], [-1e30], [0.0]], [1, 1, 2])
    assert (huge.genuine, huge.impostors, huge.auc) == (1, 2, 0.5)  # all of them infinite in float32
    alone = verification(np.eye(3), ["a", "b", "c"])
    assert (alone.genuine, alone.impostors, alone.eer, alone.auc, alone.fnmr[0.1]) == (0, 3, None, None, None)


def test_what_cannot_be_verified_is_refused():
    with pytest.raises(ArgumentError, match="kinds: wanted a value for each of 3 vectors, got 2"):
        verification(np.eye(3), ["a", "b"])
    with pytest.raises(ArgumentError, match="groups: wanted a value for each of 3 vectors, got 1"):
        verification(np.eye(3), ["a", "b", "c"], ["p"])
    with pytest.raises(ArgumentError, match="rates: wanted a number from 0 to 1, got 2"):
        verification(np.eye(3), ["a", "b", "c"], rates=[2])
    with pytest.raises(ArgumentError, match="metric: wanted euclidean or cosine, got manhattan"):
        verification(np.eye(3), ["a", "b", "c"], metric="manhattan")
