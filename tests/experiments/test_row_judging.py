"""The figures of a row, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from embedlearn.episodes.calibration import reliability, tempered
from experiments.systems.judging import Answers, as_scores, judge_answers, mean_with_interval, mended


@pytest.fixture(scope="module")
def answers():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    scores = rng.normal(size=(300, 3)) + 1.5 * np.eye(3)[labels]
    return Answers(scores, labels, np.arange(300) // 2, ("a", "b", "c"))


def test_figures_are_those_of_scikit_learn(answers):
    found = judge_answers(answers, {})
    said = answers.scores.argmax(1)
    assert found["accuracy"].value == pytest.approx(accuracy_score(answers.labels, said))
    assert found["macro F1"].value == pytest.approx(f1_score(answers.labels, said, average="macro"))
    assert found["F1 b"].value == pytest.approx(f1_score(answers.labels, said, average=None)[1])
    proba = tempered(answers.scores, 1.0)
    for code, name in enumerate(answers.classes):
        assert found[f"AUC {name}"].value == pytest.approx(roc_auc_score(answers.labels == code, proba[:, code]))
    wanted = np.mean([found[f"AUC {name}"].value for name in answers.classes])
    assert found["mean AUC"].value == pytest.approx(wanted)
    assert found["calibration error"].value == pytest.approx(reliability(proba, answers.labels).ece)
    for name, estimate in found.items():
        assert np.isnan(estimate.low) if "calibration" in name else estimate.low < estimate.value < estimate.high


def test_of_two_classes_the_first_is_told():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 100)
    scores = rng.normal(size=(100, 2)) + np.eye(2)[labels]
    found = judge_answers(Answers(scores, labels, np.arange(100), ("x", "y")), {})
    assert {"AUC x", "F1 x"} <= set(found)
    assert not {"AUC y", "F1 y", "mean AUC"} & set(found)


def test_a_lead_is_paired(answers):
    rng = np.random.default_rng(2)
    worse = Answers(
        np.where(rng.random((300, 1)) < 0.1, -answers.scores, answers.scores), answers.labels, answers.cases, "abc"
    )
    found = judge_answers(answers, {"worse": worse}, calibrated=False)
    lead = found["accuracy less worse"]
    assert lead.value == pytest.approx(answers.right.mean() - worse.right.mean())
    alone = judge_answers(worse, {}, calibrated=False)["accuracy"]
    assert lead.high - lead.low < alone.high - alone.low  # the films' own luck cancels
    same = judge_answers(answers, {"itself": answers}, calibrated=False)["accuracy less itself"]
    assert same == (0, 0, 0)


def test_too_bold_scores_are_mended(answers):
    bold = Answers(5 * answers.scores, answers.labels, answers.cases, answers.classes)
    before = reliability(tempered(bold.scores, 1.0), bold.labels).ece
    assert reliability(mended(bold), bold.labels).ece < before / 2
    assert (mended(bold).argmax(1) == bold.scores.argmax(1)).all()


def test_only_films_of_one_training_are_ranked_against_each_other():
    rng = np.random.default_rng(3)
    labels, folds = rng.integers(0, 2, 200), np.repeat([0, 1], 100)
    scores = rng.normal(size=(200, 2)) + np.eye(2)[labels]
    moved = scores + np.where(folds[:, None] == 1, [[5.0, 0.0]], 0.0)  # another training's answers lie elsewhere
    cases = np.arange(200)
    plain, shifted = (
        judge_answers(Answers(each, labels, cases, ("x", "y"), folds), {}, calibrated=False)["AUC x"].value
        for each in (scores, moved)
    )
    margin = scores[:, 0] - scores[:, 1]
    won = [(margin[(folds == fold) & (labels == 0), None] > margin[(folds == fold) & (labels == 1)]) for fold in (0, 1)]
    wanted = sum(each.sum() for each in won) / sum(each.size for each in won)
    assert plain == pytest.approx(wanted)
    assert shifted == pytest.approx(wanted)


def test_confusion_counts_every_film(answers):
    assert answers.confusion.sum() == 300
    assert answers.confusion.trace() == answers.right.sum()


def test_unknown_values_are_left_out():
    values = np.array([1.0, np.nan, 3.0, 2.0])
    assert mean_with_interval(values, np.arange(4)).value == 2


def test_scores_name_their_films_and_cases(answers):
    lines = list(as_scores(judge_answers(answers, {}), answers, task="t", protocol="p", model="m"))
    assert {(line.task, line.protocol, line.model, line.films, line.cases) for line in lines} == {
        ("t", "p", "m", 300, 150)
    }
