"""What the benchmark of galleries searches, and how both sides of a search are timed and held against the truth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import pyarrow as pa

from embedlearn.gallery.exact import Floats, Rows
from embedlearn.gallery.gallery import Gallery
from experiments.benchmarks.measuring import Measurement, compare

WIDTH, CENTRES = 128, 1_000
SPREAD, HARD = 1.4, 1.8  # of vectors about their centre
SOURCES = 100  # so that a condition on one of them holds for 1 % of the cases
EACH = 20  # queries asked one by one before it is another side's turn

Search = Callable[[Floats], object]


@dataclass(frozen=True)
class Sizes:
    """How much is searched, and how often."""

    vectors: int = 1_000_000
    some: int = 100_000
    few: int = 10_000
    kinds: tuple[str, ...] = ("auto", "ivf", "hnsw", "sq8")
    queries: int = 1_000
    """Queries of a batch."""
    rounds: int = 7
    singles: int = 300
    """Rounds of single queries."""
    added: int = 10_000
    """Cases added one by one."""
    on_gpu: tuple[int, ...] = (1_000_000, 10_000_000)


QUICK = Sizes(20_000, 10_000, 5_000, ("ivfpq", "ivf", "hnsw", "sq8"), 200, 2, 20, 50, (20_000,))


@dataclass(frozen=True)
class Scene:
    """Cases, float32 [N, WIDTH] with a row each, and queries that are none of them."""

    sizes: Sizes
    vectors: Floats
    rows: pa.Table
    queries: Floats
    flat: Gallery
    """Compares all of them."""
    spread: float

    @classmethod
    def draw(cls, sizes: Sizes, count: int, spread: float = SPREAD) -> Scene:
        """A scene of `count` cases."""
        vectors, rows, queries = draw(count, 0, spread), describe(count), draw(sizes.queries, 1, spread)
        return cls(sizes, vectors, rows, queries, Gallery("flat", device="cpu").fit(vectors, rows), spread)

    @cached_property
    def truth(self) -> Rows:
        """The ten nearest of each query, int64 [M, 10]."""
        return self.flat.kneighbors(self.queries)[1]

    def speeds(self, metric: str, ours: Search, peers: Mapping[str, Search]) -> Iterator[Measurement]:
        """Microseconds a query, in batches and one by one, beside each of the peers."""
        sides, count = (ours, *peers.values()), len(self.queries)
        together = [partial(_together, side, self.queries) for side in sides]
        apart = [one_by_one(side, self.queries, EACH) for side in sides]
        for way, calls, size in ((f"batches of {count:,}", together, count), ("one by one", apart, EACH)):
            seconds = in_turn(self.sizes.rounds, *calls)
            yield from compared(f"{metric}, {way}, microseconds a query", seconds, 1e6 / size, peers)


def draw(count: int, seed: int, spread: float = SPREAD) -> Floats:
    """Vectors of length 1 about centres on the sphere, float32 [count, WIDTH]; queries are drawn with another seed.

    Noise is added to a centre, about `spread` long and in every direction alike, and the sum scaled to length 1. Among
    a million vectors with a spread of 1.4 a query's nearest are of its own cluster, and 1 % of an inverted file's
    lists hold all but a few of them: easy for lists, while inside a cluster there is nothing to go by. With 1.8 they
    come from many clusters, 1 % of the lists hold about nine in ten, and ever fewer the more spread there is.
    """
    centres = _normalized(np.random.default_rng(0).standard_normal((CENTRES, WIDTH), np.float32))
    rng = np.random.default_rng((1, seed))
    vectors = rng.standard_normal((count, WIDTH), np.float32)
    vectors *= np.float32(spread / np.sqrt(WIDTH))
    label = rng.integers(CENTRES, size=count)
    for first in range(0, count, 2**16):
        part = slice(first, first + 2**16)
        vectors[part] = _normalized(vectors[part] + centres[label[part]])
    return vectors


def describe(count: int) -> pa.Table:
    """A row for each vector, whose source is one of SOURCES."""
    source = np.random.default_rng(0).integers(SOURCES, size=count, dtype=np.int32)
    names = pa.array([f"site {number}" for number in range(SOURCES)])
    ids = pa.array(map(str, range(count)), pa.string())
    return pa.table({"id": ids, "source": pa.DictionaryArray.from_arrays(source, names)})


def recall(found: Rows, truth: Rows) -> float:
    """The share of the true neighbours, int64 [M, K], that are among those found for the same query."""
    return float((found[:, :, None] == truth[:, None, :]).any(axis=1).mean())


def in_turn(rounds: int, *calls: Callable[[int], object]) -> list[list[float]]:
    """Seconds by the clock of each call in each round, told the round's number; a first round is not counted.

    Every second round runs backwards, so that what a call leaves behind does not always meet the same side.
    """
    seconds: list[list[float]] = [[] for _ in calls]
    for number in range(-1, rounds):
        for place in range(len(calls))[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            calls[place](number)
            if number >= 0:
                seconds[place].append(time.perf_counter() - began)
    return seconds


def one_by_one(search: Search, queries: Floats, each: int) -> Callable[[int], object]:
    """A call for `in_turn`: the round's `each` queries, each by itself."""

    def call(number: int) -> None:
        for place in range(number * each, number * each + each):
            search(queries[place % len(queries)][None])

    return call


def compared(metric: str, seconds: list[list[float]], unit: float, peers: Iterable[str]) -> Iterator[Measurement]:
    """Our seconds, the first, beside each peer's, in units of which a second has `unit`; less is better."""
    ours, *others = ([unit * second for second in side] for side in seconds)
    for name, theirs in zip(peers, others, strict=True):
        yield compare(metric, ours, theirs, name, less_is_better=True)


def against(metric: str, ours: float, peer: float, peer_name: str, *, less_is_better: bool = True) -> Measurement:
    """One figure beside another, such as an aim."""
    return compare(metric, [ours], [peer], peer_name, less_is_better=less_is_better)


def _together(search: Search, queries: Floats, number: int) -> None:
    search(queries)


def _normalized(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
