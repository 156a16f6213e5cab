"""The table holds means over folds and lifts that are paired by fold, and its picture is drawn."""

import numpy as np
import pytest
from PIL import Image

from experiments.transfer.report import UNTRAINED, draw_table, print_table, tabulate
from experiments.transfer.scores import Answers

ROWS = ["border probe", UNTRAINED, "default", "other"]
FOLDS = {"border probe": "123", UNTRAINED: "123", "default": "123", "other": "2"}
TASKS = ("W: within a", "W: within b", "X: all sources", "X: a to b", "X: b to a", "B: bacterial or viral")


def made_up(task, shots, seed):
    """Answers of whatever numbers; the replicates of `default` lie 0.1 above the untrained network's in each fold."""
    rng = np.random.default_rng(seed)
    keys = [(row, fold) for row in ROWS for fold in FOLDS[row]]
    replicates = {key: rng.uniform(0.3, 0.6, 40) for key in keys}
    for fold in FOLDS["default"]:
        replicates["default", fold] = replicates[UNTRAINED, fold] + 0.1
    return Answers(task, shots, {key: float(rng.uniform(0.3, 0.9)) for key in keys}, replicates)


@pytest.fixture
def answers():
    return [made_up(task, shots, 10 * number + shots) for number, task in enumerate(TASKS) for shots in (1, 5)]


@pytest.fixture
def table(answers):
    return tabulate(answers, ROWS)


def line(table, task, shots, row):
    found = table[(table["task"] == task) & (table["shots"] == shots) & (table["row"] == row)]
    assert len(found) == 1
    return found.iloc[0]


def test_there_is_a_line_for_each_task_shots_and_row(table):
    wanted = {(task, shots, row) for task in (*TASKS, "W: mean", "X: mean") for shots in (1, 5) for row in ROWS}
    assert len(table) == len(wanted)
    assert set(zip(table["task"], table["shots"], table["row"], strict=True)) == wanted


def test_an_accuracy_is_the_mean_over_the_rows_own_folds_and_its_interval_that_of_the_mean(answers, table):
    for each in answers:
        for row in ROWS:
            found = line(table, each.task, each.shots, row)
            assert found["trainings"] == len(FOLDS[row])
            assert found["accuracy"] == pytest.approx(np.mean([each.means[row, fold] for fold in FOLDS[row]]))
            drawn = sum(each.replicates[row, fold] for fold in FOLDS[row]) / len(FOLDS[row])
            assert [found["low"], found["high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))


def test_a_lift_is_over_the_untrained_network_in_the_same_folds(answers, table):
    for each in answers:
        only = line(table, each.task, each.shots, "other")
        assert only["lift"] == pytest.approx(each.means["other", "2"] - each.means[UNTRAINED, "2"])
        same = line(table, each.task, each.shots, UNTRAINED)
        assert only["lift"] != pytest.approx(only["accuracy"] - same["accuracy"])
        assert same[["lift", "lift_low", "lift_high"]].tolist() == [0, 0, 0]


def test_the_interval_of_a_lift_is_paired_by_replicate(table):
    lines = table[table["row"] == "default"]
    assert lines["lift_low"].to_numpy() == pytest.approx(0.1)
    assert lines["lift_high"].to_numpy() == pytest.approx(0.1)
    assert (lines["high"] - lines["low"] > 0.02).all()


@pytest.mark.parametrize("kind", ["W", "X"])
def test_the_mean_of_a_kind_is_the_mean_of_its_members(answers, table, kind):
    members = [task for task in TASKS if task.startswith(kind)]
    for shots in (1, 5):
        for row in ROWS:
            found = line(table, f"{kind}: mean", shots, row)
            for column in ("accuracy", "lift"):
                wanted = np.mean([line(table, task, shots, row)[column] for task in members])
                assert found[column] == pytest.approx(wanted)
            drawn = [
                each.replicates[row, fold]
                for each in answers if each.task in members and each.shots == shots
                for fold in FOLDS[row]
            ]  # fmt: skip
            assert [found["low"], found["high"]] == pytest.approx(np.quantile(np.mean(drawn, axis=0), [0.025, 0.975]))


def test_a_mean_is_of_all_members_or_of_none(answers):
    some = [each for each in answers if (each.task, each.shots) != ("W: within b", 5)]
    table = tabulate(some, ROWS)
    assert set(table["shots"][table["task"] == "W: mean"]) == {1}
    assert set(table["shots"][table["task"] == "X: mean"]) == {1, 5}
    alone = tabulate([each for each in answers if each.task in ("W: within a", "B: bacterial or viral")], ROWS)
    assert set(alone["task"]) == {"W: within a", "B: bacterial or viral"}


def test_the_picture_has_a_panel_a_task_and_is_not_blank(table, tmp_path):
    sizes = []
    for tasks in (("X: mean",), ("W: mean", "X: mean", "B: bacterial or viral")):
        path = tmp_path / f"{len(tasks)}.png"
        draw_table(path, table[table["task"].isin(tasks)])
        with Image.open(path) as drawn:
            pixels = np.asarray(drawn.convert("RGB")).astype(int)
            sizes.append(drawn.size)
        assert pixels.std() > 20
        blue = (pixels == (0x00, 0x72, 0xB2)).all(2).sum()  # the trained rows
        assert blue > 100 * len(tasks)
    assert sizes[1][0] > sizes[0][0] and sizes[1][1] == sizes[0][1]


def test_the_reader_is_told_five_shots_and_the_known_classes(table, capsys):
    print_table(table, {"default": 0.912, "other": 0.877})
    drawn = [row.strip("│").split("│") for row in capsys.readouterr().out.splitlines() if row.startswith("│")]
    cells = {words[0].strip(): [word.strip() for word in words[1:]] for words in drawn}
    assert list(cells) == ROWS
    assert [cells[row][0] for row in ROWS] == ["3", "3", "3", "1"]
    assert [cells[row][-1] for row in ("default", "other")] == ["0.912", "0.877"]
    assert cells[UNTRAINED][-1] == ""
    found = line(table, TASKS[0], 5, "other")
    assert cells["other"][1] == f"{found['accuracy']:.3f} [{found['low']:.3f} {found['high']:.3f}]"
