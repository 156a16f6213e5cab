"""What an evaluation draws from: films with class and case, seen through several spaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RARE = "covid-19"


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
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, dict[str, int]]:
        """Films and cases of each class."""
        return {
            str(name): {"films": len(rows), "cases": int(rows["case"].nunique())}
            for name, rows in self.frame.groupby("class")
        }

    def confounded(self) -> list[str]:
        """Classes that lack films of a source which other classes have: their source may give them away."""
        sources = set(self.frame["source"])
        return [str(name) for name, rows in self.frame.groupby("class") if set(rows["source"]) != sources]


def choose_classes(labels: Iterable[str], learnt: Sequence[str]) -> tuple[str, ...]:
    """The learnt classes that there are labels of, then every other label by its first part, in alphabetical order."""
    labels = sorted(set(labels))
    known = [name for name in learnt if any(label == name or label.startswith(f"{name}/") for label in labels)]
    others = {
        label.split("/")[0]
        for label in labels
        if not any(label == name or label.startswith(f"{name}/") for name in known)
    }
    return (*known, *sorted(others - set(known)))


def choose_positive(classes: Sequence[str], learnt: Sequence[str]) -> str:
    """COVID-19 where it is among the classes, else the first class that was not learnt, else the last."""
    if RARE in classes:
        return RARE
    return next((name for name in classes if name not in learnt), classes[-1])
