"""The table holds means over folds, lifts and leads paired by fold; it is told in words and drawn as a picture."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from experiments.transfer.report import UNTRAINED, draw_table, print_table, summarise, tabulate, write_markdown
from experiments.transfer.scores import Answers

FOLDS = {"border probe": "1234", UNTRAINED: "1234", "default": "123", "other": "2", "later": "34"}
ROWS = list(FOLDS)
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


def test_a_lead_is_over_the_default_on_the_folds_that_both_were_trained_on(answers, table):
    for each in answers:
        later, default = (line(table, each.task, each.shots, row) for row in ("later", "default"))
        assert later["lead"] == pytest.approx(each.means["later", "3"] - each.means["default", "3"])
        drawn = each.replicates["later", "3"] - each.replicates["default", "3"]
        assert [later["lead_low"], later["lead_high"]] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
        assert default[["lead", "lead_low", "lead_high"]].tolist() == [0, 0, 0]


def test_without_a_fold_in_common_there_is_no_lead(answers):
    apart = [
        Answers(
            each.task,
            each.shots,
            *(
                {key: value for key, value in part.items() if key != ("later", "3")}
                for part in (each.means, each.replicates)
            ),
        )
        for each in answers
    ]
    table = tabulate(apart, ROWS)
    later = table[table["row"] == "later"]
    assert later[["lead", "lead_low", "lead_high"]].isna().all(axis=None)
    assert later[["accuracy", "lift"]].notna().all(axis=None)


@pytest.mark.parametrize("kind", ["W", "X"])
def test_the_mean_of_a_kind_is_the_mean_of_its_members(answers, table, kind):
    members = [task for task in TASKS if task.startswith(kind)]
    for shots in (1, 5):
        for row in ROWS:
            found = line(table, f"{kind}: mean", shots, row)
            for column in ("accuracy", "lift", "lead"):
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


def test_the_summary_tells_means_and_lifts_at_five_shots_and_the_known_classes(table):
    header, *lines = summarise(table, {"default": 0.912, "other": 0.877})
    tasks = ["X: all sources", "B: bacterial or viral", "W: mean", "X: mean"]
    assert header == ["encoder", "trainings", *tasks, "5-NN, known classes"]
    assert [words[0] for words in lines] == ROWS
    assert [words[1] for words in lines] == [str(len(FOLDS[row])) for row in ROWS]
    assert [words[-1] for words in lines] == ["", "", "0.912", "0.877", ""]
    for row, words in zip(ROWS, lines, strict=True):
        for task, cell in zip(tasks, words[2:-1], strict=True):
            found = line(table, task, 5, row)
            lift = f" ({found['lift']:+.3f} [{found['lift_low']:+.3f} {found['lift_high']:+.3f}])"
            assert cell == f"{found['accuracy']:.3f}" + (lift if row != UNTRAINED else "")


SUMMARY = [["encoder", "X: mean"], ["untrained", "0.412"], ["default", "0.512 (+0.100 [+0.050 +0.150])"]]


def test_the_summary_is_written_for_a_page(tmp_path):
    write_markdown(tmp_path / "table.md", SUMMARY)
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == (
        "| encoder | X: mean |\n| --- | --- |\n| untrained | 0.412 |\n| default | 0.512 (+0.100 [+0.050 +0.150]) |\n"
    )


def test_the_summary_is_shown_with_its_brackets(capsys):
    print_table(SUMMARY)
    said = capsys.readouterr().out
    assert all(word in said for line in SUMMARY for word in line)


def test_the_summary_leaves_out_the_parts_of_a_mean_whatever_sources_are_called():
    tasks = [
        "W: within mean",
        "W: within all",
        "W: mean",
        "X: all sources",
        "X: mean to all",
        "X: mean",
        "B: bacterial or viral",
    ]
    for kept, named in (([*tasks[2:4], *tasks[5:]], tasks), (tasks[:1], tasks[:1])):
        cells = {"shots": 5, "row": UNTRAINED, "trainings": 1, "accuracy": 0.5}
        header = summarise(pd.DataFrame([{"task": task, **cells} for task in named]), {})[0]
        assert header == ["encoder", "trainings", *kept, "5-NN, known classes"]
