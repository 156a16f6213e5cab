"""The configs are settings of pretrain; every row is trained on its folds, or taken as it is found."""

import dataclasses
import json
import tomllib

import pandas as pd
import pytest

from embedlearn.encoders.runs import CONFIG, FORMAT, Run
from embedlearn.errors import MismatchError
from embedlearn.files import write_json
from embedlearn.flags import as_plain
from embedlearn.pretrain import Pretrain, settings_from
from embedlearn.radiographs.manifest import Manifest
from experiments.transfer import trainings
from experiments.transfer.trainings import CONFIGS, DEFAULT, plan_trainings, rows_there_are

ROWS = rows_there_are()


@pytest.fixture
def tables(tmp_path):
    return {fold: tmp_path / f"fold-{fold}.csv" for fold in ("1", "2", "3")}


@pytest.fixture
def training(tables, tmp_path):
    (found,) = plan_trainings(tables, tmp_path / "runs", repeats={"memory": 1}, epochs=None, seed=0)
    return found


def read(row):
    return settings_from(tomllib.loads((CONFIGS / f"{row}.toml").read_text(encoding="utf-8")))


# Configs.


@pytest.mark.parametrize("row", ROWS)
def test_every_config_is_a_setting_of_pretrain_unlike_the_others(row):
    assert isinstance(read(row), Pretrain)
    assert [other for other in ROWS if read(other) == read(row)] == [row]


def test_the_default_is_pretrains_own_and_stands_first():
    assert [DEFAULT, *sorted(set(ROWS) - {DEFAULT})] == ROWS
    assert {f"{row}.toml" for row in ROWS} == {path.name for path in CONFIGS.iterdir() if path.suffix == ".toml"}
    assert read(DEFAULT) == Pretrain()


# Plans.


def test_every_row_is_planned_on_its_first_folds_with_a_seed_a_fold(tables, tmp_path):
    repeats = {row: 3 if row == DEFAULT else 1 for row in ROWS}
    planned = plan_trainings(tables, tmp_path / "runs", repeats=repeats, epochs=None, seed=7)
    assert [(each.row, each.fold) for each in planned[:3]] == [(DEFAULT, fold) for fold in tables]
    assert [(each.row, each.fold) for each in planned[3:]] == [(row, "1") for row in ROWS[1:]]
    for each in planned:
        assert each.folder == tmp_path / "runs" / f"{each.row}-{each.fold}"
        assert each.settings == dataclasses.replace(
            read(each.row), name=each.folder.name, runs=tmp_path / "runs", data=(str(tables[each.fold]),),
            seed=7 + list(tables).index(each.fold),
        )  # fmt: skip


def test_epochs_that_are_named_replace_those_of_every_row_and_nothing_else(tables, tmp_path):
    long, short = (
        plan_trainings(tables, tmp_path, repeats=dict.fromkeys(ROWS, 1), epochs=epochs, seed=0) for epochs in (None, 2)
    )
    for one, other in zip(long, short, strict=True):
        assert other.settings.schedule == dataclasses.replace(one.settings.schedule, epochs=2)
        assert dataclasses.replace(other.settings, schedule=one.settings.schedule) == one.settings


# A training is begun, gone on with, or taken as it is.


def leave_run(training, settings, **more):
    """What an earlier call left behind: its settings, and its result where it was finished."""
    write_json(training.folder / CONFIG, {"format": FORMAT, "settings": as_plain(settings), **more})


@pytest.fixture
def calls(monkeypatch):
    """The folders that were trained in, and whether as a resumption; a training ends at once, with a score of 0.75."""
    calls = []

    def train_run(settings, folder, *, resume):
        calls.append((folder, resume))
        print(f"training {folder.name}")  # noqa: T201
        plain = {"format": FORMAT, "settings": as_plain(settings), "result": {"kept": {"val_knn": 0.75}}}
        write_json(folder / CONFIG, plain)

    monkeypatch.setattr(trainings, "train_run", train_run)
    return calls


def test_a_new_training_says_its_words_into_a_log_beside_it(training, calls, capsys):
    assert trainings._train(training) == 0.75
    assert calls == [(training.folder, False)]
    assert capsys.readouterr() == ("", "")
    assert (training.settings.runs / "memory-1.log").read_text(encoding="utf-8") == "training memory-1\n"


def test_a_training_that_was_begun_is_gone_on_with(training, calls):
    leave_run(training, training.settings)
    log = training.settings.runs / "memory-1.log"
    log.write_text("begun\n", encoding="utf-8")
    assert trainings._train(training) == 0.75
    assert calls == [(training.folder, True)]
    assert log.read_text(encoding="utf-8") == "begun\ntraining memory-1\n"


@pytest.mark.parametrize("row", ROWS)
def test_a_finished_training_of_the_same_settings_is_taken_as_it_is(tables, tmp_path, calls, row):
    (training,) = plan_trainings(tables, tmp_path / "runs", repeats={row: 1}, epochs=None, seed=0)
    leave_run(training, training.settings, result={"kept": {"val_knn": 0.5}})
    before = (training.folder / CONFIG).read_bytes()
    assert trainings._train(training) == 0.5
    assert calls == [] and (training.folder / CONFIG).read_bytes() == before


@pytest.mark.parametrize("result", [{}, {"result": {"kept": {"val_knn": 0.5}}}], ids=["begun", "finished"])
def test_a_run_of_other_settings_is_refused_and_left_alone(training, calls, result):
    schedule = dataclasses.replace(training.settings.schedule, epochs=3)
    leave_run(training, dataclasses.replace(training.settings, schedule=schedule), **result)
    with pytest.raises(MismatchError, match="memory-1: a run of other settings is there; remove it, or .* --runs"):
        trainings._train(training)
    assert calls == []
    stored = json.loads((training.folder / CONFIG).read_text(encoding="utf-8"))
    assert stored["settings"]["schedule"]["epochs"] == 3


# A finished training is opened where it was trained on the fold as it is.


@pytest.fixture
def opened(training, monkeypatch):
    """Opens a finished run whose films have the splits `then`, by number, where the table has `now`."""

    def opened(then, now):
        frames = [
            pd.DataFrame({"path": [f"/films/{film}.png" for film in films], "split": list(films.values())})
            for films in (then, now)
        ]
        frames[1].assign(label="healthy").to_csv(training.settings.data[0], index=False)
        run = Run(training.folder, {})
        monkeypatch.setattr(Run, "manifest", lambda self: Manifest(frames[0]))
        monkeypatch.setattr(trainings, "open_run", lambda folder: run if folder == training.folder else None)
        return trainings._open(training) is run

    return opened


def test_a_training_on_the_films_of_its_fold_is_opened_in_whatever_order_they_stand(opened):
    assert opened({1: "train", 2: "val", 3: "test"}, {3: "test", 2: "val", 1: "train"})


@pytest.mark.parametrize(
    "now",
    [{1: "train", 2: "val", 3: "train"}, {1: "train", 2: "val"}, {1: "train", 2: "val", 3: "test", 4: "test"}],
    ids=["other split", "one film fewer", "one film more"],
)
def test_a_training_on_other_films_is_refused(opened, now):
    with pytest.raises(MismatchError, match="memory-1: it was trained on other films; remove it, or .* --runs"):
        opened({1: "train", 2: "val", 3: "test"}, now)
