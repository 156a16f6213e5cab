"""The experiments run from end to end, and their pictures are drawn."""

import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from experiments import overview
from experiments.transfer import __main__ as transfer
from experiments.transfer.report import UNTRAINED
from experiments.transfer.trainings import rows_there_are


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
def test_the_transfer_experiment_runs_on_phantoms_and_takes_up_what_is_there(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    settings, runs = transfer.Transfer(quick=True, runs=tmp_path / "runs"), tmp_path / "runs" / "quick"
    transfer._run(settings)
    first = (runs / "transfer.csv").read_bytes()
    table = pd.read_csv(runs / "transfer.csv")
    assert set(table["row"]) == {transfer.HEADER, transfer.BORDER, UNTRAINED, *rows_there_are()}
    assert set(table["trainings"]) == {1}
    assert {"X: all sources", "X: mean", "B: bacterial or viral"} <= set(table["task"][table["shots"] == 5])
    assert table["accuracy"].between(0, 1).all() and (table["low"] <= table["high"]).all()
    assert (table["lift"][table["row"] == UNTRAINED] == 0).all()
    with Image.open(runs / "transfer.png") as drawn:
        assert np.asarray(drawn.convert("L")).std() > 10
    weights = {path: path.stat().st_mtime_ns for path in runs.glob("*/encoder.safetensors")}
    assert {path.parent.name for path in weights} == {f"{row}-1" for row in rows_there_are()}
    said, choice = capfd.readouterr().out, pd.read_csv(runs / "choice.csv")
    assert f"wrote {runs / 'transfer.csv'}, {runs / 'transfer.md'} and {runs / 'transfer.png'}" in said
    assert set(choice["row"]) == set(table["row"]) and list(choice) == list(table)
    page = (runs / "transfer.md").read_text(encoding="utf-8").splitlines()
    assert [line.split(" | ")[0] for line in page[2:]] == [f"| {row}" for row in dict.fromkeys(table["row"])]
    transfer._run(settings)
    assert (runs / "transfer.csv").read_bytes() == first
    assert all(path.stat().st_mtime_ns == written for path, written in weights.items())


@pytest.mark.slow
def test_the_benchmark_of_training_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "experiments.benchmarks.training", "--quick", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len({each["metric"] for each in found}) == len(found) >= 9
    for each in found:
        assert list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
        assert each["metric"] and each["peer_name"] and each["n"] == 2
        assert all(each[side] > 0 and math.isfinite(each[side]) for side in ("ours", "peer", "ratio"))
