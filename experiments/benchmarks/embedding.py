"""Embedding films beside the bare network, and beside torchvision's ImageFolder in torch's DataLoader.

The films are those of `film_scene`; our cache of decoded films is empty where it says so.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.console import run_command
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import BATCH, embed_films
from embedlearn.encoders.settings import Architecture
from embedlearn.radiographs.cache import open_films
from embedlearn.radiographs.manifest import build_manifest
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import Collection
from embedlearn.tasks.sharding import write_plan, write_shard
from experiments.benchmarks.film_scene import PLAIN, cached_batches, draw_films, plain_loader
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, Spent, compare, spent, tell_measurements

NETWORKS = (("resdense", 96, 7), ("resnet18", 224, 3))  # pixels a side, and rounds
BARE = "the same network on float32 batches in memory"


@dataclass(frozen=True, kw_only=True)
class EmbeddingBenchmark(BenchmarkFlags):
    """Compare embedding from the cache with the bare forward pass, and from JPEG files with torchvision's route."""


def main() -> None:
    run_command(EmbeddingBenchmark, _run, "experiments.benchmarks.embedding", None)


def _run(settings: EmbeddingBenchmark) -> None:
    tell_measurements(settings.json, measurements(settings.quick))


def measurements(quick: bool) -> Iterator[Measurement]:
    """All comparisons, one after the other."""
    with tempfile.TemporaryDirectory() as place:
        paths = draw_films(Path(place) / "films", 2 * BATCH if quick else 4 * BATCH)
        for backbone, size, rounds in NETWORKS[: 1 if quick else None]:
            saved = made_up(backbone, size)
            for part in (_from_cache, _from_files):
                yield from part(saved, paths, 2 if quick else rounds)


def _from_cache(saved: SavedEncoder, paths: list[Path], rounds: int) -> Iterator[Measurement]:
    """Films a second of a whole shard, from its plan to its file, by one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, {"EMBEDLEARN_CACHE": place}):
        shard, bare = prepare_shard(saved, paths, Path(place)), prepare_bare(saved, paths)
        pairs = [(spent(shard), spent(bare)) for _ in range(rounds + 1)][1:]  # the first fills what is filled once
    torch.set_num_threads(threads)
    yield from _compare(f"from the cache, {_name(saved)}, one thread", len(paths), pairs, BARE)


def _from_files(saved: SavedEncoder, paths: list[Path], rounds: int) -> Iterator[Measurement]:
    """Films a second from JPEG files to vectors, nothing decoded before."""
    folder = paths[0].parents[1]
    pairs = [(spent(lambda: embed_cold(saved, paths)), spent(lambda: embed_plainly(saved, folder)))
             for _ in range(rounds)]  # fmt: skip
    yield from _compare(f"from JPEG files, {_name(saved)}", len(paths), pairs, PLAIN)


def _compare(metric: str, films: int, pairs: list[tuple[Spent, Spent]], peer: str) -> Iterator[Measurement]:
    for clock, unit in (("wall", "second"), ("cpu", "CPU-second")):
        ours, theirs = ([films / getattr(side, clock) for side in sides] for sides in zip(*pairs, strict=True))
        yield compare(f"embedding {metric}, films a {unit}", ours, theirs, peer, less_is_better=False)


def _name(saved: SavedEncoder) -> str:
    return f"{saved.encoder.architecture.backbone} at {saved.preprocessing.size} px"


# Ours.


def prepare_shard(saved: SavedEncoder, paths: list[Path], place: Path) -> Callable[[], None]:
    """Films decoded into the cache and planned as one shard; the call that embeds them and writes the shard."""
    films = open_films(paths, saved.preprocessing)
    manifest = build_manifest([{"path": path, "label": path.parent.name} for path in paths], "made up")
    manifest = manifest.with_columns(sha256=films.digests, case=range(len(paths)))
    shards = write_plan(place / "shards", Collection(manifest, films), saved, len(paths))
    return lambda: write_shard(shards, 0, saved, torch.device("cpu"))


def embed_cold(saved: SavedEncoder, paths: list[Path]) -> NDArray[np.float32]:
    """Vectors of files by a cache that is empty, in the order of `paths`."""
    with tempfile.TemporaryDirectory() as place:
        films = open_films(paths, saved.preprocessing, folder=Path(place))
        return embed_films(saved.encoder, films, saved.preprocessing)


# The peers.


def prepare_bare(saved: SavedEncoder, paths: list[Path]) -> Callable[[], Tensor]:
    """The network and its batches, ready in memory; the call that runs the one over the others."""
    batches = list(cached_batches(open_films(paths, saved.preprocessing), saved.preprocessing))
    network = saved.encoder.to(memory_format=torch.channels_last)

    @torch.no_grad()
    def run() -> Tensor:
        return torch.cat([network(batch) for batch in batches])

    return run


@torch.no_grad()
def embed_plainly(saved: SavedEncoder, folder: Path) -> NDArray[np.float32]:
    """Vectors of the files below `folder`, by class and name, as a script without a toolkit makes them."""
    network = saved.encoder.to(memory_format=torch.channels_last)
    found: list[Tensor] = [network(batch) for batch, _ in plain_loader(folder, saved.preprocessing.size)]
    return torch.cat(found).numpy()


# What both are given.


def made_up(backbone: str, size: int) -> SavedEncoder:
    """An untrained encoder, as if it had been saved."""
    encoder = Encoder(Architecture(backbone), seed=0).eval()
    return SavedEncoder(encoder, Preprocessing(size=size), torch.zeros(encoder.architecture.dimension), "made up")


if __name__ == "__main__":
    main()
