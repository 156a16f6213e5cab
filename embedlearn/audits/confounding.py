"""Confounding: which classes come from which sources, before any model is looked at.

Where nearly all of a class comes from one source, little that these films can show parts the class from the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.association import cramers_v
from embedlearn.audits.findings import Chapter, Finding, Level, Shown
from embedlearn.audits.judging import FEWEST, known, written
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.audits.replicates import OVER_CASES, Estimate
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Box, Cell, Group, Row, Table
from embedlearn.pages.numbers import number, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# Cohen (1988) calls an association of .1 small and one of .3 medium. Of two classes and two sources, all of one size,
# one of .2 lets the source tell the class with an AUC of .6.
STRONG, HARMLESS, WEAK = 0.3, 0.2, 0.1
NEARLY = 0.9  # share of a class's cases from which on it comes from nearly nowhere else
TITLE = "Classes and sources"
CAPTION = "From which sources the films of each class come, by cases."
Counts = Mapping[str, Mapping[str, tuple[int, int]]]


def confounding_chapter(frame: pd.DataFrame, *, seed: int = 0) -> Chapter:
    """Classes against sources: `frame` has a row a film with `class`, `source` and `case` (int64).

    A source counts as one of a class from `FEWEST` of its cases on: one film from elsewhere parts nothing.
    """
    counts = _counted(frame)
    classes = sorted(counts)
    sources = sorted({source for row in counts.values() for source in row})
    told = bool(len(sources) > 1 and len(classes) > 1)
    bound = {name: _main(row) for name, row in counts.items() if _bound(row)} if told else {}
    findings = _findings(counts, bound, frame, sources, seed) if told else _untold(classes, sources, len(frame))
    return Chapter(
        "confounding",
        TITLE,
        tuple(findings),
        {"confounding": Shown(CAPTION, _picture(counts, classes, sources))} if told else {},
        tuple(_blocks(bound, counts, classes, sources)),
        {
            "films": {name: {source: both[0] for source, both in row.items()} for name, row in counts.items()},
            "cases": {name: {source: both[1] for source, both in row.items()} for name, row in counts.items()},
            "only_source": bound,
            "share_no_source": [list(pair) for pair in _apart(counts) if _parted(counts, pair)] if told else [],
        },
    )


def _sources_of(row: Mapping[str, tuple[int, int]]) -> set[str]:
    """The sources of which a class has cases enough to be judged there."""
    return {source for source, (_, cases) in row.items() if cases >= FEWEST}


def _main(row: Mapping[str, tuple[int, int]]) -> str:
    """The source with most of a class's cases."""
    return max(row, key=lambda source: row[source][1])


