"""What a gallery's quality is told as: plain numbers that JSON can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.gallery.quality.estimates import Estimate


@dataclass(frozen=True)
class Scores:
    """Of the queries of one class, or of all: how many they and their patients are, and how well they were answered.

    `recall`, by k: the share of queries with a case of their label among the k nearest, the CMC at rank k. `precision`,
    by k: the share of the k nearest that have the label. `map_at_r`, `r_precision`: Musgrave 2020 (arXiv 2003.08505).
    `chance`: the precision of candidates in any order.
    """

    queries: int
    patients: int
    recall: Mapping[int, Estimate]
    precision: Mapping[int, Estimate]
    map_at_r: Estimate
    r_precision: Estimate
    chance: Estimate


@dataclass(frozen=True)
class Purity:
    """How much the k nearest say of one column: the share of them that have the query's value.

    `chance` is that share among all candidates, `lift` how much the nearest exceed it. `told` is the lift as a share
    of what chance leaves, (share - chance) / (1 - chance): 1 where all the nearest agree, 0 where they say nothing;
    columns are compared by it. Queries without a value, or with no candidate that has it, are left out.
    """

    column: str
    k: int
    queries: int
    left_out: int
    share: Estimate
    chance: Estimate
    lift: Estimate
    told: float | None


@dataclass(frozen=True, eq=False)
class QueryScores:
    """The scores of each query, float64 [M], NaN for one that is left out; its class and its patient, int64 [M]."""

    recall: Mapping[int, NDArray[np.float64]]
    precision: Mapping[int, NDArray[np.float64]]
    map_at_r: NDArray[np.float64]
    r_precision: NDArray[np.float64]
    chance: NDArray[np.float64]
    classes: NDArray[np.int64]
    patients: NDArray[np.int64]

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Which queries are not left out."""
        return ~np.isnan(self.map_at_r)


@dataclass(frozen=True)
class Quality:
    """How well a gallery answers: `queries` scored by label, those `left_out`, and cases in the `gallery`.

    Left out are queries without a label, or with no candidate that has it. `micro` is the mean over queries, `macro`
    that over classes. `cmc`: the share of queries with a right answer among the first 1, 2, ... K, and what candidates
    in any order would give. `purity`: by column. `across`: purity by label where only cases of other sources than the
    query's are candidates; None where all are of one. `each`: the scores by label of every query.
    """

    queries: int
    left_out: int
    gallery: int
    micro: Scores
    macro: Scores
    classes: Mapping[str, Scores]
    cmc: tuple[float, ...]
    cmc_chance: tuple[float, ...]
    purity: Mapping[str, Purity]
    across: Purity | None
    each: QueryScores = field(compare=False, repr=False)

    def as_plain(self) -> dict[str, Any]:
        """As plain data that JSON can hold, without `each`."""
        return asdict(self, dict_factory=lambda items: {name: value for name, value in items if name != "each"})
