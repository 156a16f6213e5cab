"""How soon something is there: imports, `--help`, the first answer of light commands, and the server's page.

Every side is a fresh process from its start to its end, all in turn, in milliseconds of processor time: who starts
Python waits that long on a machine that does nothing else, and what else it does would meet the clock. A first round,
which fills the system's cache of files, is not counted. `import embedlearn` alone loads nothing, so what a user imports
from it is measured too, beside the packages that do the like.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from embedlearn.__main__ import COMMANDS
from embedlearn.console import run_command, say
from experiments.benchmarks.measuring import (
    FLOOR,
    BenchmarkFlags,
    Measurement,
    compare,
    spent_in_turn,
    tell_measurements,
)

ROOT = Path(__file__).parents[2]
BARE, TORCH = "pass", "import torch"
# What we are asked to load, and what others load for the like.
IMPORTS: dict[str, tuple[str, ...]] = {
    "import embedlearn": (BARE, "import torchvision", "import pytorch_metric_learning.losses"),
    "from embedlearn import PrototypeClassifier": ("import easyfsl.methods", "import sklearn.neighbors"),
    "from embedlearn import Gallery": ("import faiss", "import sklearn.neighbors"),
    "from embedlearn import Encoder": (TORCH, "import torchvision", "import timm"),
    "from embedlearn import exact_maps": ("import pytorch_grad_cam",),
    "from embedlearn import create_projection": ("import umap", "import openTSNE"),
}


@dataclass(frozen=True, kw_only=True)
class StartupBenchmark(BenchmarkFlags):
    """Compare how long imports and first answers take in fresh processes, with the like of other packages."""


def main() -> None:
    run_command(StartupBenchmark, _run, "experiments.benchmarks.startup", None)


def _run(settings: StartupBenchmark) -> None:
    tell_measurements(settings.json, measurements(settings.quick))


def measurements(quick: bool) -> Iterator[Measurement]:
    """All comparisons, one after the other."""
    rounds = 1 if quick else 3
    imports = dict(list(IMPORTS.items())[: 1 if quick else None])
    yield from imported({ours: installed(peers) for ours, peers in imports.items()}, rounds)
    yield from helped(list(COMMANDS)[: 1 if quick else None], rounds)
    yield from answered(rounds)
    if not quick:
        yield served(rounds)


def imported(pairs: dict[str, Sequence[str]], rounds: int) -> Iterator[Measurement]:
    """What it takes to import something of ours, beside what it takes of others."""
    statements = list(dict.fromkeys([*pairs, *(peer for peers in pairs.values() for peer in peers)]))
    taken = milliseconds({statement: python("-c", statement) for statement in statements}, rounds)
    for ours, peers in pairs.items():
        yield from beside(ours, taken[ours], {peer: taken[peer] for peer in peers})


def helped(commands: Sequence[str], rounds: int) -> Iterator[Measurement]:
    """What each command's `--help` takes, above Python itself, which is the floor."""
    calls = {command: python("-m", f"embedlearn.{command}", "--help") for command in commands}
    taken = milliseconds({**calls, BARE: python("-c", BARE)}, rounds)
    for command in commands:
        yield from beside(f"embedlearn {command} --help", taken[command], {BARE: taken[BARE]})


def answered(rounds: int) -> Iterator[Measurement]:
    """What commands take that need no encoder, on 60 phantoms and a gallery of 600 embeddings, beside loading torch."""
    from embedlearn.radiographs import phantom
    from experiments.benchmarks.episodes import save_embeddings

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        phantom.write_phantoms(place / "films", patients=60, films=1, size=256, seed=0)
        save_embeddings(place / "films.parquet")
        python("-m", "embedlearn.index", "--embeddings", "films.parquet", "--out", "gallery", place=place)()
        commands = {
            "embedlearn data show, 60 films": ("embedlearn.data", "show", "films"),
            "embedlearn search, by a case of 600": ("embedlearn.search", "gallery", "--case", f"{1:064x}"),
        }
        calls = {name: python("-m", *words, place=place) for name, words in commands.items()}
        taken = milliseconds({**calls, TORCH: python("-c", TORCH)}, rounds)
    for name in commands:
        yield from beside(name, taken[name], {TORCH: taken[TORCH]})


def served(rounds: int) -> Measurement:
    """Seconds from the command to the page by the clock, as the benchmark of the server has it."""
    from experiments.benchmarks.serving import starting
    from experiments.benchmarks.serving_scene import make_scene

    with tempfile.TemporaryDirectory() as place:
        return starting(make_scene(Path(place), "resdense", 96, side=256), rounds)


def milliseconds(calls: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Of processor time, for each call in each round."""
    found = spent_in_turn(rounds, *calls.values())
    return {name: [1e3 * each.cpu for each in side] for name, side in zip(calls, found, strict=True)}


def beside(name: str, ours: list[float], peers: dict[str, list[float]]) -> Iterator[Measurement]:
    """Ours beside each of the peers."""
    for peer, theirs in peers.items():
        called = f"{FLOOR}Python alone" if peer == BARE else peer
        yield compare(f"{name}, CPU-milliseconds", ours, theirs, called, less_is_better=True)


def python(*words: str, place: Path = ROOT) -> Callable[[], None]:
    """A call that runs Python silently in a fresh process, whose caches lie in the folder `place` where that is ours.

    Raises `CalledProcessError` where it fails.
    """
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    cache = {} if place == ROOT else {"EMBEDLEARN_CACHE": str(place / "cache")}
    command = [sys.executable, "-W", "ignore", *words]

    def run() -> None:
        subprocess.run(
            command, check=True, capture_output=True, cwd=place, env={**os.environ, "PYTHONPATH": path, **cache}
        )

    return run


def installed(statements: Sequence[str]) -> list[str]:
    """Those of the imports whose package is installed; a word for each of the others."""
    there = []
    for statement in statements:
        if statement == BARE or importlib.util.find_spec(statement.split()[1].partition(".")[0]):
            there.append(statement)
        else:
            say(f"  note: {statement}: not installed, so nothing is compared with it")
    return there


if __name__ == "__main__":
    main()
