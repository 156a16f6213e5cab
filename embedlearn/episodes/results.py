"""What an evaluation found: every metric with both intervals, by space, head and shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.episodes.calibration import Reliability
from embedlearn.episodes.intervals import (
    Interval,
    bootstrap_interval,
    bootstrap_p,
    episode_interval,
    episode_p,
    paired,
)
from embedlearn.episodes.metrics import OperatingCurve
from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """A metric's mean over the episodes, with the two intervals of `intervals.py`.

    `patient` is None where none was asked for, or no resampled pool allowed an episode; then a note says so.
    """

    mean: float
    episode: Interval
    patient: Interval | None

    @classmethod
    def of(cls, values: Floats, replicates: Floats | None) -> Estimate:
        """From a value for each episode, float [E], and a mean for each bootstrap replicate, float [B]."""
        interval = episode_interval(values)
        return cls(interval.mean, interval, None if replicates is None else bootstrap_interval(replicates))


class Difference(NamedTuple):
    """The mean of a paired difference with both intervals, and how surprising it would be if there were none.

    `episode_p`, `patient_p`: two-sided; for other episodes of the same films, and for other patients. None where there
    is no patient interval.
    """

    mean: float
    episode: Interval
    patient: Interval | None
    episode_p: float
    patient_p: float | None


class Setting(NamedTuple):
    """Which embeddings, which head, how many support films a class."""

    space: str
    head: str
    shots: int


class Calibration(NamedTuple):
    """How far a head's probabilities keep their word, as they come and at the `temperature` fitted on base films.

    `temperature` and `mended` are None where there were no base films to fit it on.
    """

    raw: Reliability
    temperature: float | None
    mended: Reliability | None


@dataclass(frozen=True, eq=False)
class HeadScores:
    """How one head did in one space at one number of shots.

    `values`: each metric in each episode, float64 [E]. `replicates`: each metric's mean in each bootstrap replicate,
    float64 [B]; None without them. `confusion`: int64 [C, C], true class by answered class, summed over episodes.
    `curve`: the pooled operating curve of the positive class; None without one. `calibration`: see there.
    """

    values: Mapping[str, Floats]
    replicates: Mapping[str, Floats] | None
    confusion: NDArray[np.int64]
    curve: OperatingCurve | None
    calibration: Calibration

    def estimate(self, metric: str) -> Estimate:
        """The mean of `metric` with both intervals."""
        return Estimate.of(self.values[metric], None if self.replicates is None else self.replicates[metric])

    def difference(self, other: HeadScores, metric: str) -> Difference:
        """The mean of this minus `other` on the same episodes and the same replicates, with both intervals.

        Raises `ArgumentError` where the two were not evaluated on as many episodes.
        """
        values = paired(self.values[metric], other.values[metric])
        interval, by_episode = episode_interval(values), episode_p(values)
        if self.replicates is None or other.replicates is None:
            return Difference(interval.mean, interval, None, by_episode, None)
        moved = self.replicates[metric] - other.replicates[metric]
        return Difference(interval.mean, interval, bootstrap_interval(moved), by_episode, bootstrap_p(moved))


@dataclass(frozen=True, eq=False)
class FewShotResult:
    """All scores of one evaluation, the episodes they rest on (by shots), and notes in plain sentences."""

    scores: Mapping[Setting, HeadScores]
    episodes: Mapping[int, Episodes]
    classes: tuple[str, ...]
    positive: str | None
    notes: tuple[str, ...]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The names of the metrics."""
        return tuple(next(iter(self.scores.values())).values)

    def estimate(self, space: str, head: str, shots: int, metric: str) -> Estimate:
        """One metric's mean with both intervals. Raises `ArgumentError` where it was not evaluated."""
        setting = Setting(space, head, shots)
        if setting not in self.scores or metric not in self.metrics:
            known = f"{', '.join(self.metrics)} in {', '.join('/'.join(map(str, each)) for each in self.scores)}"
            raise ArgumentError(f"{metric} in {space}/{head}/{shots}: not evaluated; wanted one of {known}")
        return self.scores[setting].estimate(metric)

    def difference(self, first: str, second: str) -> dict[tuple[str, int], dict[str, Difference]]:
        """Space `first` minus space `second`, by (head, shots) and metric, on the same episodes and replicates.

        Raises `ArgumentError` where there is no such space.
        """
        spaces = sorted({setting.space for setting in self.scores})
        for space in (first, second):
            if space not in spaces:
                raise ArgumentError(f"spaces: wanted one of {', '.join(spaces)}, got {space!r}")
        return {
            (setting.head, setting.shots): {
                metric: scores.difference(self.scores[setting._replace(space=second)], metric)
                for metric in self.metrics
            }
            for setting, scores in self.scores.items()
            if setting.space == first
        }

    def against(self, head: str, space: str, metric: str) -> dict[tuple[str, int], Difference]:
        """Every other head minus `head` in one space, by (head, shots), on the same episodes and replicates.

        Raises `ArgumentError` where that head was not evaluated there.
        """
        known = [setting.head for setting in self.scores if setting.space == space]
        if head not in known:
            raise ArgumentError(f"head: wanted one of {', '.join(dict.fromkeys(known))} in {space}, got {head!r}")
        return {
            (setting.head, setting.shots): scores.difference(self.scores[setting._replace(head=head)], metric)
            for setting, scores in self.scores.items()
            if setting.space == space and setting.head != head
        }

    def to_frame(self) -> pd.DataFrame:
        """One row per (space, head, shots, metric): mean, ends of both intervals (NaN where there is none)."""
        rows = []
        for setting, scores in self.scores.items():
            for metric in self.metrics:
                mean, episode, patient = scores.estimate(metric)
                ends = (np.nan, np.nan) if patient is None else patient[1:]
                rows.append((*setting, metric, mean, *episode[1:], *ends))
        ends_named = ("episode_low", "episode_high", "patient_low", "patient_high")
        return pd.DataFrame(rows, columns=[*Setting._fields, "metric", "mean", *ends_named])
