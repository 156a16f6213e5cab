"""The data card: who is in a set of films, what is not known of them, and how far their number carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.cardview import card_blocks, card_figures
from embedlearn.audits.enough import Carries, carries
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.replicates import Estimate, auc_replicates, share_replicates, summed_up
from embedlearn.pages.numbers import number, percent, points

if TYPE_CHECKING:
    import pandas as pd

KEY = "card"
TOLD = ("patient", "view", "age", "sex", "licence")
TESTED = ("test", "held-out")
ADULT = 18  # years
HOW = "bootstrap over cases"
FEWEST = 10  # cases of a class whose age or view is known, below which it is not compared
TELLING = 0.7  # AUC of the age from which on it is a shortcut
UNEQUAL = 0.2  # difference of shares from which on a view or a sex is one
ASK = {
    "patient": ": films of one may stand in training and in test.",
    "licence": ": ask before you share them.",
}
WHY = {
    "view": "AP films are taken of patients who cannot stand, so the view may tell the class",
    "sex": "what is told may be the sex",
}


def card_chapter(
    audited_frame: pd.DataFrame, *, width: float = 0.1, notes: Sequence[str] = (), seed: int = 0
) -> Chapter:
    """Who is in the films of a frame (see `AuditedFilms`), and how many are enough for intervals of +-`width`.

    `notes` are what the readers of the films said. Raises `ArgumentError` where `width` is not 0.001 to 0.5.
    """
    frame = with_told(audited_frame)
    enough = enough_of(frame, width)
    tested = frame[frame["split"].isin(TESTED).fillna(False)]
    held = enough_of(tested, width) if 0 < len(tested) < len(frame) else ()
    findings = [
        _who(frame),
        *_missing(frame),
        *_ages(frame, seed),
        *(found for name in ("view", "sex") if (found := _unequal(frame, name, seed))),
        *(_carries(one, width, "") for one in enough),
        *(_carries(one, width, "test") for one in held),
        *(_untested(one) for one in enough if held and one.name not in {other.name for other in held}),
    ]
    return Chapter(
        KEY,
        "Data card",
        tuple(findings),
        card_figures(frame, enough, width),
        tuple(card_blocks(frame, {"": enough, "to test on": held}, width, notes)),
        {
            "films": len(frame),
            "cases": int(frame["case"].nunique()),
            "patients": _patients(frame),
            "enough": {one.name: _plain(one) for one in enough},
            "enough_in_test": {one.name: _plain(one) for one in held},
        },
    )


def with_told(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every column of `TOLD` and `split`, empty where there was none, and `years`, float."""
    import pandas as pd

    lacking = {name: pd.Series(pd.NA, frame.index, "string") for name in (*TOLD, "split") if name not in frame}
    frame = frame.assign(**lacking)
    return frame.assign(years=pd.to_numeric(frame["age"], errors="coerce").astype(float))


def enough_of(frame: pd.DataFrame, width: float) -> tuple[Carries, ...]:
    """How far the cases of each class carry, against all others."""
    cases = {str(name): int(count) for name, count in frame.groupby("class")["case"].nunique().items()}
    return tuple(carries(name, count, sum(cases.values()) - count, width) for name, count in cases.items())


def _who(frame: pd.DataFrame) -> Finding:
    patients, cases = _patients(frame), frame["case"].nunique()
    named = int(frame["patient"].notna().sum())
    classes = _counted(frame["class"].nunique(), "class", "classes")
    words = f"{len(frame):,} films of {classes} from {_counted(frame['source'].nunique(), 'source')}: "
    words += f"{patients:,} named patients with {named:,} films. " if patients else "no patient is named. "
    words += f"What must stay together, patients and near-identical pictures, makes {cases:,} cases."
    return Finding(KEY, "note", words, "cases", float(cases), films=len(frame))


