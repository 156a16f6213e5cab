"""Shortcuts: how well the class can be told without looking at what a disease does, and how far a model goes beyond.

Where a probe that sees no lung tells a class, a score on these films may rest on where they come from (DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.features import (
    BORDER,
    CORNER,
    CORNERS,
    HIDDEN,
    SOURCE,
    WITHOUT_LUNGS,
    Blackout,
    hide_lungs,
    probe_features,
)
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import HARMLESS, TELLING, Judged, judge, known, plain, written
from embedlearn.audits.probes import RING, SIDE
from embedlearn.audits.replicates import HOW, Estimate, Lift
from embedlearn.audits.shortcutview import shortcut_blocks, shortcut_figures
from embedlearn.pages.numbers import number, percent

UNSAID = "cannot be said from so few cases"
TITLE = "Shortcuts"


def shortcuts_chapter(
    audited: AuditedFilms,
    *,
    lungs: Mapping[int, NDArray[np.bool_]] | None,
    models: Mapping[str, NDArray[np.float32]],
    weights: NDArray[np.float64] | None = None,
    positive: str | None = None,
    seed: int = 0,
) -> Chapter:
    """How well each class is told from the rest by probes, and by `models`, embeddings float32 [N, D] by name.

    The first model is the one that is judged, the others stand beside it. `lungs`: masks bool [h, w] of the content of
    some films, by row. `weights` float [N]: how much a film counts where a model is fitted. The headline leads with
    the class `positive` where it is judged, else with the class that is best told. Raises `ImageError` where a file
    cannot be read, `ArgumentError` where arrays do not belong together.
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
        _headline(overall, positive),
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


def _headline(judged: Judged, positive: str | None) -> Finding:
    """How well a class is told without its lungs being seen, and what that means; the best told beside it."""
    views = _without_lungs(judged)
    names = [positive] if positive in judged.classes else judged.classes
    view, name, found = _best_told(judged, views, names)
    level = _level(judged, views, judged.classes)
    means = {
        "warning": "a model's score on this set says little",
        "note": "a model's score on this set must be held against that",
        "fine": "little of a model's score on this set can come from there",
    }[level]
    words = f"Without looking at the lungs {name} is told from the rest with AUC {written(found)}, by the {view}"
    by, best, most = _best_told(judged, views, judged.classes)
    if best != name:
        words += f"; best told is {best}, with AUC {written(most)} by the {by}"
    if _doubtful(level, most):
        means = f"whether a model's score on this set comes from there {UNSAID}"
    return _finding("shortcuts.without-lungs", level, f"{words}: {means}.", found, judged)


def _of_source(source: str, judged: Judged) -> Finding:
    views = _without_lungs(judged)
    view, name, found = _best_told(judged, views, judged.classes)
    others = [other for other in views if other != view]
    beside = ", ".join(f"{other} {number(judged.auc_value(other, name))}" for other in others)
    level = _level(judged, views, judged.classes)
    words = (
        f"Within {source} {name} is told from the rest without looking at the lungs with AUC {written(found)} "
        f"({view}; {beside}){_doubt(level, found)}."
    )
    return _finding(f"shortcuts.within.{source}", level, words, found, judged)


def _of_probe(judged: Judged, view: str) -> Finding:
    """What one probe tells, in words of the class that it tells best."""
    _, name, found = _best_told(judged, [view], judged.classes)
    others = [f"{other} {number(judged.auc_value(view, other))}" for other in judged.classes if other != name]
    beside = f" ({', '.join(others)})" if len(judged.classes) > 2 else ""
    by = f"With the {view}" if view == HIDDEN else f"From the {view} alone"
    level = _level(judged, [view], judged.classes)
    words = f"{by} {name} is told from the rest with AUC {written(found)}{beside}{_doubt(level, found)}."
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
            f"{written(lift, signed=True)} from the best probe"
            f"{'' if worth else ': that it is more than the probes tell is not shown'}."
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


def _without_lungs(judged: Judged) -> list[str]:
    return [view for view in judged.views if view in WITHOUT_LUNGS]


def _best_told(judged: Judged, views: Sequence[str], names: Sequence[str]) -> tuple[str, str, Estimate]:
    """View, class and AUC whose interval begins highest."""
    found = [(view, name, judged.auc(view, name)) for view in views for name in names]
    return max(found, key=lambda item: (float(np.nan_to_num(item[2].low)), item[2].value))


def level_of(found: Estimate) -> Level:
    """How much a probe's AUC should worry: a warning by the lower end of its interval, fine by the upper one."""
    if found.low > TELLING:
        return "warning"
    return "fine" if found.high <= HARMLESS else "note"


def _level(judged: Judged, views: Sequence[str], names: Sequence[str]) -> Level:
    """The worst of all."""
    levels = {level_of(judged.auc(view, name)) for view in views for name in names}
    return "warning" if "warning" in levels else "note" if "note" in levels else "fine"


def _doubtful(level: Level, found: Estimate) -> bool:
    """Whether what is told best may be chance, or little, while more than a little cannot be ruled out."""
    return level == "note" and (not found.low > 0.5 or level_of(found) == "fine")


def _doubt(level: Level, found: Estimate) -> str:
    return f"; whether more than a little is told {UNSAID}" if _doubtful(level, found) else ""


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
        "source name see films stretched to one square, so that a film's shape tells nothing.",
        f"{BORDER.capitalize()}: the outer {percent(RING)} of the film's sides; {CORNERS}: squares of "
        f"{percent(CORNER / SIDE)} of the sides; of both only what the box of the lungs leaves. On 44 films with masks "
        "by hand they hold 1.5 % and 0.2 % of the lungs' area, on the worst 13 % and 2 %.",
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
