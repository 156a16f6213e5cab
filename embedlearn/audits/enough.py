"""How many cases are enough: the 95 % interval that a number of cases can give, and the other way round.

A case is what is independent of others, a patient and not a film.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from embedlearn.errors import ArgumentError

Z = 1.959964  # of the standard normal distribution, 97.5 % lie below
MOST = 10**9
SHARES = (0.5, 0.8, 0.9)  # sensitivities that are asked about; of .5 the interval is the widest
AUCS = (0.8, 0.9)


class Carries(NamedTuple):
    """How far the cases of a class carry: the half-widths of its sensitivity and AUC by their value, and the needs.

    `share_needs` and `auc_needs` are the cases that are enough for the half-width asked for.
    """

    name: str
    cases: int
    share: Mapping[float, float]
    auc: Mapping[float, float]
    share_needs: Mapping[float, int]
    auc_needs: Mapping[float, int]


def carries(name: str, cases: int, others: int, width: float) -> Carries:
    """Of a class of so many cases against so many others, where +-`width` is asked for. Raises `ArgumentError`."""
    others = max(1, others)
    return Carries(
        name,
        cases,
        {share: share_half_width(share, cases) for share in SHARES},
        {auc: auc_half_width(auc, cases, others) for auc in AUCS},
        {share: cases_for_share(share, width) for share in SHARES},
        {auc: cases_for_auc(auc, width, others / cases) for auc in AUCS},
    )


def wilson(share: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a share of so many trials, such as cases (Wilson 1927)."""
    _check("share", share, 0, 1)
    _check("trials", trials, 1, MOST)
    middle = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = share_half_width(share, trials)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_half_width(share: float, cases: float) -> float:
    """Half the width of `wilson`'s interval; the widest is that of a share of .5."""
    spread = share * (1 - share) / cases + Z**2 / (4 * cases**2)
    return Z * math.sqrt(spread) / (1 + Z**2 / cases)


def auc_half_width(auc: float, positives: float, negatives: float) -> float:
    """Half the width of an AUC's 95 % interval, Z standard errors (Hanley and McNeil 1982).

    It takes scores to be exponentially distributed; of normal ones the interval is nearly the same.
    """
    _check("AUC", auc, 0.5, 1)
    first, second = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (positives - 1) * (first - auc**2) + (negatives - 1) * (second - auc**2)
    return Z * math.sqrt(max(spread, 0.0) / (positives * negatives))


def cases_for_share(share: float, half_width: float) -> int:
    """The fewest cases of which a share, such as a sensitivity, has an interval of +-`half_width` or less.

    Raises `ArgumentError` for a share outside 0 to 1 or a half-width outside 0.001 to 0.5.
    """
    _check("share", share, 0, 1)
    return _fewest(lambda cases: share_half_width(share, cases), half_width)


def cases_for_auc(auc: float, half_width: float, ratio: float = 1.0) -> int:
    """The fewest cases with the disease for an AUC of +-`half_width` or less, `ratio` others standing against each.

    Raises `ArgumentError` for an AUC outside .5 to 1, a half-width outside 0.001 to 0.5 or a ratio that is not
    positive.
    """
    _check("AUC", auc, 0.5, 1)
    _check("ratio", ratio, 1e-6, 1e6)
    return _fewest(lambda cases: auc_half_width(auc, cases, max(1.0, ratio * cases)), half_width)


def _fewest(half_width_of: Callable[[int], float], wanted: float) -> int:
    """The least number from which on the half-width, which falls with it, is as wanted; by bisection."""
    _check("half-width", wanted, 0.001, 0.5)
    low, high = 0, 1
    while half_width_of(high) > wanted:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if half_width_of(middle) > wanted else (low, middle)
    return high


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ArgumentError(f"{name}: wanted a number from {low:g} to {high:g}, got {value:g}")
