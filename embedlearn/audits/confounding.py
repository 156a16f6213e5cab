"""Confounding: which classes come from which sources, before any model is looked at.

Where a class exists in one source only, nothing that these films can show parts the class from the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Chapter, Finding, Level, Shown
from embedlearn.audits.judging import known, written
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.audits.scoring import HOW, REPLICATES, Estimate, case_weights, summed_up
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Box, Cell, Group, Row, Table
from embedlearn.pages.numbers import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Cohen (1988) calls an association of .3 medium; from there a model gains by knowing the source.
STRONG, WEAK = 0.3, 0.1
TITLE = "Classes and sources"
CAPTION = "From which sources the films of each class come, by cases."


def confounding_chapter(frame: pd.DataFrame, *, seed: int = 0) -> Chapter:
    """Classes against sources: `frame` has a row a film with `class`, `source` and `case` (int64)."""
    counts = _counted(frame)
    classes = sorted(counts)
    sources = sorted({source for row in counts.values() for source in row})
    lonely = {name: next(iter(row)) for name, row in counts.items() if len(row) == 1}
    apart = [pair for pair in combinations(classes, 2) if not counts[pair[0]].keys() & counts[pair[1]].keys()]
    told = bool(len(sources) > 1 and len(classes) > 1)
    found = cramers_v(frame, seed=seed) if told else None
    return Chapter(
        "confounding",
        TITLE,
        tuple(_findings(lonely, apart, found, classes, sources, len(frame))),
        {"confounding": Shown(CAPTION, _picture(counts, classes, sources))} if told else {},
        tuple(_blocks(lonely, counts, classes, sources)),
        {
            "films": {name: {source: both[0] for source, both in row.items()} for name, row in counts.items()},
            "cases": {name: {source: both[1] for source, both in row.items()} for name, row in counts.items()},
            "only_source": lonely,
            "share_no_source": [list(pair) for pair in apart],
        },
    )


def _counted(frame: pd.DataFrame) -> dict[str, dict[str, tuple[int, int]]]:
    """Films and cases by class and source, where there are any."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    names, places = frame["class"].astype(str), frame["source"].astype(str)
    for (name, source), cases in frame["case"].groupby([names, places]):
        counts.setdefault(str(name), {})[str(source)] = (len(cases), int(cases.nunique()))
    return counts


def cramers_v(frame: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> Estimate:
    """Cramér's V (1946) of class and source over films, with its interval by bootstrap over cases.

    0 where the source says nothing of the class, 1 where it says all.
    """
    rows, row = np.unique(frame["class"].to_numpy(dtype=str), return_inverse=True)
    columns, column = np.unique(frame["source"].to_numpy(dtype=str), return_inverse=True)
    cell, shape = row * len(columns) + column, (len(rows), len(columns))
    weights = case_weights(frame["case"].to_numpy(), replicates, seed)
    tables = (np.bincount(cell, weight, shape[0] * shape[1]).reshape(shape) for weight in weights)
    return summed_up(np.array([_association(table) for table in tables]))


def _association(table: NDArray[Any]) -> float:
    """Cramér's V of a table of counts; NaN where one row or one column is left."""
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    least = min(table.shape) - 1
    if least < 1:
        return float("nan")
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / (table.sum() * least)))


