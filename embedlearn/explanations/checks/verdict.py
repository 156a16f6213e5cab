"""What a check says of a method: a value, how sure it is, what was wanted, and whether it passed."""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.intervals import LEVEL

Floats = NDArray[np.float64]
BEYOND = ", beyond the middle"  # what a map says of this film, and not of any
REPLICATES = 2000
PLACES = ("lesions", "border", "corners", "lungs")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt}


@dataclass(frozen=True)
class Verdict:
    """One answer about one method.

    `value` lies between `low` and `high` (95 %, by resampling cases; None where there is no interval); `wanted` is a
    comparison and a number, such as "> 0", that the whole interval must hold; `n` films were asked. `passed` is None,
    and `value` NaN, where the check could not be asked: `sentence` then gives the reason, and otherwise what was found.
    """

    check: str
    method: str
    value: float
    low: float | None
    high: float | None
    wanted: str
    passed: bool | None
    sentence: str
    n: int

    @property
    def bar(self) -> float:
        """The number in `wanted`."""
        return float(self.wanted.split()[1])

    @property
    def asks_where(self) -> bool:
        """Whether it asks where evidence lies: a faithful map of a network that looks elsewhere must fail this too."""
        return self.check.startswith(PLACES)

    @property
    def word(self) -> str:
        """Pass, fail, not asked; or not shown, where the value is as wanted but too uncertain: more films may tell."""
        if self.passed is False and holds(self.value, self.wanted):
            return "not shown"
        return {True: "pass", False: "fail", None: "not asked"}[self.passed]

    def plain(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**dataclasses.asdict(self), "value": self.value if math.isfinite(self.value) else None}

    @classmethod
    def restored(cls, plain: Mapping[str, Any]) -> Verdict:
        """What `plain` wrote."""
        return cls(**{**plain, "value": math.nan if plain["value"] is None else plain["value"]})


class Interval(NamedTuple):
    """A mean and its 95 % interval, None where there are fewer than two cases."""

    mean: float
    low: float | None
    high: float | None


def mean_interval(values: ArrayLike, cases: ArrayLike) -> Interval:
    """The mean of `values` of films of `cases` [N], float [N] or [R, N], and its interval by drawing them again.

    The percentile bootstrap (Efron 1979) of whole cases, whose films are not independent; with R repetitions, such as
    random networks, of these too. NaN is left out. The draws are always the same.
    """
    numbers = np.atleast_2d(np.asarray(values, np.float64))
    there = np.isfinite(numbers).all(0)
    if not there.any():
        return Interval(math.nan, None, None)
    numbers = numbers[:, there]
    places = np.unique(np.asarray(cases)[there], return_inverse=True)[1]
    sums, counts = np.stack([np.bincount(places, row) for row in numbers]), np.bincount(places)
    if len(counts) < 2:
        return Interval(float(numbers.mean()), None, None)
    rng = np.random.default_rng(0)
    drawn, again = (rng.multinomial(size, np.full(size, 1 / size), size=REPLICATES) for size in sums.shape[::-1])
    means = ((again @ sums) * drawn).sum(1) / (drawn @ counts) / len(sums)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(numbers.mean()), float(low), float(high))


def judged(check: str, method: str, values: ArrayLike, cases: ArrayLike, wanted: str, sentence: str) -> Verdict:
    """The verdict on the mean of `values` [N] or [R, N], as in `mean_interval`: passed where all of it is as wanted.

    Values are taken to a millionth, so that the last digits of a sum are never evidence.
    """
    numbers = np.asarray(values, np.float64).round(6)
    mean, low, high = mean_interval(numbers, cases)
    asked = int(np.isfinite(np.atleast_2d(numbers)).all(0).sum())
    if low is None or high is None:
        return not_asked(check, method, wanted, f"{asked} films are too few to tell; give films of two cases or more")
    ends = (low, high, mean)
    return Verdict(check, method, mean, low, high, wanted, all(holds(end, wanted) for end in ends), sentence, asked)


def beside_middle(
    check: str, method: str, mine: Floats, middle: Floats, cases: ArrayLike, wanted: str, words: str
) -> list[Verdict]:
    """Two verdicts: on what a map gets, and on what it gets beyond a map of the film's middle, both float64 [N]."""
    sentence = f"{words} {mine.mean():.3f}; of random maps 0, of a map of the film's middle {middle.mean():.3f}"
    return [
        judged(check, method, mine, cases, wanted, sentence),
        judged(f"{check}{BEYOND}", method, mine - middle, cases, wanted, sentence),
    ]


def holds(value: float, wanted: str) -> bool:
    """Whether `value` is as `wanted`, such as "> 0"; NaN never is."""
    sign, bar = wanted.split()
    return bool(COMPARISONS[sign](value, float(bar)))


def not_asked(check: str, method: str, wanted: str, reason: str) -> Verdict:
    """A verdict that is none."""
    return Verdict(check, method, math.nan, None, None, wanted, None, reason, 0)


def written(number: float | None) -> str:
    """A number in two digits for a table."""
    return "none" if number is None or not math.isfinite(number) else f"{number:.2g}"
