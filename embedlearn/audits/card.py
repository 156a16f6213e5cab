"""The data card: who is in a set of films, what is not known of them, and how far their number carries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.cardview import card_blocks, card_figures
from embedlearn.audits.enough import Carries, carries
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import FEWEST
from embedlearn.audits.likeness import UNEQUAL, ages_of, shares_of, unequal
from embedlearn.pages.numbers import number, percent

if TYPE_CHECKING:
    import pandas as pd

KEY = "card"
TOLD = ("patient", "view", "age", "sex", "licence")
TESTED = ("test", "held-out")
ASK = {
    "patient": ": films of one may stand in training and in test.",
    "licence": ": ask before you share them.",
}


def card_chapter(
    audited_frame: pd.DataFrame,
    *,
    judged: NDArray[np.bool_] | None = None,
    width: float = 0.1,
    notes: Sequence[str] = (),
    seed: int = 0,
) -> Chapter:
    """Who is in the N films of a frame (see `AuditedFilms`), and how many are enough for intervals of +-`width`.

    That is told of the films to test on: those whose split says so, else those that are `judged`, bool [N], else all.
    `notes` are what the readers of the films said. Raises `ArgumentError` where `width` is not 0.001 to 0.5.
    """
    frame = with_told(audited_frame)
    enough = enough_of(frame, width)
    tested, where = _to_test(frame, judged)
    held = enough_of(frame[tested], width) if not tested.all() else ()
    findings = [
        _who(frame),
        *_missing(frame),
        *ages_of(frame, seed),
        *(found for name in ("view", "sex") if (found := unequal(frame, name, seed))),
        *_enough(enough, held, where, width),
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


def _to_test(frame: pd.DataFrame, judged: NDArray[np.bool_] | None) -> tuple[NDArray[np.bool_], str]:
    """Which films a model may be tested on, bool [N], and in words which these are; all where nothing is known."""
    split = frame["split"].isin(TESTED).fillna(False).to_numpy(dtype=bool)
    if 0 < split.sum() < len(frame):
        return split, "in the test split"
    if judged is not None and judged.any() and not judged.all():
        return judged, "among the films that a model may be tested on"
    return np.ones(len(frame), bool), ""


def _enough(enough: Sequence[Carries], held: Sequence[Carries], where: str, width: float) -> Iterator[Finding]:
    """How far the cases to test on carry, one finding for each class of the frame."""
    by_name = {one.name: one for one in held or enough}
    for one in enough:
        found = by_name.get(one.name)
        yield _carries(found, width, where) if found else _untested(one, where)


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
    shares = {name: share for name, share in shares_of(lacking, frame["class"]).items() if counts[name] >= FEWEST}
    if not shares:
        return ""
    least, most = min(shares, key=lambda name: shares[name]), max(shares, key=lambda name: shares[name])
    if shares[most] - shares[least] <= UNEQUAL:
        return ""
    spread = f"{percent(shares[least])} of {least}, {percent(shares[most])} of {most}"
    return f" ({spread}: what is not known may tell the class)"


def _carries(one: Carries, width: float, where: str) -> Finding:
    """How far the cases of one class carry."""
    level: Level = "fine" if one.share[0.5] <= width else "note" if one.share[0.9] <= width else "warning"
    words = (
        f"{one.name}: {' '.join(f'{one.cases:,} cases {where}'.split())} give a sensitivity of 50 % to "
        f"within {_points(one.share[0.5])} points, one of 90 % to within {_points(one.share[0.9])}, and an AUC of .9 "
        f"to within {number(one.auc[0.9])}; for the {_points(width)} points asked for it takes "
        f"{one.share_needs[0.5]:,} and {one.share_needs[0.9]:,} cases."
    )
    return Finding(f"{KEY}.enough.{one.name}", level, words, "half-width", one.share[0.5], how="Wilson")


def _untested(one: Carries, where: str) -> Finding:
    words = f"{one.name}: none of its {one.cases:,} cases is {where}."
    return Finding(f"{KEY}.enough.{one.name}", "warning", words, "half-width")


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
