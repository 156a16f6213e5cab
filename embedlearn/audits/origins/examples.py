"""Few-shot answers where all examples come from one source: on films of that source, and of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding
from embedlearn.audits.judging import FEWEST, interval, known, plain, score_cell, written
from embedlearn.audits.origins.elsewhere import level_of_loss
from embedlearn.audits.origins.films import KnownFilms, Part
from embedlearn.audits.replicates import OVER_CASES, Estimate
from embedlearn.episodes.intervals import bootstrap_interval
from embedlearn.pages.blocks import Cell, Group, Row, Table
from embedlearn.pages.numbers import number

SHOTS = 5
DRAWS = 200
HOW = f"{OVER_CASES}, {DRAWS} replicates with an episode each"


class Answered(NamedTuple):
    """Balanced accuracy of nearest class means, float64 [draws] each: on films of the support's source, and others."""

    classes: tuple[str, ...]
    films: int
    same: NDArray[np.float64]
    others: NDArray[np.float64]


def support_from_one_source(films: KnownFilms, seed: int) -> Part:
    """`SHOTS` examples a class from one source, asked about other cases of it and about films of all other sources."""
    found: dict[str, dict[str, Answered]] = {}
    for source in np.unique(films.source):
        told = {model: ask_with_support(films, model, str(source), seed=seed) for model in films.models}
        kept = {model: answered for model, answered in told.items() if answered is not None}
        if kept:
            found[str(source)] = kept
    if not found:
        return Part()
    return Part(
        tuple(_finding(films, source, told[films.judged]) for source, told in found.items()),
        {},
        (_table(films, found),),
        {source: {model: _plain(answered) for model, answered in told.items()} for source, told in found.items()},
    )


def ask_with_support(
    films: KnownFilms, model: str, source: str, *, draws: int = DRAWS, seed: int = 0
) -> Answered | None:
    """Nearest class means (Snell 2017) with a support from `source`; None where two classes cannot be asked so.

    In each draw all cases are drawn anew with replacement, and an episode is made of them, as patients and episodes
    would be: so the draws' quantiles say what other patients would have given. Cases in the support are not asked.
    """
    there, rest = films.source == source, films.elsewhere(source)
    classes = [name for name in films.classes_in(there, 2 * SHOTS) if name in films.classes_in(rest, FEWEST)]
    if len(classes) < 2:
        return None
    rows = np.flatnonzero((there | rest) & np.isin(films.label, classes))
    X, case = films.models[model][rows], np.unique(films.case[rows], return_inverse=True)[1]
    code = np.searchsorted(classes, films.label[rows])
    inside = there[rows]
    rng = np.random.default_rng(seed)
    found = np.full((draws, 2), np.nan)
    for draw in range(draws):
        weight = np.bincount(rng.integers(0, case.max() + 1, case.max() + 1), minlength=case.max() + 1)[case]
        drawn = inside & (weight > 0)
        support = [_drawn(np.flatnonzero(drawn & (code == way)), case, rng) for way in range(len(classes))]
        if min(map(len, support)) < SHOTS:
            continue
        means = np.stack([X[chosen].mean(0) for chosen in support])
        distance = (means**2).sum(1) - 2 * X @ means.T
        right = distance.argmin(1) == code
        asked = weight * ~np.isin(case, case[np.concatenate(support)])
        found[draw] = [_balanced(right, code, asked * mask) for mask in (inside, ~inside)]
    return Answered(tuple(classes), len(rows), found[:, 0], found[:, 1])


def _drawn(rows: NDArray[np.intp], case: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """`SHOTS` of these rows, each of another case, or as many as there are."""
    shuffled = rng.permutation(rows)
    first = np.sort(np.unique(case[shuffled], return_index=True)[1])[:SHOTS]
    return np.asarray(shuffled[first])


def _balanced(right: NDArray[np.bool_], code: NDArray[np.intp], weight: NDArray[Any]) -> float:
    """The mean over the classes of the weighted share of right answers; NaN where a class has none to ask."""
    asked = np.bincount(code, weight, minlength=int(code.max()) + 1)
    if not asked.all():
        return float("nan")
    return float((np.bincount(code, weight * right, minlength=len(asked)) / asked).mean())


def _estimate(values: NDArray[np.float64]) -> Estimate:
    return Estimate(*bootstrap_interval(values))


def _finding(films: KnownFilms, source: str, found: Answered) -> Finding:
    model, change = films.judged, _estimate(found.others - found.same)
    learnt = films.learnt_from(np.unique(films.source[films.elsewhere(source)]).tolist())
    words = (
        f"With {SHOTS} examples a class from {source} ({', '.join(found.classes)}), the balanced accuracy of the "
        f"{model} encoder is {written(_estimate(found.same))} on other cases of {source} and "
        f"{written(_estimate(found.others))} on the other sources: a change of {written(change, signed=True)} "
        f"({number(1 / len(found.classes))} by chance)."
    )
    if learnt:
        words += f" Its encoder has learnt from {learnt:,} film{'s' if learnt > 1 else ''} of the others."
    elif learnt is None:
        words += " Whether its encoder has learnt from films of the others is not known."
    return Finding(
        f"origins.support.{source}", level_of_loss(change, learnt), words, "change of balanced accuracy",
        known(change.value), known(change.low), known(change.high), HOW, found.films,
    )  # fmt: skip


def _plain(found: Answered) -> dict[str, Any]:
    return {
        "classes": list(found.classes),
        "same": plain(_estimate(found.same)),
        "others": plain(_estimate(found.others)),
        "change": plain(_estimate(found.others - found.same)),
    }


def _table(films: KnownFilms, found: Mapping[str, Mapping[str, Answered]]) -> Table:
    groups = []
    for model in films.models:
        rows = []
        for source, told in found.items():
            same, others = told[model].same, told[model].others
            chance, change = 1 / len(told[model].classes), _estimate(others - same)
            cells = [score_cell(_estimate(values), chance=chance) for values in (same, others)]
            cells.append(Cell(number(change.value, signed=True), "", interval(change, signed=True), 0.0))
            cells.append(Cell(number(chance), "", ", ".join(told[model].classes), 0.0))
            rows.append(Row(source, tuple(cells)))
        groups.append(Group(f"{model} encoder", tuple(rows)))
    caption = f"Balanced accuracy with {SHOTS} examples a class from one source"
    columns = ("examples from", "asked of the same source", "asked of the others", "change", "chance")
    return Table(caption, columns, tuple(groups))
