"""Whether two films are of one kind, or of one patient, told by their distance alone: false matches and non-matches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.about import METRICS, About, Metric
from embedlearn.gallery.quality.kernels import Codes, Singles, squared_distance
from embedlearn.gallery.quality.labelled import joint_sides

RATES = (0.1, 0.01, 0.001)
BITS = 9  # of a squared distance's float32 that are cut off: it is compared to 1 part in 16,384
BINS = (0x7F800000 >> BITS) + 1  # up to infinity's
BLOCK = 256
THREADS = 8  # at the most: each has counts of its own, of 67 MB


@dataclass(frozen=True)
class Verification:
    """`genuine` and `impostors`: how many pairs are of one kind and of two.

    `fnmr`: by false match rate, the share of genuine pairs that are refused at the largest distance at which no larger
    share of impostors is accepted (ISO/IEC 19795-1). `eer`: the error rate where both are equal, between two distances
    interpolated. `auc`: how likely a genuine pair is nearer than an impostor one, equally near counting half. None
    where there are no pairs of a kind.
    """

    genuine: int
    impostors: int
    fnmr: Mapping[float, float | None]
    eer: float | None
    auc: float | None

    def as_plain(self) -> dict[str, Any]:
        """As plain data that JSON can hold."""
        return asdict(self)


def verification(
    X: ArrayLike,
    kinds: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    metric: Metric = "euclidean",
    rates: Sequence[float] = RATES,
) -> Verification:
    """All pairs of N films, in memory that does not grow with their number.

    `X`: float [N, D]. `kinds`: N labels, or patients; a film without one takes no part. `groups`: N patients; pairs of
    one patient are left out, which is wanted where `kinds` are labels. `rates`: false match rates. Squared distances
    are compared to 14 binary digits. Raises `ArgumentError`.
    """
    require_choice("metric", metric, METRICS)
    for rate in rates:
        require_number("rates", rate, 0, 1)
    rows = checked_matrix(X, np.float32)
    rows = About(rows.shape[1], metric).checked(rows) if metric == "cosine" else rows
    kind, group = _codes(kinds, "kinds", len(rows)), np.arange(len(rows))
    if groups is not None:
        named = _codes(groups, "groups", len(rows))
        group = np.where(named < 0, -1 - group, named)
    kept = kind >= 0
    counts = _count_pairs(rows[kept], kind[kept], group[kept])
    return _rated(counts[1], counts[0], rates)


def _codes(values: ArrayLike, name: str, count: int) -> Codes:
    codes = joint_sides(values, ()).asked
    if len(codes) != count:
        raise ArgumentError(f"{name}: wanted a value for each of {count} vectors, got {len(codes)}")
    return codes


def _count_pairs(rows: Singles, kind: Codes, group: Codes) -> NDArray[np.int64]:
    """Pairs by squared distance, int64 [2, BINS]: impostors, then genuine ones."""
    threads = min(os.cpu_count() or 1, THREADS)
    counts = [np.zeros((2, BINS), np.int64) for _ in range(threads)]

    def count(thread: int) -> None:
        for start in range(thread * BLOCK, len(rows), threads * BLOCK):
            _count_block(rows, kind, group, start, min(start + BLOCK, len(rows)), counts[thread])

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(count, range(threads)):
            pass
    return np.asarray(sum(counts))


@njit(cache=True, nogil=True)
def _count_block(rows: Singles, kind: Codes, group: Codes, first: int, behind: int, counts: NDArray[np.int64]) -> None:
    """Count the pairs of rows `first` to `behind` with all before them, tile by tile, into `counts`, [2, BINS]."""
    distance = np.empty(1, np.float32)
    bits = distance.view(np.uint32)
    for start in range(0, behind, BLOCK):
        for i in range(first, behind):
            for j in range(start, min(start + BLOCK, i)):
                if group[i] != group[j]:
                    distance[0] = squared_distance(rows[i], rows[j])
                    counts[np.int64(kind[i] == kind[j]), bits[0] >> BITS] += 1


def _rated(genuine: NDArray[np.int64], impostors: NDArray[np.int64], rates: Sequence[float]) -> Verification:
    """From how many pairs of either sort there are at each distance, int64 [BINS], ascending."""
    met = np.flatnonzero(genuine + impostors)
    own, others = (np.append(0, np.cumsum(each[met])) for each in (genuine, impostors))  # accepted at each threshold
    if not (own[-1] and others[-1]):
        return Verification(int(own[-1]), int(others[-1]), dict.fromkeys(rates), None, None)
    refused, accepted = 1 - own / own[-1], others / others[-1]
    last = [int(np.searchsorted(accepted, rate, side="right")) - 1 for rate in rates]
    return Verification(
        int(own[-1]),
        int(others[-1]),
        {rate: float(refused[place]) for rate, place in zip(rates, last, strict=True)},
        _equal_error(refused, accepted),
        float(np.trapezoid(1 - refused, accepted)),
    )


def _equal_error(refused: NDArray[np.float64], accepted: NDArray[np.float64]) -> float:
    """Where the falling rate of false non-matches meets the rising one of false matches, float64 [T] each."""
    after = int(np.argmax(accepted >= refused))
    above, below = refused[after - 1] - accepted[after - 1], accepted[after] - refused[after]
    part = above / (above + below)
    return float(accepted[after - 1] + part * (accepted[after] - accepted[after - 1]))
