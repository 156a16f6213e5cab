"""What an evaluation found: every metric with both intervals, by space, head and shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.episodes.intervals import Interval, bootstrap_interval, episode_interval, paired_difference
from embedlearn.episodes.metrics import RocCurve
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


class Setting(NamedTuple):
    """Which embeddings, which head, how many support films a class."""

    space: str
    head: str
    shots: int


@dataclass(frozen=True, eq=False)
class HeadScores:
    """How one head did in one space at one number of shots.

    `values`: each metric in each episode, float64 [E]. `replicates`: each metric's mean in each bootstrap replicate,
    float64 [B]; None without them. `confusion`: int64 [C, C], true class by answered class, summed over episodes.
    `roc`: the pooled curve of the positive class; None without one.
    """

    values: Mapping[str, Floats]
    replicates: Mapping[str, Floats] | None
    confusion: NDArray[np.int64]
    roc: RocCurve | None

    def estimate(self, metric: str) -> Estimate:
        """The mean of `metric` with both intervals."""
        interval = episode_interval(self.values[metric])
        patient = None if self.replicates is None else bootstrap_interval(self.replicates[metric])
        return Estimate(interval.mean, interval, patient)

    def difference(self, other: HeadScores, metric: str) -> Estimate:
        """The mean of this minus `other` on the same episodes and the same replicates, with both intervals."""
        interval = paired_difference(self.values[metric], other.values[metric])
        patient = None
        if self.replicates is not None and other.replicates is not None:
            patient = bootstrap_interval(self.replicates[metric] - other.replicates[metric])
        return Estimate(interval.mean, interval, patient)


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

    def difference(self, first: str, second: str) -> dict[tuple[str, int], dict[str, Estimate]]:
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