def _missing(frame: pd.DataFrame) -> Iterator[Finding]:
    """Of each thing that may be told of a film, the share of films of which it is not."""
    for name in TOLD:
        lacking = (frame["years"] if name == "age" else frame[name]).isna()
        share = float(lacking.mean())
        level: Level = "warning" if share and name == "patient" else "note" if share else "fine"
        if share in (0, 1):
            words = f"The {name} is known of {'no' if share else 'every'} film"
        else:
            words = f"The {name} of {percent(share)} of the films is not known{_by_class(lacking, frame)}"
        words += ASK.get(name, ".") if share else "."
        yield Finding(f"{KEY}.missing.{name}", level, words, "share", share, films=len(frame))


def _by_class(lacking: pd.Series[bool], frame: pd.DataFrame) -> str:
    """In brackets, where classes of some films differ by much in what is lacking."""
    counts = frame["class"].value_counts()
    shares = {name: share for name, share in _shares(lacking, frame["class"]).items() if counts[name] >= FEWEST}
    if not shares:
        return ""
    least, most = min(shares, key=lambda name: shares[name]), max(shares, key=lambda name: shares[name])
    if shares[most] - shares[least] <= UNEQUAL:
        return ""
    spread = f"{percent(shares[least])} of {least}, {percent(shares[most])} of {most}"
    return f" ({spread}: what is not known tells the class)"


def _ages(frame: pd.DataFrame, seed: int) -> Iterator[Finding]:
    """Children and adults, and the two classes that the age tells apart best."""
    known = frame[frame["years"].notna()]
    if known.empty:
        return
    child = known["years"] < ADULT
    shares = _shares(child, known["class"])
    told = ", ".join(f"{percent(share)} of {name}" for name, share in shares.items())
    apart = {0.0, 1.0} <= set(shares.values())
    words = f"{child.sum():,} of {len(known):,} films of known age are of children under {ADULT}: {told}."
    if apart:
        words += " Classes of children stand against classes of adults: a model may tell the one from the other."
    yield Finding(
        f"{KEY}.children", "warning" if apart else "note", words, "share", float(child.mean()), films=len(known)
    )
    older, younger, found = _furthest_apart(known, seed)
    if found is None:
        return
    first, second = (known.loc[known["class"] == name, "years"] for name in (older, younger))
    beside = "their ages do not overlap" if first.min() > second.max() else "the pair of classes furthest apart"
    level: Level = "warning" if found.low > TELLING else "note" if found.low > 0.5 else "fine"
    words = (
        f"The age alone tells {older} (median {first.median():g} years) from {younger} ({second.median():g}) with AUC "
        f"{number(found.value)} [{number(found.low)}, {number(found.high)}]: {beside}."
    )
    yield _resampled("age", level, words, "AUC", found, len(first) + len(second))


def _furthest_apart(known: pd.DataFrame, seed: int) -> tuple[str, str, Estimate | None]:
    """The two classes whose films differ most by age, the older first, and how well it tells them."""
    enough = known.groupby("class")["case"].nunique()
    names = [str(name) for name, count in enough.items() if count >= FEWEST]
    best: tuple[float, str, str] = (0.0, "", "")
    for older, younger in permutations(names, 2):
        ages, positive, cases = _pair(known, older, younger)
        best = max(best, (float(auc_replicates(ages[:, None], positive, cases, replicates=0)[0, 0]), older, younger))
    _, older, younger = best
    if not older:
        return older, younger, None
    ages, positive, cases = _pair(known, older, younger)
    return older, younger, summed_up(auc_replicates(ages[:, None], positive, cases, seed=seed)[0])


