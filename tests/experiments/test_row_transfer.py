"""The transfer study: what is told of a run's findings, what is missing, and a quick run with its figures."""

import math

import pandas as pd
import pytest

from embedlearn.encoders.runs import Run
from embedlearn.radiographs.manifest import Manifest
from experiments.systems.layouts import plant
from experiments.systems.results import Missing, Score
from experiments.systems.row import load_row
from experiments.systems.running import quickened
from experiments.systems.trainings import named_trainings
from experiments.systems.transfer import FIFTEEN, FINDINGS, finding_scores, transfer_scores

ROW = load_row("transfer-study")
TABLE = """\
finding,scores,auc,low,high,films,showing,cases
edema,trained head,0.8,0.7,0.9,50,10,8
fibrosis,trained head,,,,50,0,0
hernia,trained head,0.9,,,50,1,1
mean,trained head,0.85,0.75,0.95,50,11,9
mean,header probe,0.6,0.5,0.7,50,11,9
"""


def test_a_runs_table_of_findings_becomes_scores(tmp_path, monkeypatch):
    (tmp_path / "findings.csv").write_text(TABLE)
    frame = pd.DataFrame({"split": ["train", "test", "test", "test"], "case": [0, 1, 1, 2]})
    monkeypatch.setattr(Run, "manifest", lambda _: Manifest(frame))
    scores = list(finding_scores(Run(tmp_path, {}), FINDINGS, "DenseNet121"))
    told = {(each.model, each.metric): each for each in scores}
    assert list(told) == [
        ("DenseNet121", "AUC edema"), ("DenseNet121", "AUC hernia"), ("DenseNet121", "mean AUC"),
        ("header probe", "mean AUC"),
    ]  # fmt: skip
    mean = told["DenseNet121", "mean AUC"]
    assert (mean.value, mean.low, mean.high, mean.films, mean.cases) == (0.85, 0.75, 0.95, 50, 2)
    assert math.isnan(told["DenseNet121", "AUC hernia"].low)


def test_every_published_figure_has_a_task_that_the_row_asks():
    asked = {task.name for task in ROW.tasks} | {FINDINGS, FIFTEEN}
    assert {figure.task for figure in ROW.published} == asked
    assert {protocol.by for protocol in ROW.protocols} == {"image", "patient"}
    assert ROW.main in {model.name for model in ROW.models}


def test_the_encoders_of_findings_have_no_class_of_their_own_for_covid(tmp_path):
    first, *others = named_trainings(ROW, (), tmp_path).values()
    assert first.classes == ("covid-19", "pneumonia") and not first.multi_label
    assert all(settings.multi_label and settings.objective.loss == "bce" for settings in others)
    assert [settings.absent for settings in others] == [(), (), ("covid-19",)]


@pytest.mark.slow
def test_a_quick_run_without_chestxray14_says_what_is_missing_and_draws_the_rest(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    data = (str(plant("ieee8023", tmp_path / "ieee8023", patients=60, seed=0)),)
    told = list(transfer_scores(quickened(ROW), data, tmp_path / "runs", quick=True))
    missing = [each.what for each in told if isinstance(each, Missing)]
    assert missing == [f"{FINDINGS}, DenseNet121", f"{FINDINGS}, ResNet50", f"{FIFTEEN}, DenseNet121 on both sets"]
    scores = [each for each in told if isinstance(each, Score)]
    assert {each.protocol for each in scores} == {"by image", "by patient"}
    assert {"resdense, from scratch", "untrained", "header probe", "border probe"} <= {each.model for each in scores}
    assert len(list((tmp_path / "runs").glob("*/roc-per-epoch.png"))) == 2
    for picture in ("som.png", "maps/tsne.png", "evidence/sheet.png"):
        assert (tmp_path / "runs" / picture).stat().st_size > 10_000
