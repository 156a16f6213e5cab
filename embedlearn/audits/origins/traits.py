"""Whether an embedding tells what is no disease: the source, the view, the age and the sex."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlearn.audits.findings import Finding, Level, Shown
from embedlearn.audits.judging import TELLING, Judged, judge, known, plain, score_cell, written
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.audits.origins.films import UNKNOWN, KnownFilms, Part
from embedlearn.audits.replicates import HOW
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Cell, Group, Row, Table
from embedlearn.pages.numbers import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALL = "all films"
CAPTION = (
    "How well embeddings tell what is no disease, mean AUC of each value against the others with its 95 % interval, "
    "over all films and within one class, where the label has no part in it. Dotted: chance."
)


def told_traits(films: KnownFilms, seed: int) -> Part:
    """Every trait by cross-validated logistic models on every embedding, over all films and within each class."""
    found = {trait: _judged(films, trait, seed) for trait in films.traits}
    found = {trait: judged for trait, judged in found.items() if judged}
    if not found:
        return Part()
    return Part(
        tuple(_finding(films, trait, judged) for trait, judged in found.items()),
        {"origins-traits": Shown(CAPTION, _picture(films, found))},
        (_table(films, found),),
        {trait: {scope: _plain(judged) for scope, judged in scopes.items()} for trait, scopes in found.items()},
    )


def _judged(films: KnownFilms, trait: str, seed: int) -> dict[str, Judged]:
    """By scope: all films, and each class."""
    values = films.traits[trait]
    scopes = {ALL: values != UNKNOWN}
    scopes |= {str(name): scopes[ALL] & (films.label == name) for name in np.unique(films.label)}
    found = {}
    for scope, mask in scopes.items():
        views = {name: X[mask] for name, X in films.models.items()}
        if (judged := judge(views, values[mask], films.case[mask], seed=seed)) is not None:
            found[scope] = judged
    return found


def _finding(films: KnownFilms, trait: str, scopes: Mapping[str, Judged]) -> Finding:
    """What the judged model tells of a trait, within a class where it can."""
    model = films.judged
    within = {scope: judged for scope, judged in scopes.items() if scope != ALL}
    scope = max(within or scopes, key=lambda name: float(np.nan_to_num(scopes[name].auc(model).low)))
    judged = scopes[scope]
    auc, accuracy = judged.auc(model), judged.accuracy(model)
    where = f"Within {scope}" if within else "Over all films"
    beside = "".join(f"; {other} {number(judged.auc(other).value)}" for other in list(films.models)[1:])
    words = (
        f"{where} the {model} encoder tells the {trait} ({', '.join(judged.classes)}) with AUC {written(auc)}{beside}. "
        f"Its balanced accuracy is {written(accuracy)}, {number(1 / len(judged.classes))} by chance."
    )
    if not within:
        words += " The label may have a part in it: no class has two values of it."
    # To know a source does no harm by itself: what it costs, the other parts say, and these warn.
    every = [scopes[name].auc(model) for name in within or scopes]
    level: Level = "fine" if all(found.high < TELLING for found in every) else "note"
    if level == "note" and not auc.low > 0.5:
        words += " Whether it tells it beyond chance cannot be said."
    return Finding(
        f"origins.{trait.replace(' ', '-')}", level, words, "AUC", known(auc.value), known(auc.low), known(auc.high),
        HOW, judged.films,
    )  # fmt: skip


def _plain(judged: Judged) -> dict[str, Any]:
    models = {
        model: {"auc": plain(judged.auc(model)), "balanced_accuracy": plain(judged.accuracy(model))}
        for model in judged.views
    }
    return {"values": list(judged.classes), "films": judged.films, "chance": 1 / len(judged.classes), "models": models}


def _table(films: KnownFilms, found: Mapping[str, Mapping[str, Judged]]) -> Table:
    columns = ("within", *(f"{model} {what}" for model in films.models for what in ("AUC", "balanced accuracy")))
    groups = []
    for trait, scopes in found.items():
        rows = [Row(f"{scope} ({judged.films:,})", tuple(_cells(judged))) for scope, judged in scopes.items()]
        groups.append(Group(trait, tuple(rows)))
    caption = "What the embedding tells beside the class; films in brackets, and balanced accuracy by chance"
    return Table(caption, columns, tuple(groups))


def _cells(judged: Judged) -> Iterator[Cell]:
    chance = 1 / len(judged.classes)
    for model in judged.views:
        yield score_cell(judged.auc(model))
        yield score_cell(judged.accuracy(model), chance=chance)._replace(beside=f"({number(chance)})")


def _picture(films: KnownFilms, found: Mapping[str, Mapping[str, Judged]]) -> Picture:
    every = [judged for scopes in found.values() for judged in scopes.values()]
    lows = [judged.auc(model).low for judged in every for model in films.models]
    least = float(np.nanmin([0.5, *lows])) - 0.03
    below = 0.8 + legend_height(len(films.models))
    panels = [
        Panel(f"the {trait}", partial(_draw, scopes=scopes, least=least), below + 0.3 * len(scopes))
        for trait, scopes in found.items()
    ]
    return Picture(tuple(panels), 4.5)


def _draw(axes: Axes, scopes: Mapping[str, Judged], least: float) -> None:
    models = next(iter(scopes.values())).views
    step = 0.22
    for place, model in enumerate(models):
        rows = np.arange(len(scopes)) + step * (place - (len(models) - 1) / 2)
        values = [judged.auc(model) for judged in scopes.values()]
        colour = COLOURS[place % len(COLOURS)]
        axes.hlines(rows, [value.low for value in values], [value.high for value in values], color=colour, linewidth=2)
        axes.plot([value.value for value in values], rows, "o", color=colour, markersize=5, label=f"{model} encoder")
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(scopes)), [scope if scope == ALL else f"within {scope}" for scope in scopes])
    axes.set(xlim=(least, 1.02), ylim=(len(scopes) - 0.5, -0.5), xlabel="AUC")
    legend_below(axes)
