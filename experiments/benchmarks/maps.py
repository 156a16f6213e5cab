"""Maps beside their peers: UMAP to a figure against bare umap-learn, and t-SNE against scikit-learn's.

Every side is a fresh process, timed from its start to its end by the clock: what it imports and compiles counts, as it
does for whoever draws a map. First each side draws a few films once, so that what either keeps compiled on the disk is
there. Both may use every core. Trustworthiness and neighbours kept are ours to measure, for both sides alike.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from embedlearn.console import run_command
from embedlearn.maps.quality import Quality, map_quality
from experiments.benchmarks.gallery_scene import against, in_turn
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, tell_measurements

WIDTH, CLUSTERS, SPREAD = 128, 60, 1.2  # of the films about their cluster's centre, whose length is 1
LABELS, SOURCES = 3, 2
WARMING = 4_200  # films of the round that is not counted: below 4,096 umap-learn does not search as it does above
ROOT = Path(__file__).parents[2]
BARE = {
    "bare-figure": "umap-learn, seeded, and a scatter",
    "unseeded-figure": "umap-learn, not seeded, and a scatter",
}


@dataclass(frozen=True)
class Sizes:
    """How many films are drawn, and how often."""

    umap: int = 20_000
    tsne: int = 20_000
    umap_rounds: int = 3
    tsne_rounds: int = 1


QUICK = Sizes(5_000, 5_000, 1, 1)


@dataclass(frozen=True, kw_only=True)
class MapBenchmark(BenchmarkFlags):
    """Compare our maps with those of umap-learn and scikit-learn: seconds by the clock, and neighbours kept."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What the sides drew of the same films: seconds of each round, and the last map's quality."""

    seconds: dict[str, list[float]]
    quality: dict[str, Quality]


def main() -> None:
    run_command(MapBenchmark, _run, "experiments.benchmarks.maps", None)


def _run(settings: MapBenchmark) -> None:
    tell_measurements(settings.json, measurements(QUICK if settings.quick else Sizes()))


def measurements(sizes: Sizes) -> Iterator[Measurement]:
    """Everything, one after the other; a ratio above 1 is in our favour."""
    name = f"UMAP of {sizes.umap:,} x {WIDTH} to a figure"
    yield from beside(name, drawn_by("our-figure", tuple(BARE), sizes.umap, sizes.umap_rounds), BARE)
    name = f"t-SNE of {sizes.tsne:,} x {WIDTH}"
    drawn = drawn_by("our-tsne", ("scikit-tsne",), sizes.tsne, sizes.tsne_rounds)
    yield from beside(name, drawn, {"scikit-tsne": "scikit-learn"})


def beside(metric: str, drawn: Drawn, peers: dict[str, str]) -> Iterator[Measurement]:
    """Our side, the first, beside each of the peers."""
    ours, *_ = drawn.seconds
    for peer, name in peers.items():
        seconds = drawn.seconds[ours], drawn.seconds[peer]
        yield compare(f"{metric}, seconds", *seconds, name, less_is_better=True)
        for what in ("trustworthiness", "kept"):
            own, theirs = (getattr(drawn.quality[side], what) for side in (ours, peer))
            words = "neighbours kept" if what == "kept" else what
            yield against(f"{metric}, {words}", own, theirs, name, less_is_better=False)


def drawn_by(ours: str, peers: tuple[str, ...], count: int, rounds: int) -> Drawn:
    """The sides in turn on the same films."""
    sides = (ours, *peers)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        given, few, films = draw(count), folder / "few.npz", folder / "films.npz"
        np.savez(few, **draw(min(count, WARMING)))
        np.savez(films, **given)
        for side in sides:
            (folder / side).mkdir()
        calls = [
            lambda number, side=side: run_apart(side, few if number < 0 else films, folder / side) for side in sides
        ]
        seconds = in_turn(rounds, *calls)
        places = {side: np.load(folder / side / "places.npy") for side in sides}
    found = {side: map_quality(given["vectors"], at, given["labels"], given["sources"]) for side, at in places.items()}
    return Drawn(dict(zip(sides, seconds, strict=True)), found)


def run_apart(side: str, films: Path, out: Path) -> None:
    """One side in a fresh process."""
    command = [sys.executable, "-W", "ignore", "-m", "experiments.benchmarks.map_sides", side, str(films), str(out)]
    beside = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": beside})


def draw(count: int) -> dict[str, Any]:
    """Films of length 1 about centres on the sphere, `vectors` float32 [count, WIDTH]; a label and source for each."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLUSTERS, WIDTH))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    cluster = rng.integers(CLUSTERS, size=count)
    vectors = centres[cluster] + SPREAD / np.sqrt(WIDTH) * rng.standard_normal((count, WIDTH))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.array([f"label {number}" for number in range(LABELS)])[cluster % LABELS]
    sources = np.array([f"source {number}" for number in range(SOURCES)])[rng.integers(SOURCES, size=count)]
    return {"vectors": vectors.astype(np.float32), "labels": labels, "sources": sources}


if __name__ == "__main__":
    main()
