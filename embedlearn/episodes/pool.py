"""What an evaluation draws from: films with class and case, seen through several spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.radiographs.labels import COVID as RARE
from embedlearn.radiographs.manifest import class_of

TRAINED, UNTRAINED = "trained", "untrained"  # the spaces whose difference is reported


@dataclass(frozen=True, eq=False)
class Pool:
    """N films. `frame` has columns `path`, `class`, `case` and `source`; `spaces` float [N, D] and `centers` float [D].

    `encoder` is the SHA-256 of the trained encoder's file, `learnt` the classes it was trained on.
    """

    frame: pd.DataFrame
    spaces: Mapping[str, NDArray[np.floating]]
    centers: Mapping[str, NDArray[np.floating]]
    encoder: str
    learnt: tuple[str, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Films and cases of each class."""
        return {
            str(name): {"films": len(rows), "cases": int(rows["case"].nunique())}
            for name, rows in self.frame.groupby("class")
        }

    def nameless(self) -> dict[str, int]:
        """How many films of each class name no patient, where there are any."""
        counts = self.frame["patient"].isna().groupby(self.frame["class"]).sum()
        return {str(name): int(count) for name, count in counts.items() if count}

    def confounded(self) -> list[str]:
        """Classes that lack films of a source which other classes have: their source may give them away."""
        sources = set(self.frame["source"])
        return [str(name) for name, rows in self.frame.groupby("class") if set(rows["source"]) != sources]


def choose_classes(labels: Iterable[str], learnt: Sequence[str]) -> tuple[str, ...]:
    """The learnt classes that there are labels of, and COVID-19, the other labels being often too rare for an episode.

    Where there is no COVID-19, or nothing was learnt, every other label takes part by its first part.
    """
    labels = sorted(set(labels))
    known = [name for name in learnt if any(class_of(label, [name]) for label in labels)]
    others = sorted({label.split("/")[0] for label in labels if not class_of(label, known)} - set(known))
    return (*known, *([RARE] if known and RARE in others else others))


def choose_positive(classes: Sequence[str], learnt: Sequence[str]) -> str:
    """COVID-19 where it is among the classes, else the first class that was not learnt, else the last."""
    if RARE in classes:
        return RARE
    return next((name for name in classes if name not in learnt), classes[-1])
