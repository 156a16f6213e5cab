"""Which parts a study has, and what they are of."""

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_ind

from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.heads import build_head
from embedlearn.episodes.pool import Pool
from embedlearn.episodes.rejection import STRANGENESS
from embedlearn.episodes.results import Setting
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Space
from embedlearn.episodes.study import EXTREMES, FINE_TUNE, StudyPlan, run_study
from embedlearn.errors import ArgumentError, EpisodeError

PLAN = StudyPlan(
    heads=("prototype", "knn"), shots=(1, 3), n_query=4, episodes=40, positive="c", bootstrap=4, supports=8
)


def pool_of(counts, *, films_each=2, apart=1.2, twins=False):
    """So many patients of each class, with some films each, from two sources; `twins`: a patient's films are alike."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(sum(counts.values())), films_each)
    classes = np.repeat(list(counts), np.multiply(list(counts.values()), films_each))
    X = rng.normal(size=(len(classes), 6)) + apart * np.eye(6)[np.searchsorted(sorted(counts), classes)]
    if twins:
        X = X[::films_each][patient] + 0.01 * rng.normal(size=X.shape)
    frame = pd.DataFrame({"class": classes, "case": patient, "source": rng.choice(["left", "right"], len(classes))})
    spaces = {"trained": Space(X, X.mean(axis=0)), "untrained": Space(rng.normal(size=X.shape), np.zeros(6))}
    B, names = rng.normal(size=(80, 6)), np.repeat(["v", "w"], 40)
    films = BaseFilms({"trained": Space(B + 1.2 * (names == "w")[:, None], B.mean(axis=0))}, names, np.arange(80))
    return Pool(frame, spaces, "0" * 64, ("a", "b"), films)


def study_of(pool, watched=None, replay=None, tuned=None, **changed):
    @contextmanager
    def watch(what):
        calls = []
        yield lambda done, total: calls.append((done, total))
        if watched is not None:
            watched.append((what, calls))

    return run_study(pool, replace(PLAN, **changed), watch, replay, tuned)


@pytest.fixture(scope="module")
def pool():
    return pool_of({"a": 40, "b": 40, "c": 40})


def parts(study):
    found = {name for name in ("beside", "naive", "fine_tuned") if getattr(study, name) is not None}
    return found | {name for name in ("unknown", "supports") if getattr(study, name)}


def test_a_study_of_everything(pool):
    watched = []
    study = study_of(pool, watched, leakage_gap=True, heads=("prototype", "bd-cspn"))
    assert parts(study) == {"beside", "naive", "unknown", "supports"}
    settings = {(space, head, n) for space in pool.spaces for head in ("prototype", "bd-cspn") for n in (1, 3)}
    assert set(study.result.scores) == set(study.beside.scores) == settings
    assert set(study.naive.scores) == {each for each in settings if each[0] == "trained"}
    assert set(study.unknown) == {
        (space, measure, n) for space in pool.spaces for measure in STRANGENESS for n in (1, 3)
    }
    assert {shots: len(each.accuracy) for shots, each in study.supports.items()} == {1: 8, 3: 8}
    assert study.notes == ()
    done = {what: calls[-1] for what, calls in watched if calls}
    assert [what for what, _ in watched] == [
        "episodes", "episodes, other queries", "episodes, naive", "unknown", "supports of 1", "supports of 3"
    ]  # fmt: skip
    assert done == {what: (total, total) for what, (_, total) in done.items()}
    assert len(done) == 5


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, {"unknown", "supports"}),
        ({"n_way": 3}, {"unknown", "supports"}),
        ({"n_way": 2}, set()),
        ({"unknown": False}, {"supports"}),
        ({"supports": 0}, {"unknown"}),
        ({"leakage_gap": True, "n_way": 2}, {"naive"}),
        ({"heads": ("knn", "bd-cspn"), "n_way": 2}, {"beside"}),
        ({"support_from": ("left",)}, set()),
        ({"query_from": ("left", "right")}, set()),
    ],
)
def test_a_part_is_there_where_it_was_asked_for_and_can_be(pool, changed, found):
    study = study_of(pool, shots=(1,), bootstrap=0, **changed)
    assert parts(study) == found
    assert study.leakage() == {} or "naive" in found


def test_two_classes_leave_no_class_to_be_unknown():
    study = study_of(pool_of({"a": 20, "c": 20}), shots=(1,))
    assert parts(study) == {"supports"}


@pytest.mark.parametrize(("asked", "beside"), [("balanced", "dirichlet"), ("natural", "balanced")])
def test_transductive_heads_are_asked_twice(pool, asked, beside):
    study = study_of(pool, heads=("prototype", "bd-cspn"), prevalence=asked, shots=(3,), supports=0, unknown=False)
    assert study.plan.other_prevalence == beside
    for result, prevalence in ((study.result, asked), (study.beside, beside)):
        expected = EpisodeSampler(None, 3, 4, 40, prevalence=prevalence).sample(pool.frame["class"], pool.frame["case"])
        np.testing.assert_array_equal(result.episodes[3].query, expected.query)
        same = np.bincount(result.episodes[3].query_label[0]).tolist() == [4, 4, 4]
        assert same == (prevalence == "balanced")
        assert result.estimate("trained", "bd-cspn", 3, "accuracy").patient is not None


def test_support_from_one_source_and_queries_from_another(pool):
    source = pool.frame["source"].to_numpy()
    study = study_of(pool, support_from=("left",), query_from=("right",), leakage_gap=True)
    for result in (study.result, study.naive):
        for episodes in result.episodes.values():
            assert set(source[episodes.support].ravel()) == {"left"}
            assert set(source[episodes.query].ravel()) == {"right"}
    half = study_of(pool, query_from=("right",), shots=(1,)).result.episodes[1]
    assert set(source[half.support].ravel()) == {"left", "right"}
    assert set(source[half.query].ravel()) == {"right"}


def test_a_source_that_is_not_there_is_refused(pool):
    with pytest.raises(ArgumentError, match="support_from: wanted sources among left, right; got middle, top"):
        study_of(pool, support_from=("left", "top", "middle"))
    with pytest.raises(ArgumentError, match="query_from: wanted sources among left, right; got Left"):
        study_of(pool, query_from=("Left",))


def test_films_of_one_patient_on_both_sides_flatter():
    settings = {"heads": ("knn", "prototype"), "leakage_gap": True, "episodes": 150, "bootstrap": 0, "unknown": False}
    twins = pool_of({"a": 6, "b": 6, "c": 6}, films_each=8, apart=0, twins=True)
    study = study_of(twins, **settings)
    gaps = study.leakage()
    assert set(gaps) == {(head, shots) for head in ("knn", "prototype") for shots in (1, 3)}
    for (head, shots), gap in gaps.items():
        assert 0 < gap.low < gap.mean < gap.high
        assert gap.mean > 0.05 * shots
        sides = [each.scores["trained", head, shots].values["accuracy"] for each in (study.naive, study.result)]
        by_scipy = ttest_ind(*sides, equal_var=False).confidence_interval()
        assert gap.mean == pytest.approx(sides[0].mean() - sides[1].mean())
        np.testing.assert_allclose(gap[1:], [by_scipy.low, by_scipy.high], atol=0.02 * (gap.high - gap.low))
    cases = twins.frame["case"].to_numpy()
    shared = [
        bool(set(cases[support]) & set(cases[query]))
        for support, query in zip(study.naive.episodes[3].support, study.naive.episodes[3].query, strict=True)
    ]
    assert np.mean(shared) > 0.9
    alone = study_of(pool_of({"a": 30, "b": 30, "c": 30}, films_each=1), **settings)
    assert all(abs(gap.mean) < 0.05 for gap in alone.leakage().values())


def test_the_extremes_are_the_best_and_the_worst(pool):
    study = study_of(pool, supports=0, unknown=False)
    accuracy = study.result.scores[Setting("trained", "prototype", 3)].values["accuracy"]
    best, worst = study.extremes(3)
    assert (len(best), len(worst)) == (EXTREMES, EXTREMES)
    assert accuracy[best].tolist() == sorted(accuracy)[::-1][:EXTREMES]
    assert accuracy[worst].tolist() == sorted(accuracy)[:EXTREMES]
    assert not set(best) & set(worst)


def test_replayed_episodes_are_answered_again(pool):
    drawn = EpisodeSampler(None, 3, 4, 30, seed=9).sample(pool.frame["class"], pool.frame["case"])
    study = study_of(pool, replay={3: drawn}, supports=0, unknown=False, leakage_gap=True, heads=("prototype", "tim"))
    np.testing.assert_array_equal(study.result.episodes[3].query, drawn.query)
    assert len(study.result.episodes[1]) == 40
    assert study.naive is None and study.beside is None  # their episodes would be others
    assert study.notes[-1].startswith("other queries and the leakage gap are left out")


def test_a_head_that_is_handed_over_answers_the_first_episodes(pool):
    study = study_of(pool, tuned=build_head("prototype", (3, 3, 3)), fine_tune=7, supports=0, unknown=False)
    assert set(study.fine_tuned.scores) == {
        ("trained", head, shots) for head in ("prototype", "logistic", FINE_TUNE) for shots in (1, 3)
    }
    for shots in (1, 3):
        values = study.fine_tuned.scores["trained", FINE_TUNE, shots].values["accuracy"]
        np.testing.assert_array_equal(values, study.result.scores["trained", "prototype", shots].values["accuracy"][:7])
        assert study.fine_tuned.estimate("trained", FINE_TUNE, shots, "accuracy").patient is None


def test_other_shots_for_some_classes_hold_for_every_part():
    pool = pool_of({"a": 40, "b": 40, "c": 8}, films_each=1)
    study = study_of(pool, shots=(9,), shots_of={"c": 2}, heads=("prototype", "bd-cspn"), leakage_gap=True)
    assert parts(study) == {"beside", "naive", "unknown", "supports"}
    for result in (study.result, study.beside, study.naive):
        assert result.episodes[9].shots == (9, 9, 2)
    assert np.bincount(study.supports[9].label).tolist() == [9, 9, 2]
    with pytest.raises(EpisodeError, match="class 'c': 9 shots of 9 different patients wanted"):
        study_of(pool, shots=(9,))


@pytest.mark.parametrize(
    ("counts", "changed", "left_out"),
    [
        ({"a": 40, "b": 40, "c": 6}, {"prevalence": "natural"}, "unknown: class 'c': 4 query films wanted"),
        (
            {"a": 40, "b": 40, "c": 3},
            {"prevalence": "natural", "positive": "a"},
            "3 shots, supports: class 'c': 1 query films wanted",
        ),
        (
            {"a": 40, "b": 40, "c": 6},
            {"prevalence": "natural", "heads": ("bd-cspn",)},
            "other queries: class 'c': 4 query",
        ),
        ({"a": 7, "b": 7, "c": 7}, {"heads": ("bd-cspn",), "episodes": 600}, "other queries: class"),
    ],
)
def test_what_the_pool_does_not_allow_is_left_out_and_said(counts, changed, left_out):
    study = study_of(pool_of(counts, films_each=1), shots=(3,), bootstrap=0, **changed)
    assert study.result.scores
    assert any(note.startswith(left_out) for note in study.notes)
    absent = {"unknown": study.unknown, "other queries": study.beside}.get(left_out.split(":")[0], study.supports)
    assert not absent
