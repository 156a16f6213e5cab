"""Building an approximate index: what it learns, the effort it is tuned to, and the recall that is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from embedlearn.gallery.approximate import FACTORS, NEIGHBOURS, ApproximateIndex, Effort, empty_index
from embedlearn.gallery.exact import Floats, Rows, exact_neighbours
from embedlearn.gallery.gpus import on_gpus
from embedlearn.gallery.kinds import RECALL, lists_for

HELD_OUT = 1_000  # queries to tune with and, as many again, to measure with, at most
HELD_PART = 20  # one in so many vectors is held out: with fewer in it, an index is better than it will be
TUNED_WITH = 50  # queries at least; where there are fewer the effort is the greatest
TRAINING = 40  # vectors that a list is trained with
TRAINING_LEAST = 16_384  # and all of them together, for the codes
SURE = 1.645  # standard errors by which the tuned recall lies above the one asked for


@dataclass(frozen=True)
class Measured:
    """Recall@10 against exact search, over `queries` that are neither in the index nor were used to tune it.

    `error` is its standard error over the queries, `wanted` what was asked for, `reached` whether the tuning found
    an effort that gives it.
    """

    recall: float
    error: float
    queries: int
    wanted: float
    reached: bool


def build_approximate(
    kind: str,
    vectors: Floats,
    *,
    recall: float | None = None,
    seed: int = 0,
    gpu: bool = False,
    trained: ApproximateIndex | None = None,
) -> tuple[ApproximateIndex, Measured]:
    """Train an index, or take what `trained` has learnt; tune its effort to the recall asked for, measure, fill it.

    Some of the vectors are held out until it is measured: half to tune with, half to measure. `vectors` are float32
    [N, D]; `recall` is RECALL where none is asked for; with `gpu` lists are learnt on one.
    """
    vectors, wanted = np.asarray(vectors), RECALL if recall is None else recall  # of a memory map, the plain array
    rng = np.random.default_rng(seed)
    drawn = rng.permutation(len(vectors))[: min(2 * HELD_OUT, len(vectors) // HELD_PART)]
    present = np.ones(len(vectors), bool)
    present[drawn] = False
    rows = np.flatnonzero(present)
    if trained and trained.serves(len(vectors)):
        built = trained.emptied()
    else:
        built = ApproximateIndex(kind, _taught(kind, vectors, rows, rng, gpu), Effort())
    built.add(vectors, rows)
    built.effort = Effort(built.most, FACTORS[-1])
    measured = Measured(1.0, 0.0, 0, wanted, True)  # so few that all are compared
    if len(drawn):
        truth = exact_neighbours(vectors[drawn], vectors, min(NEIGHBOURS, len(rows)), present)[1]
        half = len(drawn) // 2 if len(drawn) >= 2 * TUNED_WITH else 0
        reached = not half or _tune(built, vectors, drawn[:half], truth[:half], wanted)
        found = recalls(built, vectors, drawn[half:], truth[half:])
        mean, error = float(found.mean()), float(found.std() / np.sqrt(len(found)))
        measured = Measured(mean, error, len(found), wanted, reached and (half > 0 or mean >= wanted))
    built.add(vectors, np.sort(drawn))
    return built, measured


def recalls(index: ApproximateIndex, vectors: Floats, queries: Rows, truth: Rows) -> Floats:
    """Of each query (a row of `vectors`) the share of its true neighbours (int64 [M, k]) that the index finds."""
    _, rows = index.search(vectors[queries], vectors, truth.shape[1])
    found: Floats = (rows[:, :, None] == truth[:, None, :]).any(1).mean(1, dtype=np.float32)
    return found


def _tune(index: ApproximateIndex, vectors: Floats, queries: Rows, truth: Rows, wanted: float) -> bool:
    """Set the cheapest effort whose recall lies surely above the one wanted, or the greatest where none does."""
    steps = _ladder(index.most)
    best: Effort | None = None
    first = 0  # with fewer candidates no fewer visits will do
    for factor in reversed(FACTORS):
        for place in range(first, len(steps)):
            effort = Effort(steps[place], factor)
            if best and _cost(index, effort, vectors) >= _cost(index, best, vectors):
                break
            index.effort = effort
            found = recalls(index, vectors, queries, truth)
            if found.min() == 1 or found.mean() - SURE * found.std() / np.sqrt(len(found)) >= wanted:
                best, first = effort, place
                break
    index.effort = best or Effort(steps[-1], FACTORS[-1])
    return best is not None


def _ladder(most: int) -> list[int]:
    """1, 2, 3, 4, 6, 8, 12, ... up to `most`."""
    steps = {step for power in range(17) for step in (2**power, 3 * 2**power // 2)}
    return sorted(step for step in {*steps, most} if step <= most)


def _cost(index: ApproximateIndex, effort: Effort, vectors: Floats) -> float:
    """Bytes that a query touches, roughly; those of candidates, which lie anywhere, count four times."""
    count, dimension = vectors.shape
    lists = getattr(index.index, "nlist", None)
    visited = effort.visits * (count / lists if lists else 64)  # 64 links are followed from a vector of a graph
    bytes_each = index.index.code_size if lists else dimension
    return float(visited * bytes_each + NEIGHBOURS * effort.factor * dimension * 4 * 4)


def _taught(kind: str, vectors: Floats, rows: Rows, rng: np.random.Generator, gpu: bool) -> Any:
    """An empty index, its lists and codes learnt from a sample of the rows."""
    import faiss

    lists = lists_for(len(rows))
    index = empty_index(kind, vectors.shape[1], lists)
    seed = int(rng.integers(2**31))
    for part in (index, getattr(index, "pq", index)):
        if hasattr(part, "cp"):
            part.cp.seed, part.cp.min_points_per_centroid = seed, 1
    sample = rng.permutation(rows)[: max(TRAINING * lists, TRAINING_LEAST)]
    taught = on_gpus(index) if gpu else index
    taught.train(np.ascontiguousarray(vectors[np.sort(sample)]))
    return faiss.index_gpu_to_cpu(taught) if gpu else index
