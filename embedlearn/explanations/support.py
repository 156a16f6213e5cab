"""What a film is explained against: the examples of each class, less those of the film's own case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.errors import EpisodeError
from embedlearn.explanations.targets import (
    Target,
    case_target,
    margin_target,
    neighbours_target,
    prototype_target,
)


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of one film: four targets, the margin first.

    `answer` is the class whose prototype is nearest; `why` and `why_not` are the classes of the margin. `nearest` are
    rows of the support, int64 [k], the nearest first, each of another case.
    """

    answer: str
    why: str
    why_not: str
    nearest: NDArray[np.int64]
    targets: tuple[Target, Target, Target, Target]


@dataclass(frozen=True, eq=False)
class Support:
    """Examples: embeddings float32 [N, D] of length 1, class names str [N] and cases int64 [N]."""

    vectors: NDArray[np.float32]
    labels: NDArray[np.str_]
    cases: NDArray[np.int64]

    def question(
        self,
        vector: NDArray[np.float32],
        own: Collection[int],
        why: str | None = None,
        why_not: str | None = None,
        k: int = 5,
    ) -> Question:
        """What to explain of a film with this embedding [D], by the examples of cases other than its `own`.

        `why` is its answer where it is not named, `why_not` the nearest other class. Raises `EpisodeError` where two
        classes with examples are not there.
        """
        kept = np.flatnonzero(~np.isin(self.cases, list(own)))
        means = {
            name: self.vectors[rows].mean(0, dtype=np.float64)
            for name in sorted(set(self.labels))
            if len(rows := kept[self.labels[kept] == name])
        }
        for name in (why, why_not):
            if name and name not in means:
                known = ", ".join(means) or "none"
                raise EpisodeError(f"{name}: no example of another case is of this class; wanted one of {known}")
        if why and why == why_not:
            raise EpisodeError(f"{why}: wanted two different classes to tell apart, got the same twice")
        if len(means) < 2:
            known = ", ".join(means) or "none"
            raise EpisodeError(f"examples: wanted two classes or more besides the film's own case, got {known}")
        near = sorted(means, key=lambda name: float(np.square(means[name] - vector).sum()))
        why = why or next(name for name in near if name != why_not)
        why_not = why_not or next(name for name in near if name != why)
        nearest = self._nearest(kept, vector, k)
        mine, others = (self._of(kept, name) for name in (why, why_not))
        close = torch.from_numpy(self.vectors[nearest])
        targets = (
            margin_target(why, why_not, mine, others),
            prototype_target(why, mine),
            neighbours_target(f"its {len(nearest)} nearest cases", close),
            case_target("its nearest case", close[0]),
        )
        return Question(near[0], why, why_not, nearest, targets)

    def _nearest(self, kept: NDArray[np.int64], vector: NDArray[np.float32], k: int) -> NDArray[np.int64]:
        """The nearest film of each of the `k` nearest cases."""
        order = kept[np.argsort(np.square(self.vectors[kept] - vector).sum(1), kind="stable")]
        firsts = np.unique(self.cases[order], return_index=True)[1]
        return order[np.sort(firsts)[:k]]

    def _of(self, kept: NDArray[np.int64], name: str) -> torch.Tensor:
        return torch.from_numpy(self.vectors[kept[self.labels[kept] == name]])