def _pair(known: pd.DataFrame, older: str, younger: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    both = known[known["class"].isin([older, younger])]
    return both["years"].to_numpy(), (both["class"] == older).to_numpy(), both["case"].to_numpy()


def _unequal(frame: pd.DataFrame, column: str, seed: int) -> Finding | None:
    """The two classes, and the value of a column, whose shares lie furthest apart; None where too little is known."""
    known = frame[frame[column].notna()]
    known = known.assign(**{column: known[column].str.split().str[0]})  # "AP Supine" is an AP
    counts = known.groupby("class")["case"].nunique()
    known = known[known["class"].isin(counts.index[counts >= FEWEST])]
    names, values = sorted(known["class"].unique()), sorted(known[column].unique())
    if len(names) < 2:
        return None
    shares = {value: _shares(known[column] == value, known["class"]) for value in values}
    value = max(values, key=lambda value: max(shares[value].values()) - min(shares[value].values()))
    most, least = (end(names, key=lambda name: shares[value][name]) for end in (max, min))
    has = (known[column] == value).to_numpy(dtype=bool)
    first, second = ((known["class"] == name).to_numpy(dtype=bool) for name in (most, least))
    drawn = share_replicates(np.column_stack([has, has]), np.column_stack([first, second]), known["case"], seed=seed)
    found = summed_up(drawn[0] - drawn[1])
    level: Level = "warning" if found.low > UNEQUAL else "note" if found.low > 0 else "fine"
    words = (
        f"Of the films whose {column} is known, {value} are {percent(shares[value][most])} of {most} and "
        f"{percent(shares[value][least])} of {least}, {points(found.value)} points "
        f"[{points(found.low)}, {points(found.high)}]: "
    )
    words += "the classes hardly differ." if level == "fine" else f"{WHY[column]}."
    return _resampled(column, level, words, "difference", found, len(known))


def _carries(one: Carries, width: float, split: str) -> Finding:
    """How far the cases of one class carry."""
    level: Level = "fine" if one.share[0.5] <= width else "note" if one.share[0.9] <= width else "warning"
    words = (
        f"{one.name}: {one.cases:,} cases{f' in the {split} split' if split else ''} give a sensitivity of 50 % to "
        f"within {_points(one.share[0.5])} points, one of 90 % to within {_points(one.share[0.9])}, and an AUC of .9 "
        f"to within {number(one.auc[0.9])}; for the {_points(width)} points asked for it takes "
        f"{one.share_needs[0.5]:,} and {one.share_needs[0.9]:,} cases."
    )
    key = ".".join(part for part in (KEY, "enough", split, one.name) if part)
    return Finding(key, level, words, "half-width", one.share[0.5], how="Wilson")


def _untested(one: Carries) -> Finding:
    words = f"{one.name}: none of its {one.cases:,} cases is among the films to test on."
    return Finding(f"{KEY}.enough.test.{one.name}", "warning", words, "cases", 0.0)


def _resampled(name: str, level: Level, words: str, measure: str, found: Estimate, films: int) -> Finding:
    value, low, high = (None if np.isnan(end) else end for end in found)
    return Finding(f"{KEY}.{name}", level, words, measure, value, low, high, HOW, films)


def _shares(holds: pd.Series[bool], classes: pd.Series[Any]) -> dict[str, float]:
    """Of each class the share of films for which it holds."""
    return {str(name): float(share) for name, share in holds.groupby(classes).mean().items()}


def _patients(frame: pd.DataFrame) -> int:
    """Patients that are named; two sources may name two patients alike."""
    return len(frame.loc[frame["patient"].notna(), ["source", "patient"]].drop_duplicates())


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def _points(value: float) -> str:
    return f"±{100 * value:.1f}"


def _plain(one: Carries) -> dict[str, Any]:
    """As JSON holds it: values as text keys."""
    return {
        "cases": one.cases,
        "sensitivity": {f"{value:g}": width for value, width in one.share.items()},
        "auc": {f"{value:g}": width for value, width in one.auc.items()},
        "cases_for_sensitivity": {f"{value:g}": count for value, count in one.share_needs.items()},
        "cases_for_auc": {f"{value:g}": count for value, count in one.auc_needs.items()},
    }
