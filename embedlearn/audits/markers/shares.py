"""How many films of a group are marked, and how far that can be trusted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.enough import wilson

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
