"""Films from JPEG files to a network's batches: decoded once into the cache, beside ImageFolder in torch's DataLoader.

Both sides end in the same float32 batches, standardised. The loader decodes the films in every epoch; ours decodes
them in the first of all, writes them to the disk and waits until they are there, and from then on reads them, in a
later process after it found by size and time that the files are the same.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedlearn.console import run_command
from embedlearn.encoders.inputs import BATCH
from embedlearn.radiographs.cache import Films, open_films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.benchmarks.film_scene import PLAIN, cached_batches, draw_films, plain_loader
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, spent_in_turn, tell_measurements

PIXELS = (96, 224)  # a side


@dataclass(frozen=True, kw_only=True)
class DecodingBenchmark(BenchmarkFlags):
    """Compare decoding into the cache, and reading from it, with ImageFolder and DataLoader: films a second."""


def main() -> None:
    run_command(DecodingBenchmark, _run, "experiments.benchmarks.decoding", None)


def _run(settings: DecodingBenchmark) -> None:
    films, rounds = (BATCH // 4, 1) if settings.quick else (BATCH, 5)
    tell_measurements(settings.json, measurements(films, rounds, PIXELS[: 1 if settings.quick else None]))


def measurements(count: int, rounds: int, pixels: tuple[int, ...] = PIXELS) -> Iterator[Measurement]:
    """All comparisons on `count` films, one after the other."""
    with tempfile.TemporaryDirectory() as place:
        paths = draw_films(Path(place) / "films", count)
        for size in pixels:
            yield from at_size(paths, Path(place) / f"cache-{size}", size, rounds)


def at_size(paths: list[Path], cache: Path, size: int, rounds: int) -> Iterator[Measurement]:
    """Films a second of each epoch at so many pixels a side; `cache` is where films are found again."""
    settings, folder = Preprocessing(size=size), paths[0].parents[1]
    films = open_films(paths, settings, folder=cache)
    theirs, *ours = spent_in_turn(
        rounds,
        lambda: read_plainly(folder, size),
        lambda: read_cold(paths, settings),
        lambda: read_again(paths, settings, cache),
        lambda: read_cached(films, settings),
    )
    for name, own in zip(("first epoch", "first epoch of a later process", "later epochs"), ours, strict=True):
        for clock, unit in (("wall", "second"), ("cpu", "CPU-second")):
            mine, yours = ([len(paths) / getattr(each, clock) for each in side] for side in (own, theirs))
            yield compare(f"{name}, {size} px, films a {unit}", mine, yours, PLAIN, less_is_better=False)


# Ours; how many films were read.


def read_cold(paths: list[Path], settings: Preprocessing) -> int:
    """Decode films into a cache that is empty, and read them from it."""
    with tempfile.TemporaryDirectory() as folder:
        return read_again(paths, settings, Path(folder))


def read_again(paths: list[Path], settings: Preprocessing, cache: Path) -> int:
    """Find films in the cache, or decode them into it, and read them."""
    return read_cached(open_films(paths, settings, folder=cache), settings)


def read_cached(films: Films, settings: Preprocessing) -> int:
    """Read films that were found."""
    return sum(len(batch) for batch in cached_batches(films, settings))


# The peer.


def read_plainly(folder: Path, size: int) -> int:
    """One epoch of the loader."""
    loader: Any = plain_loader(folder, size)
    return sum(len(batch) for batch, _ in loader)


if __name__ == "__main__":
    main()
