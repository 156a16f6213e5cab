"""Every query's answers in order, as deep as the numbers that are taken of them reach, block by block."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlearn.gallery.quality import kernels
from embedlearn.gallery.quality.labelled import Sides

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Distances = Callable[[slice], NDArray[np.float32]]
PAIRS = 2**24  # of a query and a case, in all threads' blocks together: 12 bytes each
QUERIES = 256  # in a block, at the most


@dataclass(frozen=True, eq=False)
class Ranking:
    """`nearest`, int64 [M, K]: rows of the cases nearest to each query, in order, -1 where there are fewer.

    `elsewhere`, int64 [M, k]: those of another source than the query's. `map_at_r`, `r_precision`: float64 [M], NaN for
    a query to which no answer is right.
    """

    nearest: Codes
    elsewhere: Codes
    map_at_r: Floats
    r_precision: Floats


def rank(
    distances: Distances, groups: Sides, labels: Sides, sources: Sides | None, relevant: Codes, depth: int, k: int
) -> Ranking:
    """The `depth` nearest cases of each query, and the `k` nearest of other sources where sources are given.

    Of equally far cases the lower row comes first. `distances(rows)` gives float32 [B, N], none below 0, of a block of
    queries. Cases of a query's own group are no candidates. `relevant`, int64 [M]: how many candidates have the query's
    label.
    """
    size, count = len(groups.asked), len(groups.there)
    found = Ranking(np.full((size, depth), -1), np.full((size, k), -1), np.full(size, np.nan), np.full(size, np.nan))

    def answer(start: int) -> None:
        rows = slice(start, start + step)
        keys = kernels.sort_keys(distances(rows), groups.asked[rows], groups.there)
        for query, key in enumerate(keys, start):
            deepest = min(max(depth, relevant[query]), count)
            key.partition(deepest - 1)
            first = np.sort(key[:deepest])
            found.nearest[query] = _rows(first[:depth], depth)
            if sources is not None:
                lowest = kernels.lowest_elsewhere(key, sources.there, sources.asked[query], k)
                found.elsewhere[query] = _rows(lowest, k)
            if relevant[query]:
                scores = kernels.average_precision(first[: relevant[query]], labels.there, labels.asked[query])
                found.map_at_r[query], found.r_precision[query] = scores

    threads = os.cpu_count() or 1
    step = min(max(PAIRS // (threads * count), 1), QUERIES)
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(answer, range(0, size, step)):
            pass
    return found


def _rows(keys: NDArray[np.uint64], width: int) -> Codes:
    """The rows that keys name, int64 [width], -1 where there is none."""
    rows = np.full(width, -1)
    rows[: len(keys)] = np.where(keys == kernels.NOBODY, -1, (keys & kernels.ROW).astype(np.int64))
    return rows
