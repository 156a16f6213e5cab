"""The gallery beside bare FAISS, scikit-learn, hnswlib and torch: searching, building, opening and growing.

At a million vectors; all cores take part, and every figure is by the clock, both sides in turn. `gallery_scene.draw`
says what the vectors are, and how hard to search.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from embedlearn.console import run_command, say
from embedlearn.gallery.approximate import FACTORS, Effort, read_approximate
from embedlearn.gallery.exact import Floats
from embedlearn.gallery.folder import INDEX, VECTORS
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.kinds import KINDS, RECALL, lists_for
from embedlearn.gallery.reranking import rerank
from embedlearn.gallery.where import Compare
from experiments.benchmarks.gallery_peers import (
    Hnswlib,
    bare,
    load_and_search,
    scikit,
    write_and_sync,
)
from experiments.benchmarks.gallery_scene import (
    HARD,
    QUICK,
    SOURCES,
    WIDTH,
    Scene,
    Search,
    Sizes,
    against,
    compared,
    draw,
    in_turn,
    one_by_one,
    recall,
)
from experiments.benchmarks.gallery_torch import on_a_gpu, on_the_processor
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, tell_measurements

MORE, OPENED = 50.0, 100.0  # our aims: microseconds more than bare FAISS for a query, and milliseconds to open
CANDIDATES = 100  # put in order again


@dataclass(frozen=True, kw_only=True)
class GalleryBenchmark(BenchmarkFlags):
    """Compare the gallery with FAISS, scikit-learn, hnswlib and torch: 10 neighbours among vectors of 128 numbers."""


def main() -> None:
    run_command(GalleryBenchmark, _run, "experiments.benchmarks.gallery", None)


def _run(settings: GalleryBenchmark) -> None:
    tell_measurements(settings.json, measurements(QUICK if settings.quick else Sizes()))


def measurements(sizes: Sizes) -> Iterator[Measurement]:
    """Everything about searching, one after the other."""
    few, some, all_ = (Scene.draw(sizes, count) for count in (sizes.few, sizes.some, sizes.vectors))
    yield from overhead_of_a_query(few)
    yield from overhead_of_a_query(some)
    yield from overhead_of_a_batch(some, 5 * sizes.rounds)
    yield from overhead_of_a_batch(all_, sizes.rounds)
    yield from beside_scikit(some)
    yield from filtered(all_)
    with saved(all_.flat) as folder:
        yield from opened("flat", folder, all_)
        yield from grown(folder, all_)
    peer = rival(all_)
    for kind in sizes.kinds:
        yield from indexed(kind, all_, peer)
    yield from indexed(sizes.kinds[0], Scene.draw(sizes, sizes.vectors, HARD), None)
    yield from reranked(some)
    yield from on_the_processor(all_)
    yield from on_a_gpu(sizes)


def overhead_of_a_query(scene: Scene) -> Iterator[Measurement]:
    """What the gallery adds to bare FAISS for one query."""
    count, sides = len(scene.vectors), (scene.flat.kneighbors, bare(scene.vectors))
    seconds = in_turn(scene.sizes.singles, *(one_by_one(side, scene.queries, 1) for side in sides))
    yield from compared(f"exact, {count:,} vectors, one by one, microseconds a query", seconds, 1e6, ["bare FAISS"])
    more = statistics.median(ours - theirs for ours, theirs in zip(*seconds, strict=True))
    shown = max(1e6 * more, 1)  # by chance it can be less than nothing
    yield against(f"more than bare FAISS for one query, {count:,} vectors, microseconds", shown, MORE, "aim")


def overhead_of_a_batch(scene: Scene, rounds: int) -> Iterator[Measurement]:
    """The same for a batch."""
    count, peer = len(scene.queries), bare(scene.vectors)
    seconds = in_turn(rounds, lambda _: scene.flat.kneighbors(scene.queries), lambda _: peer(scene.queries))
    metric = f"exact, {len(scene.vectors):,} vectors, batches of {count:,}, microseconds a query"
    yield from compared(metric, seconds, 1e6 / count, ["bare FAISS"])


def beside_scikit(scene: Scene) -> Iterator[Measurement]:
    """Exact search, in a batch and one by one, beside scikit-learn's."""
    metric = f"exact, {len(scene.vectors):,} vectors"
    yield from scene.speeds(metric, scene.flat.kneighbors, {"scikit-learn NearestNeighbors": scikit(scene.vectors)})


def filtered(scene: Scene) -> Iterator[Measurement]:
    """Among 1 % of the cases; the gallery keeps what the last condition gave, so a new one costs more."""
    conditions = [Compare("source", "==", f"site {number}") for number in range(SOURCES)]
    peers = {"the same gallery without a condition": scene.flat.kneighbors}
    for name, given in (("seen before", conditions[:1]), ("new each time", conditions)):
        search = partial(_search_where, scene.flat, itertools.cycle(given))
        yield from scene.speeds(f"exact, {len(scene.vectors):,} vectors, 1 % by a condition {name}", search, peers)


def opened(name: str, folder: Path, scene: Scene) -> Iterator[Measurement]:
    """Opening a folder, and from there to the first answer, what is read for it verified."""
    first, path = scene.queries[:1], next(folder.glob(f"generation-*/{VECTORS}"))
    metric, rounds = f"{name}, {len(scene.vectors):,} vectors", scene.sizes.rounds

    def answer(number: int) -> None:
        with Gallery.open(folder, device="cpu") as gallery:
            gallery.kneighbors(first)

    (seconds,) = in_turn(3 * rounds, lambda _: Gallery.open(folder, device="cpu").close())
    yield from compared(f"{metric}, opened, milliseconds", [seconds, [OPENED / 1e3] * len(seconds)], 1e3, ["aim"])
    seconds_of_both = in_turn(rounds, answer, lambda _: load_and_search(path, first))
    peer = "numpy.load, IndexFlatL2.add and its search, nothing verified"
    yield from compared(f"{metric}, opened and asked once, milliseconds", seconds_of_both, 1e3, [peer])


