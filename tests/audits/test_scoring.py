"""Scores of plain models, and intervals, against scikit-learn and plain loops."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedlearn.audits import scoring
from embedlearn.audits.replicates import Estimate, auc_replicates, case_weights, share_replicates, summed_up
from embedlearn.audits.scoring import balanced_weights, cross_validate, deal_folds, fit_and_score
from embedlearn.errors import ArgumentError, EpisodeError


def made_up(films: int = 300, cases: int = 120, apart: float = 1.0, seed: int = 0) -> tuple[Any, Any, Any]:
    """Two numbers a film that lie `apart` by class, labels by case, and cases of several films."""
    rng = np.random.default_rng(seed)
    case = rng.integers(0, cases, films)
    label = np.where(np.arange(cases) % 3 == 0, "ill", "well")[case]
    return rng.normal(size=(films, 2)) + apart * (label == "ill")[:, None], label, case


def auc_of(scores: Any, positive: Any, cases: Any, **more: int) -> Estimate:
    """One column's AUC with its interval."""
    return summed_up(auc_replicates(np.asarray(scores)[:, None], positive, cases, **more)[0])


@pytest.mark.parametrize("digits", [0, 6])
def test_an_interval_is_that_of_a_plain_loop(digits: int) -> None:
    features, label, case = made_up()
    score, positive = np.round(features[:, 0], digits), label == "ill"
    rng, numbers, values = np.random.default_rng(3), np.unique(case), []
    for _ in range(60):
        drawn = numbers[rng.integers(0, len(numbers), len(numbers))]
        rows = np.concatenate([np.flatnonzero(case == one) for one in drawn])
        values.append(roc_auc_score(positive[rows], score[rows]))
    found = auc_of(score, positive, case, replicates=60, seed=3)
    expected = (roc_auc_score(positive, score), *np.quantile(values, [0.025, 0.975]))
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_order_of_films_and_the_names_of_cases_do_not_matter() -> None:
    features, label, case = made_up()
    order = np.random.default_rng(1).permutation(len(case))
    first = auc_of(features[:, 0], label == "ill", case)
    assert first == auc_of(features[order, 0], label[order] == "ill", case[order] * 7)


def test_films_of_one_case_say_no_more_than_one() -> None:
    features, label, case = made_up(120)
    every = np.arange(len(case))
    once = auc_of(features[:, 0], label == "ill", every)
    twice = np.repeat(every, 4)
    assert auc_of(features[twice, 0], label[twice] == "ill", twice) == pytest.approx(once)


def test_what_cannot_be_said_is_not_a_number() -> None:
    everyone = auc_of(np.arange(5.0), np.ones(5, bool), np.arange(5), replicates=20)
    assert np.isnan(everyone).all()
    same = auc_of(np.arange(4.0), [False, False, True, True], [0, 0, 0, 0], replicates=20)
    assert same == (1, 1, 1)


def test_shares_are_weighted_means() -> None:
    features, label, case = made_up()
    counted = np.stack([label == "ill", label == "well"], axis=1)
    found = share_replicates(features, counted, case, replicates=20, seed=5)
    for replicate, weight in enumerate(case_weights(case, 20, 5)):
        for column in range(2):
            expected = np.average(features[:, column], weights=weight * counted[:, column])
            assert found[column, replicate] == pytest.approx(expected)


def test_folds_keep_cases_whole_and_classes_alike() -> None:
    _, label, case = made_up(900, 300)
    codes = (label == "ill").astype(int)
    fold = deal_folds(codes, case, 5, 0)
    assert len(np.unique(np.stack([case, fold]), axis=1)[0]) == len(np.unique(case))
    for code in (0, 1):
        shares = np.bincount(fold[codes == code], minlength=5) / (codes == code).sum()
        assert shares == pytest.approx(np.full(5, 0.2), abs=0.02)
    assert not np.array_equal(fold, deal_folds(codes, case, 5, 1))


def test_scores_are_those_of_scikit_learn_fold_by_fold() -> None:
    features, label, case = made_up()
    found = cross_validate(features, label, case)
    fold = deal_folds((label == "well").astype(int), case, 5, 0)
    for number in range(5):
        out = fold == number
        model = make_pipeline(StandardScaler(), LogisticRegression(C=scoring.PENALTY))
        model.fit(features[~out], label[~out])
        share = (label[~out] == "ill").mean()
        expected = -model.decision_function(features[out]) - np.log(share / (1 - share))
        assert found.log_odds[out, 0] == pytest.approx(expected, abs=1e-3)
    assert found.log_odds[:, 1] == pytest.approx(-found.log_odds[:, 0])


