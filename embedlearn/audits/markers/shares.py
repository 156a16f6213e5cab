"""How many films of a group are marked, and how far that can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z = 1.96  # standard deviations of a 95 % interval
WILSON = "Wilson, with as many trials as there are cases"


class Share(NamedTuple):
    """How many of `films` of `cases` are marked, as a share with its 95 % interval, and how many marks each has."""

    value: float
    low: float
    high: float
    films: int
    cases: int
    each: float


def share_of(counts: NDArray[np.int64], cases: NDArray[np.int64]) -> Share:
    """The share of films with a mark and Wilson's interval (1927), where films of one case count as one trial.

    `counts` int64 [N] is how many marks each film has, `cases` int64 [N] which films are of one case.
    """
    trials = len(np.unique(cases))
    share = float((counts > 0).mean())
    low, high = wilson(share, trials)
    return Share(share, low, high, len(counts), trials, float(counts.mean()))


def wilson(share: float, trials: int) -> tuple[float, float]:
    """The ends of the 95 % interval of a share of so many trials."""
    middle = (share + Z * Z / (2 * trials)) / (1 + Z * Z / trials)
    reach = Z / (1 + Z * Z / trials) * np.sqrt(share * (1 - share) / trials + Z * Z / (4 * trials * trials))
    return max(0.0, float(middle - reach)), min(1.0, float(middle + reach))
