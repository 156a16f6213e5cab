"""What a classifier of embeddings that was fitted on other sources is worth on a source.

Only the classifier is kept from the source: the encoder below it may have learnt from films of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from embedlearn.audits.findings import Finding, Level, Shown
from embedlearn.audits.judging import FEWEST, Judged, compare, known, plain, score_cell, written
from embedlearn.audits.legends import legend_below, legend_height
from embedlearn.audits.origins.films import KnownFilms, Part
from embedlearn.audits.replicates import HOW, Estimate, Lift
from embedlearn.audits.scoring import cross_validate, fit_and_score
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Group, Row, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOSS = 0.05  # of a score: as much as often lies between systems, so that their order would not carry over
CAPTION = (
    "Mean AUC of the classes of each source: by models fitted within it on other cases (filled), and fitted on all "
    "other sources (hollow), with 95 % intervals; both on embeddings by the same encoder, whatever that has "
    "learnt from. Dotted: chance."
)


class Told(NamedTuple):
    """A source by classifiers of both kinds, and on how many films of other sources the one was fitted."""

    judged: Judged
    fitted: int


def left_out_sources(films: KnownFilms, seed: int) -> Part:
    """Each source by a logistic model of all others, beside one that was cross-validated within it.

    Of the others only cases that have no film in the source count, and only classes that both have. The encoder is the
    same for both and has learnt from as many films of the source as `films.learnt` says.
    """
    every = {str(name): _judged(films, str(name), seed) for name in np.unique(films.source)}
    found = {name: told for name, told in every.items() if told is not None}
    if not found:
        return Part()
    judged = {name: told.judged for name, told in found.items()}
    return Part(
        tuple(_finding(films, source, told) for source, told in found.items()),
        {"origins-elsewhere": Shown(CAPTION, _picture(films, judged))},
        (_table(films, judged),),
        {source: _plain(films, source, told) for source, told in found.items()},
    )


def own(model: str) -> str:
    """The name of a model's scores by a fit within the source."""
    return f"{model}, own source"


def other(model: str) -> str:
    """The name of a model's scores by a fit on the other sources."""
    return f"{model}, other sources"


def level_of_loss(gap: Estimate | Lift, learnt: int | None) -> Level:
    """Whether a score falls elsewhere; fine only where it surely does not, of an encoder that never learnt from there.

    `learnt`: from how many films of what is asked about the encoder has learnt, None where that is not known.
    """
    if gap.high < 0 and gap.value < -LOSS:
        return "warning"
    return "fine" if gap.low > -LOSS and learnt == 0 else "note"


def _judged(films: KnownFilms, source: str, seed: int) -> Told | None:
    there, rest = films.source == source, films.elsewhere(source)
    classes = [name for name in films.classes_in(there, FEWEST) if name in films.classes_in(rest, FEWEST)]
    if len(classes) < 2:
        return None
    asked, fitted = (mask & np.isin(films.label, classes) for mask in (there, rest))
    labels, cases = films.label[asked], films.case[asked]
    scores = {}
    for name, X in films.models.items():
        scores[own(name)] = cross_validate(X[asked], labels, cases, seed=seed).log_odds
        scores[other(name)] = fit_and_score(X[fitted], films.label[fitted], X[asked]).log_odds
    return Told(compare(scores, tuple(classes), labels, cases, {}, seed=seed), int(fitted.sum()))


def _finding(films: KnownFilms, source: str, told: Told) -> Finding:
    model, judged, learnt = films.judged, told.judged, films.learnt_from([source])
    gap = judged.lift(other(model), [own(model)])
    words = (
        f"Fitted on {told.fitted:,} films of all other sources, a model of the {model} embedding tells the classes of "
        f"{source} ({', '.join(judged.classes)}) with mean AUC {written(judged.auc(other(model)))}, fitted within "
        f"{source} with {written(judged.auc(own(model)))}: a change of {written(gap, signed=True)}. {_seen(learnt)}"
    )
    return Finding(
        f"origins.left-out.{source}", level_of_loss(gap, learnt), words, "change of AUC", known(gap.value),
        known(gap.low), known(gap.high), HOW, judged.films,
    )  # fmt: skip


def _seen(learnt: int | None) -> str:
    """From how many films of the source the encoder has learnt, in a sentence."""
    if learnt is None:
        return "Whether its encoder has learnt from films of it is not known."
    if not learnt:
        return "Its encoder has learnt from no film of it."
    count = f"{learnt:,} film{'s' if learnt > 1 else ''}"
    return f"Its encoder has learnt from {count} of it: on a source that is new to it, it may do worse."


def _plain(films: KnownFilms, source: str, found: Told) -> dict[str, Any]:
    judged = found.judged
    told: dict[str, Any] = {}
    for model in films.models:
        told[model] = {
            "within": {name: plain(judged.auc(own(model), name)) for name in judged.classes},
            "left_out": {name: plain(judged.auc(other(model), name)) for name in judged.classes},
            "change": plain(judged.lift(other(model), [own(model)])),
        }
    return {
        "films": judged.films,
        "cases": judged.cases,
        "fitted_on": found.fitted,
        "learnt_from": films.learnt_from([source]),
        "models": told,
    }


def _table(films: KnownFilms, judged: Mapping[str, Judged]) -> Table:
    columns = ("class", *(view for model in films.models for view in (own(model), other(model))))
    groups = []
    for source, told in judged.items():
        rows = []
        for name in (*told.classes, None):
            aucs = [told.auc(view, name) for view in columns[1:]]
            cells = tuple(score_cell(auc) for auc in aucs)
            rows.append(Row(name or "mean", cells))
        groups.append(Group(source, tuple(rows)))
    return Table("AUC on each source, by fits within it and on all other sources", columns, tuple(groups))


def _picture(films: KnownFilms, judged: Mapping[str, Judged]) -> Picture:
    height = 0.8 + 0.32 * len(judged) + legend_height(2)
    panels = [Panel(f"{model} encoder", partial(_draw, judged=judged, model=model), height) for model in films.models]
    return Picture(tuple(panels), 4.5)


def _draw(axes: Axes, judged: Mapping[str, Judged], model: str) -> None:
    ways = ((own(model), -0.12, COLOURS[0], COLOURS[0]), (other(model), 0.12, COLOURS[1], "none"))
    for (view, shift, colour, face), label in zip(ways, ("fitted within", "fitted on the others"), strict=True):
        aucs = [told.auc(view) for told in judged.values()]
        rows = np.arange(len(aucs)) + shift
        axes.hlines(rows, [auc.low for auc in aucs], [auc.high for auc in aucs], color=colour, linewidth=2)
        values = [auc.value for auc in aucs]
        axes.plot(values, rows, "o", color=colour, markerfacecolor=face, markersize=6, label=label)
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(judged)), list(judged))
    least = min([0.5, *(float(told.found[..., 0].min()) for told in judged.values())])
    axes.set(xlim=(least - 0.05, 1.02), ylim=(len(judged) - 0.5, -0.5), xlabel="mean AUC")
    legend_below(axes)
