"""The corners of the films, each by itself and by the model's answer: taken together, dark ones hide a bright one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding, Level
from embedlearn.audits.judging import known, plain
from embedlearn.audits.replicates import OVER_CASES, Estimate, share_replicates, summed_up_together
from embedlearn.explanations.checks.borders import CORNER, absolute_shares, corners
from embedlearn.explanations.checks.places import Floats, grid_of
from embedlearn.explanations.geometry import to_grid
from embedlearn.pages.blocks import Cell, Group, Row, Table
from embedlearn.pages.numbers import number, percent, points
from embedlearn.tasks.audit.lookingview import told

NAMES = ("top left", "top right", "bottom left", "bottom right")
FEWEST = 8  # films, of an answer or with markers, below which nothing is said of them
EVERY = "all films"
HOW = f"{OVER_CASES}, for all corners and answers at once"
CAPTION = (
    "Evidence in each corner, beyond its share of the map, in percentage points; the intervals hold all at once in "
    f"95 of 100 samples of films. An answer of fewer than {FEWEST} films is judged among all films only"
)


class Corner(NamedTuple):
    """One corner of the films of one answer, or of all: its share of the map, and what it holds of the evidence.

    `beyond` is how much more that is, with an interval that holds together with those of all other corners and answers.
    """

    name: str
    answer: str
    films: int
    area: float
    beyond: Estimate


def judge_corners(
    maps: Floats, answers: Sequence[str], cases: NDArray[np.int64], size: int, lag: float
) -> list[Corner]:
    """Every corner of all films and of those of each answer, by maps [N, h, w] of a square of `size` pixels."""
    covered = [to_grid(region, *grid_of(maps), lag) for region in _each(size)]
    areas = [float(cover.mean()) for cover in covered]
    beyond = np.stack([absolute_shares(maps, cover) - area for cover, area in zip(covered, areas, strict=True)], 1)
    given = np.array(answers)
    groups = {EVERY: np.ones(len(given), np.bool_), **{str(name): given == name for name in np.unique(given)}}
    groups = {name: those for name, those in groups.items() if name == EVERY or those.sum() >= FEWEST}
    counted = np.repeat(np.stack(list(groups.values()), 1), len(NAMES), axis=1)
    found = summed_up_together(share_replicates(np.tile(beyond.round(6), len(groups)), counted, cases))
    places = [(name, answer, int(those.sum()), area)
              for answer, those in groups.items() for name, area in zip(NAMES, areas, strict=True)]  # fmt: skip
    return [Corner(*place, estimate) for place, estimate in zip(places, found, strict=True)]


def corners_finding(found: Sequence[Corner]) -> Finding:
    """A warning where one corner holds more than its share of the map, fine where every one holds less."""
    more = [corner for corner in found if corner.beyond.low > 0]
    less = all(corner.beyond.high < 0 for corner in found)
    level: Level = "warning" if more else "fine" if less else "note"
    worst = max(more, key=lambda one: one.beyond.low) if more else max(found, key=lambda one: one.beyond.value)
    value, low, high = worst.beyond.value, known(worst.beyond.low), known(worst.beyond.high)
    opening = {
        "warning": f"{len(more)} of {len(found)} corners, each of all films and by answer, hold more than their share",
        "fine": "Every corner holds less than its share, of all films and by answer",
        "note": "That every corner, of all films and by answer, holds less than its share is not shown",
    }[level]
    which = "" if worst.answer == EVERY else f" answered {worst.answer}"
    sentence = (
        f"{opening}: the {worst.name} ({number(CORNER, digits=1)} of the side) of the {worst.films} films{which} is "
        f"{percent(worst.area)} of the map's places and {percent(worst.area + value)} of the evidence, "
        f"{told(value, low, high)} its places."
    )
    return Finding("looking.corners", level, sentence, "share beyond the area", value, low, high, HOW, worst.films)


def corners_table(found: Sequence[Corner]) -> Table:
    """A row an answer, a column a corner."""
    return Table(CAPTION, ("", "films", *NAMES), (Group("by the model's answer", tuple(_rows(found))),))


def corners_data(found: Sequence[Corner]) -> list[dict[str, Any]]:
    """All of it as JSON can hold it."""
    return [{**corner._asdict(), "beyond": plain(corner.beyond)} for corner in found]


def _each(size: int) -> Iterator[NDArray[np.float32]]:
    """The four corners of a film one by one, in the order of their names, float32 [size, size]."""
    every, first = corners(size), np.arange(size) < size // 2
    for rows in (first, ~first):
        for columns in (first, ~first):
            yield every * np.outer(rows, columns)


def _rows(found: Sequence[Corner]) -> Iterator[Row]:
    for start in range(0, len(found), len(NAMES)):
        row = found[start : start + len(NAMES)]
        cells = (Cell(points(corner.beyond.value), "", _ends(corner.beyond)) for corner in row)
        yield Row(row[0].answer, (Cell(f"{row[0].films}"), *cells))


def _ends(found: Estimate) -> str:
    return "" if np.isnan(found.low) else f"[{points(found.low)}, {points(found.high)}]"
