"""How cost grows: films decoded, episodes asked, vectors searched and triplets compared, beside the peers.

Seconds of processor time on one thread, medians of rounds in turn, at sizes that grow about threefold. The exponent of
a curve is the slope of the straight line through its last three sizes on logarithmic axes, where what is spent once
weighs least: 1 is in proportion, 2 with the square. Two sides are compared by what ten times the size costs, ten to the
power of the exponent, over the sizes at which both were measured.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from embedlearn.console import run_command
from embedlearn.flags import require_packages
from experiments.benchmarks.axes import plainly
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, spent_in_turn, tell_measurements

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAST = 3  # sizes through which the line is drawn
QUERIES = 200
Costs = dict[str, list[float]]  # seconds of each round, by who spent them


@dataclass(frozen=True, kw_only=True)
class GrowthBenchmark(BenchmarkFlags):
    """Measure how cost grows with the number of films, episodes, vectors and embeddings in a batch, ours and peers'."""

    figure: Path | None = None
    """File to draw the curves into, PNG or SVG."""


class Growing(NamedTuple):
    """What grows: its title, what is counted, sizes, the costs of a size in so many rounds, and who meets whom."""

    title: str
    counted: str
    sizes: tuple[int, ...]
    costs: Callable[[int, int], Costs]
    pairs: tuple[tuple[str, str], ...]


class Curves(NamedTuple):
    """The costs at each size."""

    growing: Growing
    costs: list[Costs]

    def having(self, *names: str) -> list[tuple[int, Costs]]:
        """The sizes at which all of these were measured, and the costs there."""
        measured = zip(self.growing.sizes, self.costs, strict=False)
        return [(size, costs) for size, costs in measured if all(name in costs for name in names)]

    def line(self, name: str, *others: str) -> tuple[list[int], list[float]]:
        """The sizes at which one was measured, and the others too, and its medians."""
        there = self.having(name, *others)
        return [size for size, _ in there], [statistics.median(costs[name]) for _, costs in there]


def main() -> None:
    run_command(GrowthBenchmark, _run, "experiments.benchmarks.growth", None)


def _run(settings: GrowthBenchmark) -> None:
    import faiss  # noqa: F401  # what is not loaded yet is not limited
    import torch

    require_packages("growth", ("easyfsl",), "bench")
    torch.set_num_threads(1)
    drawn: list[Curves] = []
    with threadpool_limits(1):
        tell_measurements(settings.json, measurements(settings.quick, drawn))
    if settings.figure:
        draw(settings.figure, drawn)


def measurements(quick: bool, drawn: list[Curves]) -> Iterator[Measurement]:
    """Every comparison at every size; the curves are put into `drawn`."""
    for growing in GROWING:
        sizes = growing.sizes[:2] if quick else growing.sizes
        curves = Curves(growing, [growing.costs(size, 1 if quick else 3) for size in sizes])
        drawn.append(curves)
        yield from compared(curves)


def compared(curves: Curves) -> Iterator[Measurement]:
    """Ours beside the peer at each size, and then how both grow."""
    title, counted, *_ = curves.growing
    for ours, peer in curves.growing.pairs:
        there = curves.having(ours, peer)
        for size, costs in there:
            metric = f"{title}: {ours}, {size:,} {counted}, CPU-seconds"
            yield compare(metric, costs[ours], costs[peer], peer, less_is_better=True)
        if len(there) > 1:
            own, theirs = 10 ** exponent(*curves.line(ours, peer)), 10 ** exponent(*curves.line(peer, ours))
            metric = f"{title}: {ours}, what ten times the {counted} cost, times as much"
            yield Measurement(metric, own, theirs, peer, theirs / own, len(there[0][1][ours]))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of the least-squares line through the last points on logarithmic axes."""
    across, up = (np.log(np.asarray(values[-LAST:], float)) for values in (sizes, costs))
    across = across - across.mean()
    return float(across @ up / (across @ across))


# What grows.


def decoding(films: int, rounds: int) -> Costs:
    """Films from JPEG files to batches: into an empty cache, from a full one, and by torchvision's loader."""
    from embedlearn.radiographs.cache import open_films
    from embedlearn.radiographs.preprocessing import Preprocessing
    from experiments.benchmarks.decoding import read_cached, read_cold, read_plainly
    from experiments.benchmarks.film_scene import draw_films

    with tempfile.TemporaryDirectory() as place:
        paths, settings = draw_films(Path(place) / "films", films), Preprocessing(size=96)
        cached = open_films(paths, settings, folder=Path(place) / "cache")
        return processor(rounds, {
            "into the cache": partial(read_cold, paths, settings),
            "from the cache": partial(read_cached, cached, settings),
            "ImageFolder and DataLoader": partial(read_plainly, Path(place) / "films", settings.size),
        })  # fmt: skip