def _bound(row: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a class has one source, or nearly."""
    return len(_sources_of(row)) < 2 and _share(row, _main(row)) >= NEARLY


def _apart(counts: Counts) -> list[tuple[str, str]]:
    """The pairs of classes of which no source holds both."""
    pairs = combinations(sorted(counts), 2)
    return [(one, other) for one, other in pairs if not _sources_of(counts[one]) & _sources_of(counts[other])]


def _parted(counts: Counts, pair: tuple[str, str]) -> bool:
    """Whether the sources of two classes hardly overlap: the sum over sources of the smaller share of the two."""
    one, other = (counts[name] for name in pair)
    return sum(min(_share(one, source), _share(other, source)) for source in one) <= 1 - NEARLY


def _counted(frame: pd.DataFrame) -> dict[str, dict[str, tuple[int, int]]]:
    """Films and cases by class and source, where there are any."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    names, places = frame["class"].astype(str), frame["source"].astype(str)
    for (name, source), cases in frame["case"].groupby([names, places]):
        counts.setdefault(str(name), {})[str(source)] = (len(cases), int(cases.nunique()))
    return counts


def _untold(classes: Sequence[str], sources: Sequence[str], films: int) -> Iterator[Finding]:
    """The same findings of one source or one class, where there is nothing to be mistaken for the other."""
    if len(sources) == 1:
        words = f"All {films:,} films are of one source, {sources[0]}: whether a model would do as well elsewhere they "
        words += "cannot say."
    else:
        words = f"All {films:,} films are of one class, {classes[0]}: there is nothing to tell apart."
    yield Finding("confounding.sources", "note", words, "sources", len(sources), films=films)
    there = f"There is one {'source' if len(sources) == 1 else 'class'}"
    for name, measure, none in (
        ("one-source", "classes", "no class is told from another by its source"),
        ("pairs", "pairs", "no two classes are parted by their sources"),
        ("association", "Cramér's V", "class and source cannot go together"),
    ):
        yield Finding(f"confounding.{name}", "fine", f"{there}: {none}.", measure, 0, films=films)


def _findings(
    counts: Counts, bound: Mapping[str, str], frame: pd.DataFrame, sources: Sequence[str], seed: int
) -> Iterator[Finding]:
    films = len(frame)
    yield _of_classes(counts, bound, films)
    yield _of_pairs(counts, films)
    yield _of_association(cramers_v(frame, seed=seed), films)
    words = f"The {films:,} films are of {len(counts)} classes from {len(sources)} sources."
    yield Finding("confounding.sources", "fine", words, "sources", len(sources), films=films)


def _of_classes(counts: Counts, bound: Mapping[str, str], films: int) -> Finding:
    """Which classes have one source, or nearly, and which too few cases in a second."""
    thin = [name for name in counts if len(_sources_of(counts[name])) < 2 and name not in bound]
    words = []
    if bound:
        of = f"{len(bound)} of {len(counts)} classes {'comes' if len(bound) == 1 else 'come'}"
        words.append(f"{of} from one source, or nearly: {_told(bound, counts)}.")
    if thin:
        have = "has" if len(thin) == 1 else "have"
        words.append(
            f"{', '.join(thin)} {have} fewer than two sources with {FEWEST} cases or more: whether a model tells such "
            "a class or its source cannot be said from so few."
        )
    if not words:
        words.append(f"Each of the {len(counts)} classes has {FEWEST} cases or more in each of two sources or more.")
    level: Level = "warning" if bound else "note" if thin else "fine"
    return Finding("confounding.one-source", level, " ".join(words), "classes", len(bound), films=films)


def _of_pairs(counts: Counts, films: int) -> Finding:
    """Which two classes no source holds both of."""
    apart = _apart(counts)
    parted = [pair for pair in apart if _parted(counts, pair)]
    if not apart:
        words = f"Of every two classes there is a source that holds {FEWEST} cases or more of each."
        return Finding("confounding.pairs", "fine", words, "pairs", 0, films=films)
    words = f"No source holds {FEWEST} cases or more of both of a pair: {_pairs(apart)}."
    if parted:
        which = "them" if parted == apart else _pairs(parted)
        words += f" To tell {which} apart it is enough, or nearly, to tell the source."
    if parted != apart:
        which = "the others" if parted else "they"
        words += f" Whether {which} can be told apart within a source cannot be said from so few cases."
    return Finding("confounding.pairs", "warning" if parted else "note", words, "pairs", len(parted), films=films)


def _of_association(found: Estimate, films: int) -> Finding:
    """Warns where the lower end is strong; is fine where the upper end is harmless."""
    level: Level = "warning" if found.low > STRONG else "fine" if found.high <= HARMLESS else "note"
    if np.isnan(found.low):
        means = "; how much they do cannot be said from so few cases"
    elif level == "note" and found.low <= WEAK:
        means = f"; whether they do so by more than {number(HARMLESS, digits=1)} cannot be said from so few cases"
    else:
        means = ""
    words = f"Class and source go together with Cramér's V {written(found)} (0: not at all, 1: wholly){means}."
    return Finding(
        "confounding.association", level, words, "Cramér's V", known(found.value), known(found.low), known(found.high),
        OVER_CASES, films,
    )  # fmt: skip


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    return "; ".join(f"{one} and {other}" for one, other in pairs)


def _told(bound: Mapping[str, str], counts: Counts) -> str:
    told = []
    for name, source in bound.items():
        cases, of = counts[name][source][1], sum(cases for _, cases in counts[name].values())
        share = "only" if len(counts[name]) == 1 else f"nearly all, {cases:,} of {of:,} cases,"
        told.append(f"{name} ({share} in {source})")
    return ", ".join(told)


def _blocks(
    bound: Mapping[str, str], counts: Counts, classes: Sequence[str], sources: Sequence[str]
) -> Iterator[Block]:
    if bound:
        yield Box(
            "Warning",
            f"{_told(bound, counts)}: what tells such a class from the others may be its source and not the disease, "
            "and little or nothing in these films can part the two.",
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


def _picture(counts: Counts, classes: Sequence[str], sources: Sequence[str]) -> Picture:
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
