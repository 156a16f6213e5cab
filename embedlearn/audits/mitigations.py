"""Mitigations: what each takes away from the probes, measured on the same films before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from embedlearn.audits.features import BORDER, CORNERS, HEADER, HIDDEN, SOURCE, THUMBNAIL
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import HARMLESS, TELLING, known, written
from embedlearn.audits.measured import CROPPED, MODEL, Measured, measure, mitigated
from embedlearn.audits.mitigationview import mitigation_blocks, mitigation_figures, mitigation_notes
from embedlearn.audits.replicates import HOW, Estimate, summed_up
from embedlearn.audits.scoring import HEAVIEST
from embedlearn.pages.numbers import number

__all__ = ["MITIGATIONS", "Known", "Measured", "measure", "mitigated", "mitigations_chapter"]

KEY = "mitigations"


class Known(NamedTuple):
    """What a mitigation does, and how a training takes it."""

    does: str
    taken: str


MITIGATIONS = {
    "trim": Known("the borders cut away", "pretrain --border SHARE or data convert --trim SHARE"),
    "lungs": Known("cropped to the lungs", "data convert --lungs"),
    "intensity": Known("every grey equally frequent", "data convert --intensity"),
    "balance": Known(
        f"each class of each source counting alike, a film at most {HEAVIEST:.0f} times the mean",
        "pretrain --balance sources, there without that limit",
    ),
    "twins": Known("one film of each picture", "pretrain --data deduplicated.csv"),
}


def mitigations_chapter(rows: Mapping[str, Measured]) -> Chapter:
    """What each of the settings changes, by its name; the first of them is before, names are those of `MITIGATIONS`.

    A setting of another name is told as several together.
    """
    (first, before), *others = rows.items()
    if before.judged is None:
        words = "Nothing can be said of mitigations: fewer than two classes have ten cases or more."
        return Chapter(KEY, "Mitigations", (Finding(KEY, "note", words),))
    after = {name: found for name, found in others if _comparable(before, found)}
    shown = {first: before, **after}
    findings = [_effect(name, before, found) for name, found in after.items()]
    if after:
        findings.insert(0, _what_stays(before, *list(after.items())[-1]))
    findings.extend(_across(shown))
    data = {
        name: {
            "films": found.films,
            "counting": found.counting,
            "class": found.judged.as_plain() if found.judged else None,
            "source": found.sources.as_plain() if found.sources else None,
        }
        for name, found in shown.items()
    }
    notes = (*mitigation_notes(shown), *(_left_out(name) for name, _ in others if name not in after))
    return Chapter(
        KEY,
        "Mitigations",
        tuple(findings),
        mitigation_figures({name: _estimates(found) for name, found in shown.items()}, _asked(before)),
        tuple(mitigation_blocks({name: _tables(found) for name, found in shown.items()}, notes)),
        data,
    )


def _comparable(before: Measured, after: Measured) -> bool:
    """Whether the same classes were judged."""
    if before.judged is None or after.judged is None:
        return False
    return after.positive == before.positive and after.judged.classes == before.judged.classes


def _left_out(name: str) -> str:
    return f"{name.capitalize()} is not held against the others: it leaves too few cases of a class."


def _what_stays(before: Measured, name: str, after: Measured) -> Finding:
    """How well the best probe of pixels around the lungs still tells the class at the end."""
    if not (before.around and after.around):
        seen = [
            f"the {view} {written(summed_up(after.aucs(view)))} (before {number(float(before.aucs(view)[0]))})"
            for view in after.seeing
        ]
        words = (
            f"With {name} ({_does(name)}) no probe of pixels is left that does not see the lungs, and what still tells "
            f"{_asked(before)} without them cannot be said. AUC of those that see them: {_listed(seen)}."
        )
        return Finding(KEY, "note", words, films=after.films)
    found = summed_up(after.best(after.around))
    level, means = verdict_of(after, found)
    words = (
        f"With {name} ({_does(name)}) the best probe of pixels around the lungs, {_best(after)}, tells "
        f"{_asked(before)} with AUC {written(found)}; before it was {_best(before)} with "
        f"{number(summed_up(before.best(before.around)).value)}: {means}."
    )
    return _finding(KEY, level, words, found, after, "AUC")


def verdict_of(after: Measured, found: Estimate) -> tuple[Level, str]:
    """What it means that the best probe around the lungs finds so much."""
    low = summed_up(after.best(after.blind)).low if after.blind else np.nan
    if low > TELLING:
        return "warning", "these films still tell it without the lungs; what helps is other films"
    if found.high < HARMLESS and after.counting is None:
        return "fine", f"none of these probes tells it beyond {number(HARMLESS, digits=1)}"
    if low > 0.5:
        return "note", "a score on these films must still be held against that"
    if found.low > 0.5:
        return "note", "whether that is of the lungs or a shortcut cannot be said"
    return "note", "whether anything is left of it cannot be said"


def _effect(name: str, before: Measured, after: Measured) -> Finding:
    """What one mitigation changes."""
    words = [f"{name} ({_does(name)}) {_changed(before, after)};"]
    change = Estimate(np.nan, np.nan, np.nan)
    if before.around and after.around:
        change = summed_up(after.best(after.around) - before.best(before.around))
        words.append(
            f"the best probe of pixels around the lungs, now {_best(after)}, moves by {written(change, signed=True)}."
        )
    else:
        words.append("no probe of pixels is left that does not see the lungs.")
    if after.counting is not None:
        words.append(
            f"So weighted the films are worth {after.counting:,.0f} of equal weight. The source name falls by how the "
            "weights are made."
        )
    if after.anew:
        old, new = (number(float(found.aucs(HEADER)[0])) for found in (before, after))
        words.append(f"Saved anew, files tell {_asked(before)} by their headers with AUC {new} (before {old}).")
    if name in MITIGATIONS:
        words.append(f"A training takes it by {MITIGATIONS[name].taken}.")
    level: Level = "fine" if change.high < 0 and after.counting is None else "note"
    key = f"{KEY}.{name.replace(' ', '-')}"
    return _finding(key, level, " ".join(words), change, after, "change of AUC")


def _across(rows: Mapping[str, Measured]) -> Iterator[Finding]:
    """How well the source is told in every setting, and what an encoder adds to the probes; by the last of them."""
    sources = {name: found.sources.auc(THUMBNAIL) for name, found in rows.items() if found.sources}
    lifts = {name: found.lift for name, found in rows.items() if found.lift}
    last = list(rows.values())[-1]
    if len(sources) == len(rows) > 1:
        told = ", ".join(f"{name} {number(found.value)}" for name, found in sources.items())
        words = (
            f"How well the {THUMBNAIL} tells the source, AUC: {told}. That is over all films, and the label may have a "
            "part in it; to know a source does no harm by itself."
        )
        yield _finding(f"{KEY}.source", "note", words, list(sources.values())[-1], last, "AUC")
    if len(lifts) == len(rows) > 1:
        told = ", ".join(f"{name} {written(found, signed=True)}" for name, found in lifts.items())
        final = list(lifts.values())[-1]
        level, means = _worth(final, last)
        words = f"The encoder, not trained anew, beyond the best probe: {told}; {means}."
        yield _finding(f"{KEY}.lift", level, words, final, last, "lift of AUC")


def _worth(lift: Estimate, after: Measured) -> tuple[Level, str]:
    """What it means that the encoder lies so far above the best probe."""
    if lift.high <= 0:
        return "warning", "at the end it tells no more than that"
    if lift.low > 0 and after.counting is None:
        return "fine", "at the end it tells more than that"
    return "note", "whether it tells more than that at the end cannot be said"


def _changed(before: Measured, after: Measured) -> str:
    """Which probes fall and which rise beyond chance, of those that look at the same before and after."""
    other = {HEADER} if after.anew else set()
    other |= {BORDER, CORNERS} if CROPPED in after.done else set()  # lung, or near it
    other |= {SOURCE} if after.counting is not None else set()  # which the weights take away by their making
    fallen, risen = [], []
    for view in (view for view in before.probes if view in after.probes and view not in other):
        old, new = before.aucs(view), after.aucs(view)
        change = summed_up(new - old)
        told = f"the {view} from {number(float(old[0]))} to {number(float(new[0]))}"
        if change.high < 0:
            fallen.append(told)
        elif change.low > 0:
            risen.append(told)
    lowers = f"lowers {_listed(fallen)}" if fallen else "lowers no probe beyond chance"
    return lowers + (f", and raises {_listed(risen)}" if risen else "")


def _best(measured: Measured) -> str:
    """The probe around the lungs of the highest AUC, in words."""
    if measured.positive is None:
        return "one for each class"
    best = max(measured.around, key=lambda view: float(measured.aucs(view)[0]))
    named = "that of films with their lungs blacked out" if best == HIDDEN else f"the {best}"
    return named if best in measured.blind else f"{named} (which may see of the lungs)"


def _estimates(measured: Measured) -> dict[str, Estimate]:
    """What a figure shows of one setting: every view of the class, and the source."""
    assert measured.judged is not None
    found = {view: summed_up(measured.aucs(view)) for view in measured.judged.views}
    if measured.sources:
        found["source, from the pixels"] = measured.sources.auc(THUMBNAIL)
    return found


def _tables(measured: Measured) -> dict[str, dict[str, Estimate]]:
    """What a table shows of one setting, by groups: the class asked for, the mean, the source, the lift."""
    judged = measured.judged
    assert judged is not None
    groups = {}
    if measured.positive:
        groups[f"{measured.positive} against the rest"] = {
            view: judged.auc(view, measured.positive) for view in judged.views
        }
    groups["mean over the classes"] = {view: judged.auc(view) for view in judged.views}
    if measured.sources:
        groups["source"] = {THUMBNAIL: measured.sources.auc(THUMBNAIL)}
    if measured.lift:
        groups["lift over the best probe"] = {MODEL: measured.lift}
    return groups


def _does(name: str) -> str:
    return MITIGATIONS[name].does if name in MITIGATIONS else "several mitigations"


def _asked(measured: Measured) -> str:
    return f"{measured.positive} from the rest" if measured.positive else "the classes, on average,"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _finding(key: str, level: Level, words: str, found: Estimate, measured: Measured, measure: str) -> Finding:
    return Finding(
        key, level, words, measure, known(found.value), known(found.low), known(found.high), HOW, measured.films
    )