def episodes(count: int, rounds: int) -> Costs:
    """Episodes of five classes, 5 shots and 15 queries, from embeddings to accuracy."""
    from easyfsl.methods import PrototypicalNetworks  # type: ignore[import-untyped]
    from easyfsl.utils import evaluate  # type: ignore[import-untyped]

    from embedlearn.episodes.heads.prototype import PrototypeClassifier
    from experiments.benchmarks.episodes import accuracy
    from experiments.benchmarks.peers import Films, easyfsl_loader

    films = Films.draw(5, 600)
    loader = easyfsl_loader(films, count)
    return processor(rounds, {
        "prototypes": partial(accuracy, PrototypeClassifier(), films, count, 0),
        "easyfsl": partial(evaluate, PrototypicalNetworks(), loader, device="cpu", use_tqdm=False),
    })  # fmt: skip


def searching(count: int, rounds: int) -> Costs:
    """The ten nearest of vectors of 128 numbers, a batch of queries; approximate ones find 95 % of them or more."""
    from embedlearn.gallery.gallery import Gallery
    from experiments.benchmarks.gallery import rival
    from experiments.benchmarks.gallery_peers import bare, scikit
    from experiments.benchmarks.gallery_scene import Scene, Sizes

    scene = Scene.draw(Sizes(queries=QUERIES), count)
    searches: dict[str, Callable[[Any], object]] = {
        "exact": scene.flat.kneighbors,
        "auto": Gallery("auto", device="cpu").fit(scene.vectors, scene.rows).kneighbors,
        "bare FAISS, exact": bare(scene.vectors),
        "scikit-learn, exact": scikit(scene.vectors),
    }
    if peer := rival(scene):
        peer.graph.index.set_num_threads(1)
        searches["hnswlib"] = peer.graph.search
    return processor(rounds, {name: partial(search, scene.queries) for name, search in searches.items()})


def triplets(batch: int, rounds: int) -> Costs:
    """All triplets of a batch of two classes, forward and backward."""
    from experiments.benchmarks.training import milliseconds, triplet_duels

    duel, _ = triplet_duels()
    losses = {"all triplets": duel.own, "pytorch-metric-learning": duel.peer}
    found: Costs = {name: [] for name in losses}
    for _ in range(rounds):
        for name, loss in losses.items():
            found[name].append(milliseconds(batch, loss, None) / 1e3)
    return found


def processor(rounds: int, calls: dict[str, Callable[[], object]]) -> Costs:
    """Seconds of processor time of each call, in turn."""
    found = spent_in_turn(rounds, *calls.values())
    return {name: [each.cpu for each in side] for name, side in zip(calls, found, strict=True)}


GROWING = (
    Growing(
        "films from JPEG files to batches of 96 px", "films", (16, 32, 64, 128, 256), decoding,
        (("into the cache", "ImageFolder and DataLoader"), ("from the cache", "ImageFolder and DataLoader")),
    ),
    Growing(
        "5-way 5-shot episodes to accuracy", "episodes", (30, 100, 300, 1_000, 3_000), episodes,
        (("prototypes", "easyfsl"),),
    ),
    Growing(
        f"ten nearest of {QUERIES} queries", "vectors", (1_000, 3_000, 10_000, 30_000, 100_000), searching,
        (("exact", "bare FAISS, exact"), ("exact", "scikit-learn, exact"), ("auto", "hnswlib")),
    ),
    Growing(
        "triplet loss, forward and backward", "embeddings in a batch", (32, 64, 128, 256, 512), triplets,
        (("all triplets", "pytorch-metric-learning"),),
    ),
)  # fmt: skip


def draw(path: Path, curves: Sequence[Curves]) -> None:
    """All curves, a panel each, with their exponents."""
    from embedlearn.figures import Panel, Picture

    Picture(tuple(Panel(each.growing.title, partial(_panel, each), 3.6) for each in curves), 5).save(path)


def _panel(curves: Curves, axes: Axes) -> None:
    from embedlearn.figures import COLOURS

    ours = {own for own, _ in curves.growing.pairs}
    for name, colour in zip(dict.fromkeys(name for costs in curves.costs for name in costs), COLOURS, strict=False):
        sizes, costs = curves.line(name)
        label = f"{'ours, ' if name in ours else ''}{name}: exponent {exponent(sizes, costs):.2f}"
        axes.plot(sizes, costs, "o-" if name in ours else "s--", color=colour, markersize=4, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    plainly(axes.xaxis, curves.growing.sizes[: len(curves.costs)])
    plainly(axes.yaxis, subs=(1,) if np.ptp(np.log10(axes.get_ylim())) > 2 else (1, 2, 5))
    axes.set_xlabel(curves.growing.counted)
    axes.set_ylabel("CPU-seconds")
    axes.legend(fontsize=8)


if __name__ == "__main__":
    main()
