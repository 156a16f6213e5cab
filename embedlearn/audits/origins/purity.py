"""Whom a film has beside it in the embedding: films of its class, or films of its source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding, Level, Shown
from embedlearn.audits.judging import interval, known, plain, score_cell, written
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.audits.origins.films import KnownFilms, Part
from embedlearn.audits.replicates import OVER_CASES, Estimate, share_replicates, summed_up
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.pages.blocks import Cell, Group, Row, Table
from embedlearn.pages.numbers import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAREST = 10
ASKED = 5000  # films whose neighbours are looked up, of all
CAPTION = (
    f"Of the {NEAREST} nearest films of other cases, the share of a film's own class and of its own source, with 95 % "
    "intervals. Crosses: by chance."
)


class Purity(NamedTuple):
    """Float64 [1 + B] each, as `scoring.share_replicates` gives them: shares of neighbours, and by chance."""

    of_class: NDArray[np.float64]
    of_source: NDArray[np.float64]
    class_by_chance: NDArray[np.float64]
    source_by_chance: NDArray[np.float64]

    @property
    def more_source(self) -> Estimate:
        """How much further above chance the source's share lies than the class's."""
        return summed_up(self.of_source - self.source_by_chance - (self.of_class - self.class_by_chance))


def neighbours_purity(films: KnownFilms, seed: int) -> Part:
    """Label purity against source purity of each embedding."""
    if len(np.unique(films.source)) < 2 or len(np.unique(films.label)) < 2:
        return Part()
    rng = np.random.default_rng(seed)
    asked = np.sort(rng.choice(len(films.case), min(ASKED, len(films.case)), replace=False))
    found = {model: purity_of(films, X, asked, seed) for model, X in films.models.items()}
    return Part(
        (_finding(films.judged, found[films.judged], len(asked)),),
        {"origins-neighbours": Shown(CAPTION, _picture(found))},
        (_table(found),),
        {model: _plain(purity) for model, purity in found.items()},
    )


def purity_of(films: KnownFilms, X: NDArray[np.float32], asked: NDArray[np.intp], seed: int) -> Purity:
    """The purity around the films `asked`, by rows, in the embedding X float32 [N, D]."""
    rows = nearest_of_other_cases(X, films.case, asked, NEAREST)
    columns = []
    for values in (films.label, films.source):
        alike = (values[rows] == values[asked][:, None]) & (rows >= 0)
        columns.append(alike.sum(1) / np.maximum((rows >= 0).sum(1), 1))
    chances = [_by_chance(values, films.case)[asked] for values in (films.label, films.source)]
    table = np.column_stack([*columns, *chances])
    return Purity(*share_replicates(table, np.ones(table.shape, bool), films.case[asked], seed=seed))


def nearest_of_other_cases(
    X: NDArray[np.float32], case: NDArray[np.int64], asked: NDArray[np.intp], k: int
) -> NDArray[np.int64]:
    """The rows of the `k` nearest films that share no case with each film `asked`, int64 [M, k], -1 where none is."""
    _, number_of, sizes = np.unique(case, return_inverse=True, return_counts=True)
    wanted = min(k + int(sizes[number_of[asked]].max()), len(X))
    _, rows = exact_neighbours(np.ascontiguousarray(X[asked]), np.ascontiguousarray(X), wanted)
    stranger = case[rows] != case[asked][:, None]
    order = np.argsort(~stranger, axis=1, kind="stable")[:, :k]
    return np.where(np.take_along_axis(stranger, order, 1), np.take_along_axis(rows, order, 1), -1)


def _by_chance(values: NDArray[np.str_], case: NDArray[np.int64]) -> NDArray[np.float64]:
    """The share of the films of other cases that are alike, float64 [N]."""
    value, number_of = (np.unique(column, return_inverse=True)[1] for column in (values, case))
    both = np.unique(value * (number_of.max() + 1) + number_of, return_inverse=True)[1]
    alike = np.bincount(value)[value] - np.bincount(both)[both]
    return np.asarray(alike / np.maximum(len(case) - np.bincount(number_of)[number_of], 1))


def _finding(model: str, found: Purity, films: int) -> Finding:
    more = found.more_source
    level: Level = "warning" if more.low > 0 else "note" if more.high > 0 else "fine"
    verdict = {
        "warning": "It sorts films by their source more than by their class",
        "note": "Whether it sorts films more by source or by class cannot be said",
        "fine": "It sorts films by their class more than by their source",
    }[level]
    words = (
        f"Of a film's {NEAREST} nearest films of other cases in the {model} embedding {percent(found.of_class[0])} "
        f"share its class ({percent(found.class_by_chance[0])} by chance) and {percent(found.of_source[0])} its source "
        f"({percent(found.source_by_chance[0])} by chance). {verdict}: {written(more, signed=True)}."
    )
    return Finding(
        "origins.neighbours", level, words, "source purity less label purity, each above chance", known(more.value),
        known(more.low), known(more.high), OVER_CASES, films,
    )  # fmt: skip


def _plain(found: Purity) -> dict[str, Any]:
    return {name: plain(summed_up(getattr(found, name))) for name in Purity._fields}


def _table(found: Mapping[str, Purity]) -> Table:
    rows = []
    for model, purity in found.items():
        cells = []
        for share, chance in zip(purity[:2], purity[2:], strict=True):
            beside = f"({number(chance[0])})"
            cells.append(score_cell(summed_up(share), chance=float(chance[0]))._replace(beside=beside))
        more = purity.more_source
        cells.append(Cell(number(more.value, signed=True), "", interval(more, signed=True), 0.0))
        rows.append(Row(f"{model} encoder", tuple(cells)))
    caption = f"Shares of the {NEAREST} nearest films of other cases (by chance)"
    columns = ("", "of its class", "of its source", "source less class, above chance")
    return Table(caption, columns, (Group("", tuple(rows)),))


def _picture(found: Mapping[str, Purity]) -> Picture:
    return Picture(
        (Panel("the nearest films", partial(_draw, found=found), 0.85 + 0.5 * len(found) + legend_height(2)),), 5.0, 1
    )


def _draw(axes: Axes, found: Mapping[str, Purity]) -> None:
    ways = (
        ("of_class", "class_by_chance", -0.15, COLOURS[0], "of the same class"),
        ("of_source", "source_by_chance", 0.15, COLOURS[1], "of the same source"),
    )
    for share, chance, shift, colour, label in ways:
        values = [summed_up(getattr(purity, share)) for purity in found.values()]
        rows = np.arange(len(values)) + shift
        axes.hlines(rows, [value.low for value in values], [value.high for value in values], color=colour, linewidth=2)
        axes.plot([value.value for value in values], rows, "o", color=colour, markersize=6, label=label)
        axes.plot([getattr(purity, chance)[0] for purity in found.values()], rows, "x", color=GREY, markersize=5)
    axes.set_yticks(range(len(found)), [f"{model} encoder" for model in found])
    axes.set(xlim=(0, 1.02), ylim=(len(found) - 0.5, -0.5), xlabel="share of the nearest films")
    legend_below(axes)
