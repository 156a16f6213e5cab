"""How alike classes are in who was filmed: their ages, views and sexes, by intervals over cases."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding, Level
from embedlearn.audits.judging import FEWEST, HARMLESS, TELLING
from embedlearn.audits.replicates import OVER_CASES, Estimate, Floats, auc_replicates, share_replicates, summed_up
from embedlearn.audits.shortcuts import UNSAID
from embedlearn.pages.numbers import number, percent, points

if TYPE_CHECKING:
    import pandas as pd

ADULT = 18  # years
UNEQUAL, ALIKE = 0.2, 0.1  # differences of shares of a view or a sex: one from the one on, hardly one up to the other
WHY = {
    "view": "AP films are taken of patients who cannot stand, so the view may tell the class",
    "sex": "what is told may be the sex",
}


def ages_of(frame: pd.DataFrame, seed: int) -> Iterator[Finding]:
    """Children and adults, and the two classes that the age tells apart best."""
    known = frame[frame["years"].notna()]
    if known.empty:
        return
    child = known["years"] < ADULT
    shares = shares_of(child, known["class"])
    told = ", ".join(f"{percent(share)} of {name}" for name, share in shares.items())
    apart = {0.0, 1.0} <= set(shares.values())
    words = f"{child.sum():,} of {len(known):,} films of known age are of children under {ADULT}: {told}."
    if apart:
        words += " Classes of children stand against classes of adults: a model may tell the one from the other."
    yield Finding(
        "card.children", "warning" if apart else "note", words, "share", float(child.mean()), films=len(known)
    )
    older, younger, found = _furthest_apart(known, seed)
    if found is None:
        return
    first, second = (known.loc[known["class"] == name, "years"] for name in (older, younger))
    beside = "their ages do not overlap" if first.min() > second.max() else "the pair of classes furthest apart"
    level: Level = "warning" if found.low > TELLING else "note"
    if found.high <= HARMLESS and _most_by_age(known, seed) <= HARMLESS:
        level = "fine"
    elif not found.low > 0.5:
        beside += f"; whether it tells them {UNSAID}"
    words = (
        f"The age alone tells {older} (median {first.median():g} years) from {younger} ({second.median():g}) with AUC "
        f"{number(found.value)} [{number(found.low)}, {number(found.high)}]: {beside}."
    )
    yield _resampled("age", level, words, "AUC", found, len(first) + len(second))


def _furthest_apart(known: pd.DataFrame, seed: int) -> tuple[str, str, Estimate | None]:
    """The two classes whose films differ most by age, the older first, and how well it tells them."""
    best: tuple[float, str, str] = (0.0, "", "")
    for older, younger in permutations(_compared(known), 2):
        ages, positive, cases = _pair(known, older, younger)
        best = max(best, (float(auc_replicates(ages[:, None], positive, cases, replicates=0)[0, 0]), older, younger))
    _, older, younger = best
    if not older:
        return older, younger, None
    return older, younger, _by_age(known, older, younger, seed)


def _by_age(known: pd.DataFrame, older: str, younger: str, seed: int) -> Estimate:
    ages, positive, cases = _pair(known, older, younger)
    return summed_up(auc_replicates(ages[:, None], positive, cases, seed=seed)[0])


def _most_by_age(known: pd.DataFrame, seed: int) -> float:
    """The highest upper end of all pairs of classes that are compared."""
    return max(_by_age(known, older, younger, seed).high for older, younger in permutations(_compared(known), 2))


def _compared(known: pd.DataFrame) -> list[str]:
    """The classes of which cases enough are known."""
    return [str(name) for name, count in known.groupby("class")["case"].nunique().items() if count >= FEWEST]


def _pair(known: pd.DataFrame, older: str, younger: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    both = known[known["class"].isin([older, younger])]
    return both["years"].to_numpy(), (both["class"] == older).to_numpy(), both["case"].to_numpy()


def unequal(frame: pd.DataFrame, column: str, seed: int) -> Finding | None:
    """The two classes, and the value of a column, whose shares lie furthest apart; None where too little is known."""
    known = frame[frame[column].notna()]
    known = known.assign(**{column: known[column].str.split().str[0]})  # "AP Supine" is an AP
    known = known[known["class"].isin(names := sorted(_compared(known)))]
    values = sorted(known[column].unique())
    if len(names) < 2:
        return None
    shares = {value: shares_of(known[column] == value, known["class"]) for value in values}
    value = max(values, key=lambda value: max(shares[value].values()) - min(shares[value].values()))
    most, least = (end(names, key=lambda name: shares[value][name]) for end in (max, min))
    drawn = _drawn(known, column, value, names, seed)
    found = summed_up(drawn[names.index(most)] - drawn[names.index(least)])
    level: Level = "warning" if found.low > UNEQUAL else "note"
    if found.high <= ALIKE and all(_alike(_drawn(known, column, one, names, seed)) for one in values):
        level, means = "fine", "the classes hardly differ"
    elif found.low > 0:
        means = WHY[column]
    else:
        means = f"whether the classes differ {UNSAID}"
    words = (
        f"Of the films whose {column} is known, {value} are {percent(shares[value][most])} of {most} and "
        f"{percent(shares[value][least])} of {least}, {points(found.value)} points "
        f"[{points(found.low)}, {points(found.high)}]: {means}."
    )
    return _resampled(column, level, words, "difference", found, len(known))


def _drawn(known: pd.DataFrame, column: str, value: str, names: Sequence[str], seed: int) -> Floats:
    """The share of each class's films that have a value, in replicates over cases, float64 [C, 1 + B]."""
    has = (known[column] == value).to_numpy(dtype=bool)
    of = np.column_stack([(known["class"] == name).to_numpy(dtype=bool) for name in names])
    return share_replicates(np.repeat(has[:, None], len(names), axis=1), of, known["case"], seed=seed)


def _alike(drawn: Floats) -> bool:
    """Whether no two classes' shares, float64 [C, 1 + B], can lie further apart than `ALIKE`."""
    return all(summed_up(one - other).high <= ALIKE for one, other in permutations(drawn, 2))


def _resampled(name: str, level: Level, words: str, measure: str, found: Estimate, films: int) -> Finding:
    value, low, high = (None if np.isnan(end) else end for end in found)
    return Finding(f"card.{name}", level, words, measure, value, low, high, OVER_CASES, films)


def shares_of(holds: pd.Series[bool], classes: pd.Series[Any]) -> dict[str, float]:
    """Of each class the share of films for which it holds."""
    return {str(name): float(share) for name, share in holds.groupby(classes).mean().items()}
