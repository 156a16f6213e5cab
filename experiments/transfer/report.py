"""The table of the transfer experiment: a row an encoder, with intervals, as CSV, in words and as a picture."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from embedlearn.episodes.intervals import bootstrap_interval
from embedlearn.figures import COLOURS, GREY, figure
from embedlearn.files import write_text
from experiments.tables.markdown import table as as_markdown
from experiments.transfer.scores import Answers
from experiments.transfer.trainings import DEFAULT

UNTRAINED = "untrained"
SHOWN = 5  # shots
ACROSS = 4  # panels in a row


def tabulate(answers: Iterable[Answers], rows: list[str]) -> pd.DataFrame:
    """A line per task, shots and row: mean accuracy over the row's folds, its lift over the untrained network there.

    `lead` is its lead over the default on the folds that both were trained on; accuracies on other folds are not to be
    compared. Intervals are the 2.5 % and 97.5 % quantiles of the mean over folds when patients are drawn again,
    those of a lift or a lead paired by replicate and fold; what another training seed would change is in them only
    where a row has several trainings. A mean over tasks of one kind stands below them as a task of its own.
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
    line: dict[str, object] = {"task": task, "shots": shots, "row": row, "trainings": len(folds)}
    for name, other in (("accuracy", None), ("lift", UNTRAINED), ("lead", DEFAULT)):
        there = [fold for fold in folds if other is None or (other, fold) in answers[0].means]
        mean, low, high = _difference(answers, row, other, there) if there else (np.nan, np.nan, np.nan)
        prefix = "" if other is None else f"{name}_"
        line |= {name: mean, f"{prefix}low": low, f"{prefix}high": high}
    return line


def _difference(answers: list[Answers], row: str, other: str | None, folds: list[str]) -> tuple[float, float, float]:
    """Mean over tasks and folds of a row's accuracy, less another row's where one is named, and its interval."""
    means, replicates = [], []
    for answer in answers:
        for fold in folds:
            means.append(answer.means[row, fold] - (answer.means[other, fold] if other else 0.0))
            replicates.append(answer.replicates[row, fold] - (answer.replicates[other, fold] if other else 0.0))
    _, low, high = bootstrap_interval(np.mean(replicates, axis=0))
    return float(np.mean(means)), low, high


def summarise(table: pd.DataFrame, known: dict[str, float]) -> list[list[str]]:
    """The table at five shots in words, a header and a line a row: accuracies with lifts, and 5-NN of known classes."""
    shown = table[table["shots"] == SHOWN]
    tasks = list(dict.fromkeys(shown["task"]))
    parts = [task for task in tasks if f"{task[:1]}: mean" in tasks and ("within " in task or " to " in task)]
    shown = shown[~shown["task"].isin(parts)]
    lines = [["encoder", "trainings", *dict.fromkeys(shown["task"]), "5-NN, known classes"]]
    for row, cells in shown.groupby("row", sort=False):
        words = [_words(cell, alone=row == UNTRAINED) for cell in cells.to_dict("records")]
        score = f"{known[str(row)]:.3f}" if str(row) in known else ""
        lines.append([str(row), str(cells["trainings"].iloc[0]), *words, score])
    return lines


def _words(cell: Mapping[Hashable, float], *, alone: bool) -> str:
    if alone:
        return f"{cell['accuracy']:.3f}"
    return f"{cell['accuracy']:.3f} ({cell['lift']:+.3f} [{cell['lift_low']:+.3f} {cell['lift_high']:+.3f}])"


def print_table(lines: list[list[str]]) -> None:
    """The summary for the reader."""
    title = f"{SHOWN}-shot accuracy of prototypes (lift over the untrained network on the same folds, 95 % by patient)"
    drawn = Table(*lines[0], title=title)
    for line in lines[1:]:
        drawn.add_row(*(cell.replace("[", "\\[") for cell in line))
    Console(width=170).print(drawn)


def write_markdown(path: Path, lines: list[list[str]]) -> None:
    """The summary as a table for a page."""
    write_text(path, as_markdown(lines) + "\n")


def draw_table(path: Path, table: pd.DataFrame) -> None:
    """A panel a task, a line a row: accuracy at five shots with its interval; untrained and probes in grey."""
    shown = table[table["shots"] == SHOWN]
    tasks, rows = list(dict.fromkeys(shown["task"])), list(dict.fromkeys(shown["row"]))
    across = min(ACROSS, len(tasks))
    down = -(-len(tasks) // across)
    with figure(path, 2.1 * across + 1.6, down * (0.22 * len(rows) + 0.8) + 0.3) as drawn:
        panels = drawn.subplots(down, across, sharey=True, squeeze=False).flat
        for axes, task in zip(panels, tasks, strict=False):
            lines = shown[shown["task"] == task].set_index("row").loc[rows]
            for place, (row, line) in enumerate(lines.iterrows()):
                colour = GREY if row == UNTRAINED or str(row).endswith("probe") else COLOURS[row != DEFAULT]
                axes.plot([line["low"], line["high"]], [place, place], color=colour, linewidth=1.5)
                axes.plot(line["accuracy"], place, "o", color=colour, markersize=4)
            axes.axvline(lines.loc[UNTRAINED, "accuracy"], color=GREY, linestyle=":", linewidth=1)
            axes.set_title(task, fontsize=9)
            axes.set_yticks(range(len(rows)), rows)
        drawn.axes[0].invert_yaxis()
        for axes in drawn.axes[len(tasks) :]:
            axes.set_visible(False)
        words = "95 % by patient (dotted: the untrained network; blue: the default, of more trainings than the others)"
        drawn.supxlabel(f"{SHOWN}-shot accuracy of prototypes, {words}", fontsize=9)
