"""Shortcuts: how well the class can be told without looking at what a disease does, and how far a model goes beyond.

Where a probe that sees no lung tells a class, a score on these films may rest on where they come from (DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.features import HIDDEN, SOURCE, WITHOUT_LUNGS, Blackout, hide_lungs, probe_features
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import Judged, judge, known, plain, written
from embedlearn.audits.replicates import HOW, Estimate
from embedlearn.audits.scoring import Lift
from embedlearn.audits.shortcutview import shortcut_blocks, shortcut_figures
from embedlearn.pages.numbers import number, percent

# Of two films a probe at .7 ranks seven pairs in ten rightly: from about there a test is held to tell something, and a
# model that does no more than the probe looks useful.
TELLING = 0.7
TITLE = "Shortcuts"


def shortcuts_chapter(
    audited: AuditedFilms,
    *,
    lungs: Mapping[int, NDArray[np.bool_]] | None,
    models: Mapping[str, NDArray[np.float32]],
    weights: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> Chapter:
    """How well each class is told from the rest by probes, and by `models`, embeddings float32 [N, D] by name.

    The first model is the one that is judged, the others stand beside it. `lungs`: masks bool [h, w] of the content of
    some films, by row. `weights` float [N]: how much a film counts where a model is fitted. Raises `ImageError` where a
    file cannot be read, `ArgumentError` where arrays do not belong together.
    """
    blackout = hide_lungs(lungs)
    probes = probe_features(audited, blackout)
    labels = audited.frame["class"].to_numpy(dtype=str)
    cases = audited.frame["case"].to_numpy(dtype=np.int64)
    sources = audited.frame["source"].to_numpy(dtype=str)
    views: dict[str, Any] = {**probes, **models}
    overall = judge(views, labels, cases, weights=weights, seed=seed)
    if overall is None:
        return _unjudged()
    within = {}
    for name in np.unique(sources):
        there = sources == name
        part = {view: X[there] for view, X in views.items() if view != SOURCE}
        counted = None if weights is None else weights[there]
        judged = judge(part, labels[there], cases[there], weights=counted, seed=seed) if not there.all() else None
        if judged is not None:
            within[str(name)] = judged
    findings = [
        _headline(overall),
        *(_of_source(name, judged) for name, judged in within.items()),
        *(_of_probe(overall, view) for view in probes),
        *_of_models(overall, tuple(probes), tuple(models)),
    ]
    lifts = {
        model: {
            str(name or "mean"): plain(overall.lift(model, tuple(probes), name)) for name in (*overall.classes, None)
        }
        for model in models
    }
    return Chapter(
        "shortcuts",
        TITLE,
        tuple(findings),
        shortcut_figures(overall, within, tuple(models), TELLING),
        tuple(shortcut_blocks(overall, within, tuple(models), _notes(overall, blackout))),
        {
            "all": overall.as_plain(),
            "within": {name: judged.as_plain() for name, judged in within.items()},
            "lift": lifts,
            "blacked_out": {
                "share_of_film": float(blackout.place.mean()),
                "lung_covered": [float(share) for share in blackout.covered],
            },
        },
    )


def _unjudged() -> Chapter:
    words = "Nothing can be said of shortcuts: fewer than two classes have ten cases or more."
    return Chapter("shortcuts", TITLE, (Finding("shortcuts", "note", words),))


def _headline(judged: Judged) -> Finding:
    """The class that is best told without its lungs being seen, and what that means."""
    view, name, found = _best_told(judged, [view for view in judged.views if view in WITHOUT_LUNGS])
    level = level_of(found)
    means = {
        "warning": "a model's score on this set says little",
        "note": "a model's score on this set must be held against that",
        "fine": "a model's score on this set does not come from there",
    }[level]
    words = (
        f"Without looking at the lungs {name} is told from the rest with AUC {written(found)}, by the {view}: {means}."
    )
    return _finding("shortcuts.without-lungs", level, words, found, judged)


def _of_source(source: str, judged: Judged) -> Finding:
    view, name, found = _best_told(judged, [view for view in judged.views if view in WITHOUT_LUNGS])
    others = [other for other in judged.views if other in WITHOUT_LUNGS and other != view]
    beside = ", ".join(f"{other} {number(judged.auc_value(other, name))}" for other in others)
    words = (
        f"Within {source} {name} is told from the rest without looking at the lungs with AUC {written(found)} "
        f"({view}; {beside})."
    )
    return _finding(f"shortcuts.within.{source}", level_of(found), words, found, judged)


def _of_probe(judged: Judged, view: str) -> Finding:
    """What one probe tells, in words of the class that it tells best."""
    _, name, found = _best_told(judged, [view])
    others = [f"{other} {number(judged.auc_value(view, other))}" for other in judged.classes if other != name]
    beside = f" ({', '.join(others)})" if len(judged.classes) > 2 else ""
    by = f"With the {view}" if view == HIDDEN else f"From the {view} alone"
    words = f"{by} {name} is told from the rest with AUC {written(found)}{beside}."
    level = level_of(found)
    if view not in WITHOUT_LUNGS and level == "warning":
        level = "note"  # it sees the lungs, if dimly; whether a model goes beyond it the lift says
        words += " It sees the lungs, but too coarsely for most findings."
    return _finding(f"shortcuts.probe.{view.replace(' ', '-')}", level, words, found, judged)


def _of_models(judged: Judged, probes: Sequence[str], models: Sequence[str]) -> Iterator[Finding]:
    """What the models add to the probes: the first for every class, each as a mean over the classes."""
    for place, model in enumerate(models):
        lift = judged.lift(model, probes)
        worth = _worth(lift)
        level: Level = "fine" if worth else ("note" if place else "warning")
        words = (
            f"Over all classes the {model} encoder's AUC is {written(judged.auc(model))}, "
            f"{written(lift, signed=True)} from the best probe{'' if worth else ': no more than the probes tell'}."
        )
        yield _finding(f"shortcuts.lift.{model}", level, words, lift, judged, "lift of AUC")
    for name in judged.classes if models else ():
        lift = judged.lift(models[0], probes, name)
        worth = _worth(lift)
        words = (
            f"The {models[0]} encoder tells {name} from the rest with AUC {written(judged.auc(models[0], name))}, "
            f"{written(lift, signed=True)} from the best probe, the {lift.best}"
            f"{'' if worth else ': what it learnt of the class beyond the probe does not show'}."
        )
        yield _finding(
            f"shortcuts.lift.{models[0]}.{name}", "fine" if worth else "warning", words, lift, judged, "lift of AUC"
        )


def _best_told(judged: Judged, views: Sequence[str]) -> tuple[str, str, Estimate]:
    """View, class and AUC whose interval begins highest."""
    found = [(view, name, judged.auc(view, name)) for view in views for name in judged.classes]
    return max(found, key=lambda item: (float(np.nan_to_num(item[2].low)), item[2].value))


def level_of(found: Estimate) -> Level:
    """How much a probe's AUC should worry: by the lower end of its interval."""
    if found.low > TELLING:
        return "warning"
    return "fine" if found.low <= 0.5 else "note"


