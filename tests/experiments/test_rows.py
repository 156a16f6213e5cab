"""The rows themselves: their files, and each of them quickly, on phantoms laid out as its data are."""

import json

import pytest

from embedlearn.errors import ArgumentError, CheckpointError
from experiments.run import main
from experiments.systems.layouts import plant
from experiments.systems.places import find_data
from experiments.systems.results import ROWS, load_result
from experiments.systems.row import FOLDER, load_row, row_names

BESIDE = {"untrained", "header probe", "border probe"}


def test_the_six_rows_are_there():
    assert row_names() == [
        "covid-x-ray", "darkcovidnet", "deepcovid19", "four-class", "three-class", "transfer-study",
    ]  # fmt: skip


@pytest.mark.parametrize("name", row_names())
def test_a_row_holds_together(name):
    row = load_row(name)
    assert row.title
    assert row.about
    assert row.cite
    tasks = {task.name for task in row.tasks}
    for model in row.models:
        assert set(model.tasks) <= tasks
    for task in row.tasks:
        assert row.main_of(task.name) in {model.name for model in row.models}
    assert {protocol.by for protocol in row.protocols} == ({"image", "patient"} if row.protocols else set())


def test_a_setting_that_does_not_exist_is_refused(tmp_path):
    (tmp_path / "odd.toml").write_text('title = "x"\n[[models]]\nlayers = 3\n')
    with pytest.raises(ArgumentError, match="layers: no such setting"):
        load_row("odd", tmp_path)
    with pytest.raises(ArgumentError, match="nothing: no such row; wanted one of covid-x-ray"):
        load_row("nothing")
    assert FOLDER.is_dir()


def test_data_of_another_layout_are_refused(tmp_path):
    planted = plant("sandrofab", tmp_path / "films", patients=8, seed=0)
    with pytest.raises(ArgumentError, match="wanted darkcovidnet, got the layout sandrofab"):
        find_data(load_row("darkcovidnet"), [str(planted)])
    assert find_data(load_row("covid-x-ray"), [str(planted)]) == (str(planted),)


@pytest.mark.parametrize("name", row_names())
def test_a_row_runs_quickly_on_phantoms(name, tmp_path, capsys):
    main([name, "--quick", "--runs", str(tmp_path)])
    path = tmp_path / "quick" / name / f"{name}.json"
    result = load_result(path)
    assert result.quick
    assert result.made["films"] > 50
    assert {"accuracy"} <= {score.metric for score in result.scores}
    assert {score.model for score in result.scores} >= BESIDE
    assert {score.shots for score in result.scores} & {1, 5} or name == "transfer-study"
    for score in result.scores:
        if score.metric == "accuracy" and score.shots is None:
            assert score.low <= score.value <= score.high
    assert str(tmp_path) not in path.read_text()
    assert "next: python -m experiments.tables" in capsys.readouterr().out


def test_without_its_data_a_row_says_so_and_writes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("experiments.systems.places.SHARED", tmp_path / "nowhere")
    main(["three-class", "--runs", str(tmp_path), "--out", str(tmp_path / "out")])
    assert "name your copy of radiography with --data" in capsys.readouterr().out
    assert not (tmp_path / "out" / "three-class.json").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["darkcovidnet", "--quick", "--data", "x"], "--quick runs on phantoms"),
        (["darkcovidnet", "--quick", "--out", str(ROWS)], "holds the results of full runs"),
        (["all", "--data", "x"], "is for one row"),
        (["nothing"], "no such row"),
    ],
)
def test_flags_that_do_not_go_together(flags, words, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*flags, "--runs", str(tmp_path)])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_some_of_several_sets_are_not_enough(tmp_path):
    planted = plant("kermany", tmp_path / "films", patients=8, seed=0)
    with pytest.raises(ArgumentError, match="wants sandrofab, or kermany and ieee8023, got kermany"):
        find_data(load_row("deepcovid19"), [str(planted)])


def test_a_damaged_result_is_named(tmp_path):
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"format": "else"}))
    with pytest.raises(CheckpointError, match="no result of a row"):
        load_result(path)
