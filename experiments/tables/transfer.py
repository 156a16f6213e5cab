"""What transfers to a class that no encoder has seen: the tables of `experiments.transfer`."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from embedlearn.pages.numbers import number
from experiments.tables.markdown import interval, score, table
from experiments.tables.store import Store
from experiments.transfer.report import SHOWN, UNTRAINED
from experiments.transfer.trainings import DEFAULT

FILE = "transfer.csv"
KNOWN = "5-NN, known classes"
SUMMARY = ("W: mean", "X: all sources", "X: mean", "B: bacterial or viral")  # what configs are compared by


def default(store: Store) -> str:
    """Accuracy at five shots by task: the default, the untrained network and the probes; and the default's lift."""
    found = _shown(store.frame(FILE))
    tasks = [task for task in found["task"].unique() if not task.endswith(": mean")]
    rows = list(found["row"].unique())
    lines = [["", *tasks, KNOWN]]
    for row in rows[: rows.index(DEFAULT) + 1]:
        cells = [score(line["accuracy"], line["low"], line["high"]) for line in _lines(found, row, tasks)]
        lines.append([row, *cells, _known(found, row)])
    lifts = [
        f"**{number(line['lift'], signed=True)}** {interval(line['lift_low'], line['lift_high'], signed=True)}"
        for line in _lines(found, DEFAULT, tasks)
    ]
    return table([*lines, [f"lift of the {DEFAULT}", *lifts, ""]])


def by_shots(store: Store) -> str:
    """Accuracy of the default by task and number of shots, the untrained network's in brackets."""
    found = store.frame(FILE)
    tasks = [task for task in found["task"].unique() if not task.endswith(": mean")]
    places = found.set_index(["row", "task", "shots"])["accuracy"].to_dict()
    lines = [["shots", *tasks]]
    for shots in found["shots"].unique():
        pairs = [[places.get((row, task, shots)) for row in (DEFAULT, UNTRAINED)] for task in tasks]
        cells = ["–" if mine is None else f"{number(mine)} ({number(theirs)})" for mine, theirs in pairs]
        lines.append([str(shots), *cells])
    return table(lines)


def configs(store: Store) -> str:
    """The lead of every other config over the default, at five shots on the folds of both."""
    found = _shown(store.frame(FILE))
    rows = list(found["row"].unique())
    tasks = [task for task in SUMMARY if (found["task"] == task).any()]
    lines = [["config", *tasks, KNOWN]]
    for row in rows[rows.index(DEFAULT) + 1 :]:
        leads = [[line[key] for key in ("lead", "lead_low", "lead_high")] for line in _lines(found, row, tasks)]
        lines.append([row, *(score(*ends, signed=True) for ends in leads), _known(found, row)])
    return table(lines)


def _shown(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["shots"] == SHOWN]


def _lines(frame: pd.DataFrame, row: str, tasks: list[str]) -> list[dict[Hashable, Any]]:
    """A row's line of each task."""
    mine = {line["task"]: line for line in frame[frame["row"] == row].to_dict("records")}
    return [mine[task] for task in tasks]


def _known(frame: pd.DataFrame, row: str) -> str:
    return number(float(frame.loc[frame["row"] == row, "known"].iloc[0]))