def _worth(lift: Lift) -> bool:
    """Whether a model is above the best probe beyond chance."""
    return bool(lift.low > 0)


def _finding(
    key: str, level: Level, words: str, found: Estimate | Lift, judged: Judged, measure: str = "AUC"
) -> Finding:
    return Finding(
        key, level, words, measure, known(found.value), known(found.low), known(found.high), HOW, judged.films
    )


def _notes(judged: Judged, blackout: Blackout) -> list[str]:
    """How it was done, in sentences."""
    notes = [
        f"Logistic models on {judged.films:,} films of {judged.cases:,} cases, five-fold, no case in two folds; AUC of "
        "each class against the rest with its 95 % interval by bootstrap over cases. All but the file header and the "
        "source name see films stretched to one square, so that a film's shape tells nothing."
    ]
    hidden = f"{HIDDEN.capitalize()}: the same {percent(float(blackout.place.mean()))} of every film"
    if len(blackout.covered):
        shares = blackout.covered
        hidden += (
            f", which holds {percent(float(shares.mean()))} of the lungs' area on the {len(shares)} films with masks, "
            f"{percent(float(shares.min()))} on the worst"
        )
    else:
        hidden += ", a box that was measured on films with masks by hand to hold 98 % of the lungs' area"
    notes.append(f"{hidden}.")
    if judged.left_out:
        told = ", ".join(f"{name} ({count})" for name, count in judged.left_out.items())
        notes.append(f"Left out, for they have too few cases: {told}.")
    return notes