def grown(folder: Path, scene: Scene) -> Iterator[Measurement]:
    """Cases added one by one, each safe on the disk, and what that makes of opening."""
    late, count = draw(scene.sizes.added + 1, 2), len(scene.vectors)
    (before,) = in_turn(scene.sizes.rounds, lambda _: Gallery.open(folder, device="cpu").close())
    with (
        Gallery.open(folder, writable=True, device="cpu") as gallery,
        tempfile.TemporaryFile(dir=folder.parent) as file,
    ):
        seconds = in_turn(
            scene.sizes.added,
            lambda number: gallery.add(late[number][None], pa.table({"id": [f"late {number}"]})),
            lambda number: write_and_sync(file.fileno(), late[number].tobytes()),
        )
    metric = f"flat, {count:,} vectors"
    yield from compared(f"{metric}, a case added, milliseconds", seconds, 1e3, ["its vector written and synced"])
    (after,) = in_turn(scene.sizes.rounds, lambda _: Gallery.open(folder, device="cpu").close())
    metric = f"{metric} and {len(late):,} added one by one, opened, milliseconds"
    yield from compared(metric, [after, before], 1e3, ["before they were added"])


@dataclass(frozen=True)
class Rival:
    """hnswlib's graph, what it is called, and its recall on the queries."""

    graph: Hnswlib
    name: str


def rival(scene: Scene) -> Rival | None:
    """Hnswlib at the recall that we ask for; None, with a word, where it is not installed."""
    if not importlib.util.find_spec("hnswlib"):
        say("  note: hnswlib is not installed, so nothing is compared with it")
        return None
    graph, tuning = Hnswlib(scene.vectors), draw(scene.sizes.queries, 3)
    effort = graph.tune(tuning, scene.flat.kneighbors(tuning)[1], RECALL)
    found = recall(graph.search(scene.queries), scene.truth)
    return Rival(graph, f"hnswlib, M 16, ef_construction 200, ef {effort}, recall@10 {found:.3f}")


def indexed(kind: str, scene: Scene, peer: Rival | None) -> Iterator[Measurement]:
    """One kind of index: built, found and missed, asked, kept; and, for the one that `auto` takes, opened."""
    began = time.perf_counter()
    gallery = Gallery(kind, device="cpu").fit(scene.vectors, scene.rows)
    seconds = time.perf_counter() - began
    held, chosen = gallery.chosen.measured, gallery.chosen.kind
    name = f"{chosen if kind == chosen else f'{kind} ({chosen})'}, spread {scene.spread:g}"
    metric, peers = f"{name}, {len(scene.vectors):,} vectors", dict[str, Search](flat=scene.flat.kneighbors)
    if peer:
        yield against(f"{metric}, built, seconds", seconds, peer.graph.seconds, peer.name)
        peers[peer.name] = peer.graph.search
    found = recall(gallery.kneighbors(scene.queries)[1], scene.truth)
    stated = f"{held.recall:.3f} when it was built" if held else "exact"
    yield against(f"{metric}, recall@10 of fresh queries ({stated})", found, RECALL, "asked for", less_is_better=False)
    yield from scene.speeds(metric, gallery.kneighbors, peers)
    with saved(gallery) as folder:
        index = next(folder.glob(f"generation-*/{INDEX}"))
        size = index.stat().st_size / len(scene.vectors)
        yield against(f"{metric}, bytes a vector beside the vectors", size, 4 * WIDTH, "the vectors")
        if KINDS[chosen].visits == "nprobe":
            visits = max(1, lists_for(len(scene.vectors)) // 100)
            part = read_approximate(index, chosen, Effort(visits, FACTORS[-1]), WIDTH, len(scene.vectors))
            found = recall(part.search(scene.queries, scene.vectors, 10)[1], scene.truth)
            yield against(f"{metric}, recall@10 with 1 % of the lists", found, 1.0, "flat", less_is_better=False)
        if kind == scene.sizes.kinds[0]:
            yield from opened(name, folder, scene)


def reranked(scene: Scene) -> Iterator[Measurement]:
    """What k-reciprocal re-ranking costs beside the search for its candidates."""
    queries, gallery = scene.queries[:CANDIDATES], scene.flat
    far, rows = gallery.kneighbors(queries, CANDIDATES)
    seconds = in_turn(
        scene.sizes.rounds,
        lambda _: rerank(far, rows, gallery.kneighbors, gallery.vectors_of),
        lambda _: gallery.kneighbors(queries, CANDIDATES),
    )
    metric = f"re-ranking {CANDIDATES} candidates, {len(scene.vectors):,} vectors, milliseconds a query"
    yield from compared(metric, seconds, 1e3 / len(queries), ["the search for the candidates"])


def _search_where(gallery: Gallery, conditions: Iterator[Compare], queries: Floats) -> object:
    return gallery.kneighbors(queries, 10, next(conditions))


@contextlib.contextmanager
def saved(gallery: Gallery) -> Iterator[Path]:
    """The gallery in a folder, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as place:
        gallery.save(Path(place) / "gallery")
        yield Path(place) / "gallery"


if __name__ == "__main__":
    main()
