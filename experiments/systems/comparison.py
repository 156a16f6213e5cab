"""One picture of all rows: what their authors published, and what we find, by image and by patient, beside probes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.figures import COLOURS, GREY, figure
from experiments.systems.results import BORDER, HEADER, NOT_RUN, UNTRAINED, RowResult, Score
from experiments.systems.row import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BY_IMAGE, BY_PATIENT = "by image", "by patient"
LANE = 0.14  # between what stands in a line, of the line's height


class Line(NamedTuple):
    """A task of a row: its words, the best published figure, and what was found, by the name in the legend."""

    words: str
    published: float | None
    found: dict[str, Score]


# What stands in a line from top to bottom: its name, whose score it is, by which protocol, and its look.
MARKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "ours, by image": ("", BY_IMAGE, {"color": COLOURS[0], "marker": "o", "mfc": "white"}),
    "ours, by patient": ("", BY_PATIENT, {"color": COLOURS[0], "marker": "o"}),
    "file header alone, by patient": (HEADER, BY_PATIENT, {"color": COLOURS[1], "marker": "s"}),
    "film border alone, by patient": (BORDER, BY_PATIENT, {"color": COLOURS[4], "marker": "^"}),
    "untrained network, by patient": (UNTRAINED, BY_PATIENT, {"color": GREY, "marker": "x"}),
}
PUBLISHED: dict[str, Any] = {"color": "black", "marker": "D", "linestyle": "", "markersize": 5}


def draw_comparison(path: Path, rows: Sequence[tuple[Row, RowResult]]) -> None:
    """Draw a line for each task of each row, with 95 % intervals; a row without data says so. Raises `StorageError`."""
    lines = [line for row, result in rows for line in _lines(row, result)]
    with figure(path, 8.4, 0.9 + 0.62 * len(lines) + legend_height(len(MARKS) + 1)) as drawn:
        axes = drawn.subplots()
        for place, line in enumerate(lines):
            _draw_line(axes, place, line)
            if place:
                axes.axhline(place - 0.5, color="#cccccc", linewidth=0.6)
        axes.plot([], [], label="published, best model", **PUBLISHED)
        for name, (_, _, look) in MARKS.items():
            axes.plot([], [], label=name, linewidth=1.4, markersize=5, **look)
        axes.set_yticks(range(len(lines)), [line.words for line in lines])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(len(lines) - 0.5, -0.5), xlabel="score on films that were not trained on, with 95 % interval")
        legend_below(axes)


def _lines(row: Row, result: RowResult) -> Iterator[Line]:
    for task in row.tasks:
        figures = [each for each in row.published if each.task == task.name]
        metric = figures[0].metric if figures else "accuracy"
        best = max((each.value for each in figures if each.metric == metric), default=None)
        there = {
            (each.model, each.protocol): each
            for each in result.scores
            if (each.task, each.metric) == (task.name, metric)
        }
        ours = row.main_of(task.name)
        found = {
            name: there[model or ours, protocol]
            for name, (model, protocol, _) in MARKS.items()
            if (model or ours, protocol) in there
        }
        yield Line(f"{row.title}\n{task.name}, {metric}", best, found)


def _draw_line(axes: Axes, place: int, line: Line) -> None:
    """The marks of a line, a lane each."""
    first = place - LANE * len(MARKS) / 2
    if line.published is not None:
        axes.plot(line.published, first, **PUBLISHED)
    for lane, (name, (_, _, look)) in enumerate(MARKS.items(), 1):
        if (score := line.found.get(name)) is not None:
            height = first + LANE * lane
            axes.plot([score.low, score.high], [height, height], color=look["color"], linewidth=1.4)
            axes.plot(score.value, height, markersize=5, **look)
    if not line.found:
        at = (0.01, place)
        axes.text(*at, NOT_RUN, transform=axes.get_yaxis_transform(), va="center", color=GREY, fontsize=8)
