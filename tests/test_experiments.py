"""The experiments' settings load, their tasks are what they say, and their pictures are drawn."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from embedlearn.pretrain import Pretrain, settings_from
from experiments import overview
from experiments.objectives import __main__ as objectives

CONFIGS = sorted(Path(objectives.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_objective_is_a_setting_of_pretrain(path):
    settings = settings_from(tomllib.loads(path.read_text(encoding="utf-8")))
    named = {"loss": settings.objective.loss, "instance": settings.objective.instance}
    assert named["loss"].split("-")[0] in path.stem or named == {"loss": "none", "instance": 1.0}
    assert ("instance" in path.stem) == bool(settings.objective.instance)


def test_one_of_the_objectives_is_the_default():
    settings = [settings_from(tomllib.loads(path.read_text(encoding="utf-8"))) for path in CONFIGS]
    assert Pretrain() in settings


def test_tasks_hold_the_films_they_name():
    labels = ["healthy", "pneumonia/viral", "pneumonia/bacterial", "covid-19", "healthy", "pneumonia", "tuberculosis"]
    frame = pd.DataFrame({"label": labels, "source": list("aaaabba")})
    tasks = {name: (films, classes[films]) for name, films, classes in objectives._tasks(frame)}
    assert list(tasks) == ["pooled", "within a", "bacterial vs viral"]
    assert tasks["pooled"][0].tolist() == [True] * 6 + [False]
    assert tasks["within a"][1].tolist() == ["healthy", "pneumonia", "pneumonia", "covid-19"]
    assert tasks["bacterial vs viral"][1].tolist() == ["pneumonia/viral", "pneumonia/bacterial"]


def test_the_overview_is_drawn_from_a_report(tmp_path):
    (tmp_path / "fewshot").mkdir()
    rows = [
        {"space": space, "head": "prototype", "shots": shots, "metric": "accuracy", "mean": 0.5, "patient_low": 0.4,
         "patient_high": 0.6}
        for space in overview.SPACES for shots in (1, 5)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "fewshot" / "table.csv", index=False)
    overview._draw(overview.Overview(run=tmp_path, out=tmp_path / "overview.png"))
    with Image.open(tmp_path / "overview.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 20


@pytest.mark.slow
def test_the_objectives_run_on_phantoms(tmp_path, monkeypatch):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    objectives._compare(objectives.Objectives(quick=True, runs=tmp_path / "runs"))
    table = pd.read_csv(tmp_path / "runs" / "objectives.csv")
    assert set(table["objective"]) == {"header probe", "border probe", "untrained", *(path.stem for path in CONFIGS)}
    assert table["accuracy"].between(0, 1).all()
