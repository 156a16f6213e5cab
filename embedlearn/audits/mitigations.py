"""Mitigations: what each takes away from the probes, measured on the same films before and after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from embedlearn.audits.features import HEADER, THUMBNAIL
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import known, written
from embedlearn.audits.measured import MODEL, Measured, measure, mitigated
from embedlearn.audits.mitigationview import mitigation_blocks, mitigation_figures
from embedlearn.audits.replicates import HOW, Estimate, summed_up
from embedlearn.audits.shortcuts import TELLING, level_of
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
    "balance": Known("each class of each source counting alike", "pretrain --balance sources"),
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
            "class": found.judged.as_plain() if found.judged else None,
            "source": found.sources.as_plain() if found.sources else None,
        }
        for name, found in shown.items()
    }
    notes = (*_notes(before), *(_left_out(name) for name, _ in others if name not in after))
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
    """How well the best probe that sees pixels still tells the class at the end."""
    found = summed_up(after.best(after.seeing))
    level = level_of(found)
    means = {
        "warning": "these films still tell it without the disease; what helps is other films",
        "note": "a score on these films must still be held against that",
        "fine": "what told it without the disease is gone",
    }[level]
    words = (
        f"With {name} ({_does(name)}) the best probe of pixels, the {_best(after)}, tells {_asked(before)} with AUC "
        f"{written(found)}; before it was the {_best(before)} with "
        f"{number(summed_up(before.best(before.seeing)).value)}: {means}."
    )
    return _finding(KEY, level, words, found, after, "AUC")


def _effect(name: str, before: Measured, after: Measured) -> Finding:
    """What one mitigation changes."""
    change = summed_up(after.best(after.seeing) - before.best(before.seeing))
    words = [
        f"{name} ({_does(name)}) {_changed(before, after)}; the best probe of pixels, now the {_best(after)}, moves by "
        f"{written(change, signed=True)}."
    ]
    if after.anew:
        old, new = (number(float(found.aucs(HEADER)[0])) for found in (before, after))
        words.append(f"Saved anew, files tell {_asked(before)} by their headers with AUC {new} (before {old}).")
    if name in MITIGATIONS:
        words.append(f"A training takes it by {MITIGATIONS[name].taken}.")
    level: Level = "fine" if change.high < 0 else "note"
    key = f"{KEY}.{name.replace(' ', '-')}"
    return _finding(key, level, " ".join(words), change, after, "change of AUC")


def _across(rows: Mapping[str, Measured]) -> Iterator[Finding]:
    """How well the source is told in every setting, and what an encoder adds to the probes; by the last of them."""
    sources = {name: found.sources.auc(THUMBNAIL) for name, found in rows.items() if found.sources}
    lifts = {name: found.lift for name, found in rows.items() if found.lift}
    last = list(rows.values())[-1]
    if len(sources) == len(rows) > 1:
        told = ", ".join(f"{name} {number(found.value)}" for name, found in sources.items())
        words = f"The pixels tell the source of a film, AUC: {told}."
        final = list(sources.values())[-1]
        yield _finding(f"{KEY}.source", "warning" if final.low > TELLING else "note", words, final, last, "AUC")
    if len(lifts) == len(rows) > 1:
        told = ", ".join(f"{name} {written(found, signed=True)}" for name, found in lifts.items())
        words = f"The encoder, not trained anew, beyond the best probe: {told}."
        final = list(lifts.values())[-1]
        yield _finding(f"{KEY}.lift", "fine" if final.low > 0 else "warning", words, final, last, "lift of AUC")


def _changed(before: Measured, after: Measured) -> str:
    """Which probes fall and which rise beyond chance."""
    fallen, risen = [], []
    for view in (view for view in before.probes if view in after.probes and not (view == HEADER and after.anew)):
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
    """The probe of pixels of the highest AUC."""
    return max(measured.seeing, key=lambda view: float(measured.aucs(view)[0]))


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


def _notes(before: Measured) -> Iterator[str]:
    """How it was done, in sentences."""
    yield (
        "Measured as the shortcuts are, with the same folds and replicates where the films are the same. Films are "
        "mitigated at the audit's resolution, and their headers then are those of PNG files; even greys are less even "
        "again where a film is shrunk afterwards."
    )
    yield (
        "Lungs: where no masks or boxes are given for all films, an estimate is taken for all of them. What lies "
        "around the lungs is then gone, so that probe has nothing to look at."
    )
    yield "An AUC below .5 tells no more than one of .5: what was learnt of some cases does not hold for others."
    if before.judged and MODEL in before.judged.views:
        yield "The encoder was trained on films as they are; what it would learn of mitigated ones, a training tells."


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