def _findings(
    lonely: Mapping[str, str],
    apart: Sequence[tuple[str, str]],
    found: Estimate | None,
    classes: Sequence[str],
    sources: Sequence[str],
    films: int,
) -> Iterator[Finding]:
    if found is None:
        words = (
            f"All {films:,} films are of one source, {sources[0]}: whether a model would do as well elsewhere they "
            "cannot say."
            if len(sources) == 1
            else f"All {films:,} films are of one class, {classes[0]}: there is nothing to tell apart."
        )
        yield Finding("confounding.sources", "note", words, "sources", len(sources), films=films)
        return
    if lonely:
        exist = "exists" if len(lonely) == 1 else "exist"
        words = f"{len(lonely)} of {len(classes)} classes {exist} in one source only: {_told(lonely)}."
        yield Finding("confounding.one-source", "warning", words, "classes", len(lonely), films=films)
    else:
        words = f"Each of the {len(classes)} classes comes from two sources or more."
        yield Finding("confounding.one-source", "fine", words, "classes", 0, films=films)
    if apart:
        pairs = "; ".join(f"{one} and {other}" for one, other in apart)
        words = f"No source holds both of a pair: {pairs}. To tell them apart it is enough to tell the source."
        yield Finding("confounding.pairs", "warning", words, "pairs", len(apart), films=films)
    level: Level = "warning" if found.low > STRONG else "note" if found.low > WEAK else "fine"
    words = f"Class and source go together with Cramér's V {written(found)} (0: not at all, 1: wholly)."
    yield Finding(
        "confounding.association", level, words, "Cramér's V", known(found.value), known(found.low), known(found.high),
        HOW.partition(",")[0], films,
    )  # fmt: skip


def _told(lonely: Mapping[str, str]) -> str:
    return ", ".join(f"{name} (only in {source})" for name, source in lonely.items())


def _blocks(
    lonely: Mapping[str, str],
    counts: Mapping[str, Mapping[str, tuple[int, int]]],
    classes: Sequence[str],
    sources: Sequence[str],
) -> Iterator[Block]:
    if lonely and len(sources) > 1 and len(classes) > 1:
        yield Box(
            "Warning",
            f"{_told(lonely)}: what tells such a class from the others may be its source and not the disease, and "
            "nothing in these films can part the two.",
        )
    rows = []
    for name in classes:
        of_class = sum(cases for _, cases in counts[name].values())
        cells = []
        for source in sources:
            films, cases = counts[name].get(source, (0, 0))
            below = f"{cases:,} case{'' if cases == 1 else 's'}" if films else ""
            cells.append(Cell(f"{films:,}" if films else "–", "", below, cases / of_class))
        rows.append(Row(name, tuple(cells)))
    caption = "Films and cases; shaded by a source's share of the class"
    yield Table(caption, ("class", *sources), (Group("", tuple(rows)),))


def _picture(
    counts: Mapping[str, Mapping[str, tuple[int, int]]], classes: Sequence[str], sources: Sequence[str]
) -> Picture:
    """Each class as a bar of its sources' shares of cases; of many sources the smaller ones together."""
    of_source = {source: sum(row.get(source, (0, 0))[1] for row in counts.values()) for source in sources}
    shown = sorted(sources, key=lambda source: -of_source[source])[: len(COLOURS)]
    shares: dict[str, NDArray[Any]] = {}
    for source in shown:
        shares[source] = np.array([_share(counts[name], source) for name in classes])
    if len(shown) < len(sources):
        shares["others"] = 1 - np.sum(list(shares.values()), axis=0)
    height = 0.65 + 0.3 * len(classes) + legend_height(len(shares))
    return Picture((Panel("sources of each class", partial(_draw, classes, shares), height),), 5.5)


def _share(row: Mapping[str, tuple[int, int]], source: str) -> float:
    return row.get(source, (0, 0))[1] / sum(cases for _, cases in row.values())


def _draw(classes: Sequence[str], shares: Mapping[str, NDArray[Any]], axes: Axes) -> None:
    start = np.zeros(len(classes))
    for colour, (source, share) in zip((*COLOURS, GREY), shares.items(), strict=False):
        axes.barh(np.arange(len(classes)), share, left=start, height=0.7, color=colour, label=source)
        start = start + share
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], [percent(part).replace(".0", "") for part in (0, 0.25, 0.5, 0.75, 1)])
    axes.set(xlim=(0, 1), ylim=(len(classes) - 0.4, -0.6), xlabel="share of the cases")
    legend_below(axes)
