"""The table of the transfer experiment: a row an encoder, with intervals, as CSV, in words and as a picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from embedlearn.episodes.intervals import bootstrap_interval
from embedlearn.figures import COLOURS, GREY, figure
from experiments.transfer.scores import Answers

UNTRAINED = "untrained"
SHOWN = 5  # shots


def tabulate(answers: Iterable[Answers], rows: list[str]) -> pd.DataFrame:
    """A line per task, shots and row: mean accuracy over the row's folds, its lift over the untrained network there.

    Intervals are the 2.5 % and 97.5 % quantiles of the mean over folds when patients are drawn again; those of a lift
    are paired, by replicate and fold. A mean over tasks of one kind stands below them as a task of its own.
    """
    return pd.DataFrame(_lines([*answers], rows))


def _lines(answers: list[Answers], rows: list[str]) -> Iterator[dict[str, object]]:
    groups = {answer.task: [answer.task] for answer in answers}
    for kind, name in (("W: within", "W: mean"), ("X: ", "X: mean")):
        members = [task for task in groups if task.startswith(kind)]
        if len(members) > 1:
            groups[name] = members
    for name, members in groups.items():
        for shots in dict.fromkeys(answer.shots for answer in answers):
            found = [answer for answer in answers if answer.task in members and answer.shots == shots]
            if len(found) == len(members):
                yield from (_line(name, shots, row, found) for row in rows)


def _line(task: str, shots: int, row: str, answers: list[Answers]) -> dict[str, object]:
    folds = [fold for name, fold in answers[0].means if name == row]
    mean = np.mean([answer.means[row, fold] for answer in answers for fold in folds])
    base = np.mean([answer.means[UNTRAINED, fold] for answer in answers for fold in folds])
    drawn = np.mean([answer.replicates[row, fold] for answer in answers for fold in folds], axis=0)
    under = np.mean([answer.replicates[UNTRAINED, fold] for answer in answers for fold in folds], axis=0)
    _, low, high = bootstrap_interval(drawn)
    _, lift_low, lift_high = bootstrap_interval(drawn - under)
    return {
        "task": task, "shots": shots, "row": row, "trainings": len(folds), "accuracy": mean, "low": low, "high": high,
        "lift": mean - base, "lift_low": lift_low, "lift_high": lift_high,
    }  # fmt: skip


def print_table(table: pd.DataFrame, known: dict[str, float]) -> None:
    """The accuracies at five shots with their intervals, and 5-NN of the known classes, for the reader."""
    shown = table[table["shots"] == SHOWN]
    tasks = list(dict.fromkeys(shown["task"]))
    drawn = Table("encoder", "n", *tasks, "5-NN, known", title=f"{SHOWN}-shot accuracy of prototypes [95 % by patient]")
    for row, lines in shown.groupby("row", sort=False):
        cells = [f"{line.accuracy:.3f} \\[{line.low:.3f} {line.high:.3f}]" for line in lines.itertuples()]
        score = f"{known[str(row)]:.3f}" if str(row) in known else ""
        drawn.add_row(str(row), str(lines["trainings"].iloc[0]), *cells, score)
    Console(width=210).print(drawn)


def draw_table(path: Path, table: pd.DataFrame) -> None:
    """A panel a task, a line a row: accuracy at five shots with its interval; untrained and probes in grey."""
    shown = table[table["shots"] == SHOWN]
    tasks, rows = list(dict.fromkeys(shown["task"])), list(dict.fromkeys(shown["row"]))
    with figure(path, 2.1 * len(tasks) + 1.6, 0.32 * len(rows) + 1.2) as drawn:
        panels = np.atleast_1d(drawn.subplots(1, len(tasks), sharey=True))
        for axes, task in zip(panels, tasks, strict=True):
            lines = shown[shown["task"] == task].set_index("row").loc[rows]
            for place, (row, line) in enumerate(lines.iterrows()):
                colour = GREY if row == UNTRAINED or str(row).endswith("probe") else COLOURS[0]
                axes.plot([line["low"], line["high"]], [place, place], color=colour, linewidth=1.5)
                axes.plot(line["accuracy"], place, "o", color=colour, markersize=4)
            axes.axvline(lines.loc[UNTRAINED, "accuracy"], color=GREY, linestyle=":", linewidth=1)
            axes.set_title(task.replace(": ", ":\n"), fontsize=9)
            axes.set_yticks(range(len(rows)), rows)
        panels[0].invert_yaxis()
        drawn.supxlabel(
            f"{SHOWN}-shot accuracy of prototypes, 95 % by patient (dotted: the untrained network)", fontsize=9
        )
