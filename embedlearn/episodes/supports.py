"""Which support? How much an answer hangs on the films that happened to be the examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.heads import build_head
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Floats, Space

Ints = NDArray[np.int64]
QUANTILES = (0, 0.05, 0.5, 0.95, 1)


@dataclass(frozen=True, eq=False)
class SupportStudy:
    """What different supports make of the same head on the same films.

    `classes`: names of the slots. `support`: int [R, S], films in slot order, `label` int [S]. `accuracy`: float64 [R],
    balanced accuracy over all films of patients that are not in the support. `medoid`: int [S], the films nearest to
    their class's mean, each of another patient, and `medoid_accuracy`: it takes all labels to find them, so that it
    says what a well-chosen support could do, not what an unlabelled archive would give; NaN where no
    patient is left to ask.
    """

    classes: tuple[str, ...]
    support: Ints
    label: Ints
    accuracy: Floats
    medoid: Ints
    medoid_accuracy: float

    @property
    def quantiles(self) -> Floats:
        """The accuracy of the worst support, 5 %, the median, 95 %, and the best, float64 [5]."""
        return np.asarray(np.quantile(self.accuracy, QUANTILES))

    @property
    def best(self) -> Ints:
        """The support of the highest accuracy, int [S]."""
        return np.asarray(self.support[self.accuracy.argmax()])

    @property
    def worst(self) -> Ints:
        """The support of the lowest accuracy, int [S]."""
        return np.asarray(self.support[self.accuracy.argmin()])


def study_supports(
    space: Space,
    classes: ArrayLike,
    groups: ArrayLike,
    *,
    head: str,
    n_shot: int,
    shots_of: Mapping[str, int] | None = None,
    supports: int = 200,
    k: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> SupportStudy:
    """Draw `supports` supports of `n_shot` films a class and let each answer all films of other patients.

    `classes`: str [N]. `groups`: [N], patients. `head`, `k`: as in `heads.build_head`. `progress` is called with
    supports done and in all. Raises `EpisodeError` where the pool allows no support.
    """
    names, groups = np.asarray(classes).astype(str), np.asarray(groups)
    drawn = EpisodeSampler(None, n_shot, 1, supports, seed, shots_of or {}).sample(names, groups)
    _, slots = np.unique(names, return_inverse=True)
    accuracy = np.empty(supports)

    def answer(support: Ints) -> float:
        fitted = build_head(head, drawn.shots, k=k, center=space.center).fit(space.rows[support], drawn.support_label)
        rest = ~np.isin(groups, groups[support])
        if not rest.any():
            return np.nan
        right = fitted.predict(space.rows[rest]) == slots[rest]
        return float(np.mean([right[slots[rest] == slot].mean() for slot in np.unique(slots[rest])]))

    for number, support in enumerate(drawn.support):
        accuracy[number] = answer(support)
        if progress is not None:
            progress(number + 1, supports)
    medoid = np.concatenate(
        [
            _nearest_to_mean(space, np.flatnonzero(slots == slot), groups, count)
            for slot, count in enumerate(drawn.shots)
        ]
    )
    return SupportStudy(drawn.classes, drawn.support, drawn.support_label, accuracy, medoid, answer(medoid))


def _nearest_to_mean(space: Space, films: Ints, groups: NDArray[np.generic], count: int) -> Ints:
    """So many of the films, nearest to their mean first, one of each patient."""
    rows = space.rows[films].astype(np.float64)
    order = films[((rows - rows.mean(axis=0)) ** 2).sum(axis=1).argsort(kind="stable")]
    _, first = np.unique(groups[order], return_index=True)
    return np.asarray(order[np.sort(first)[:count]])
