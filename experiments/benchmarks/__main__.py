"""All benchmarks, one after another, each in a process of its own: `python -m experiments.benchmarks [--quick]`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedlearn.console import run_command, say
from embedlearn.files import require_folder
from embedlearn.flags import require_choice
from experiments.benchmarks.measuring import load_measurements
from experiments.benchmarks.ratios import draw_ratios

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results" / "benchmarks"
TRIED = ROOT / "runs" / "benchmarks"  # what means little may not stand among the stored results
# Each benchmark, and the packages without which there is nobody to compare with.
PEERS: dict[str, tuple[str, ...]] = {
    "training": (),
    "episodes": ("easyfsl",),
    "gallery": (),
    "decoding": (),
    "embedding": (),
    "maps": (),
    "som": (),
    "explanations": (),
    "twins": (),
    "serving": (),
    "startup": (),
    "growth": ("easyfsl",),
}
FIGURES = ("growth",)  # those that draw one of their own


@dataclass(frozen=True, kw_only=True)
class Benchmarks:
    """Run the benchmarks, write FOLDER/NAME.json for each, and draw the ratios of all that are there.

    Exits with code 1 where one failed.
    """

    quick: bool = False
    """Fewer rounds and smaller sizes, to see that they work; the figures mean little."""
    only: tuple[str, ...] = ()
    """Names of those to run, such as training gallery; all where none is named."""
    out: Path | None = None
    """Folder to write to, pictures too. Without it figures are stored in experiments/results/benchmarks and pictures in
    assets/; with --quick both go to runs/benchmarks."""
    redraw: bool = False
    """Run nothing; draw the ratios that are there."""

    def __post_init__(self) -> None:
        for name in self.only:
            require_choice("--only", name, tuple(PEERS))

    @property
    def folder(self) -> Path:
        """The folder of figures, absolute."""
        return (self.out or (TRIED if self.quick else RESULTS)).absolute()

    @property
    def pictures(self) -> Path:
        """The folder of pictures, absolute."""
        return ROOT / "assets" if self.folder == RESULTS else self.folder


def main(arguments: Sequence[str] | None = None) -> None:
    run_command(Benchmarks, _run, "experiments.benchmarks", arguments)


def _run(settings: Benchmarks) -> None:
    folder = settings.folder
    require_folder(folder, "--out")
    failed = [] if settings.redraw else [name for name in settings.only or PEERS if not run_one(name, settings)]
    there = [name for name in PEERS if (folder / f"{name}.json").exists()]
    if there:
        drawn = settings.pictures / "benchmarks.png"
        draw_ratios(drawn, {name: load_measurements(folder / f"{name}.json") for name in there})
        say(f"drew {drawn}: {', '.join(there)}")
    if failed:
        say(f"failed: {', '.join(failed)}")
        raise SystemExit(1)


def run_one(name: str, settings: Benchmarks) -> bool:
    """Run one benchmark, and whether that went well; where its peer is missing it is passed over with a word."""
    if missing := [package for package in PEERS[name] if not importlib.util.find_spec(package)]:
        say(f"{name}: not run here, {' and '.join(missing)} is not installed; pip install 'embedlearn[bench]'")
        return True
    say(f"{name}:")
    done = subprocess.run(command_of(name, settings), check=False, cwd=ROOT)
    return done.returncode == 0


def command_of(name: str, settings: Benchmarks) -> list[str]:
    """The command that runs one benchmark."""
    written = str(settings.folder / f"{name}.json")
    words = [sys.executable, "-m", f"experiments.benchmarks.{name}", "--json", written]
    if name in FIGURES:
        words += ["--figure", str(settings.pictures / f"{name}.png")]
    return [*words, "--quick"] if settings.quick else words


if __name__ == "__main__":
    main()