def test_three_classes_are_each_held_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    label = np.array(["a", "b", "c"])[rng.integers(0, 3, 240)]
    centres = {"a": (0, 0), "b": (3, 0), "c": (0, 3)}
    features = rng.normal(size=(240, 2)) + [centres[name] for name in label]
    found = cross_validate(features, label, np.arange(240))
    assert found.classes == ("a", "b", "c")
    for column, name in enumerate(found.classes):
        assert roc_auc_score(label == name, found.log_odds[:, column]) > 0.9


def test_what_a_case_is_known_by_does_not_help() -> None:
    rng = np.random.default_rng(0)
    case = np.repeat(np.arange(60), 4)
    label = np.array(["ill", "well"])[rng.integers(0, 2, 60)][case]
    features = rng.normal(size=(60, 40))[case]  # the same for all films of a case
    known, torn = (cross_validate(features, label, groups).log_odds[:, 0] for groups in (case, np.arange(240)))
    assert roc_auc_score(label == "ill", known) < 0.7
    assert roc_auc_score(label == "ill", torn) > 0.8


@pytest.mark.parametrize("cases", [7, 50, 51])
def test_a_model_that_learnt_nothing_ranks_nothing(cases: int) -> None:
    label = np.array(["ill", "well", "well"])[np.arange(cases) % 3]
    scores = cross_validate(np.full((cases, 4), 3.0), label, np.arange(cases))
    assert auc_of(scores.log_odds[:, 0], label == "ill", np.arange(cases), replicates=30) == (0.5, 0.5, 0.5)


def test_many_features_come_down_to_their_leading_components(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    label = np.array(["ill", "well"])[rng.integers(0, 2, 300)]
    features = rng.normal(size=(300, 10)) @ rng.normal(size=(10, 200)) + (label == "ill")[:, None]
    reduced = cross_validate(features, label, np.arange(300)).log_odds
    monkeypatch.setattr(scoring, "COMPONENTS", 200)
    assert reduced == pytest.approx(cross_validate(features, label, np.arange(300)).log_odds, abs=0.02)


def test_balanced_weights_part_a_class_from_its_source() -> None:
    rng = np.random.default_rng(0)
    source = np.array(["here", "there"])[rng.integers(0, 2, 600)]
    ill = rng.random(600) < np.where(source == "here", 0.9, 0.1)
    label = np.where(ill, "ill", "well")
    features = np.column_stack([source == "here", ill + rng.normal(size=600)])
    weights = balanced_weights(label, source)
    assert weights.mean() == pytest.approx(1)
    assert {round(weights[(label == a) & (source == b)].sum()) for a in ("ill", "well") for b in source} == {150}
    by_source = [
        abs(cross_validate(features, label, np.arange(600), weights=given).log_odds[:, 0] @ ((source == "here") - 0.5))
        for given in (None, weights)
    ]
    assert by_source[1] < by_source[0] / 3


def test_other_films_are_scored_by_one_model() -> None:
    features, label, _ = made_up()
    found = fit_and_score(features[:200], label[:200], features[200:])
    assert found.log_odds.shape == (100, 2)
    assert roc_auc_score(label[200:] == "ill", found.log_odds[:, 0]) > 0.8


def test_a_part_of_very_many_films_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    features, label, case = made_up(4000, 4000)
    every = cross_validate(features, label, case).log_odds[:, 0]
    monkeypatch.setattr(scoring, "MOST", 700)  # fewer than either class has, and not in the same proportion
    some = cross_validate(features, label, case).log_odds[:, 0]
    assert not np.array_equal(some, every)
    assert np.corrcoef(some, every)[0, 1] > 0.99
    assert some.mean() == pytest.approx(every.mean(), abs=0.1)


def test_a_rare_class_makes_fewer_folds_and_a_single_case_none() -> None:
    features, label, case = made_up()
    rare = np.where(case < 3, "rare", label)
    assert np.isfinite(cross_validate(features, rare, case).log_odds).all()
    with pytest.raises(EpisodeError, match=r"class rare: wanted films of two cases or more"):
        cross_validate(features, np.where(case == 1, "rare", label), case)
    with pytest.raises(EpisodeError, match=r"class ill: what counts of it is in too few cases"):
        fit_and_score(features, label, features, weights=label == "well")
    with pytest.raises(EpisodeError, match=r"classes: wanted two or more"):
        cross_validate(features, np.full(len(case), "ill"), case)
    with pytest.raises(ArgumentError, match=r"cases: wanted one of each of the 300 films"):
        cross_validate(features, label, case[:-1])
