"""The page on synthetic films: a run and a gallery of phantoms, made where they are missing, and films to try."""

from __future__ import annotations

import contextlib
import io
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from embedlearn.console import INTERRUPTED, say, stopping
from embedlearn.errors import ArgumentError, CheckpointError
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.opening import clear_unfinished, is_there
from embedlearn.radiographs import phantom

if TYPE_CHECKING:
    from embedlearn.encoders.runs import Run

GALLERY = "gallery"  # beside the runs
FILMS, SIZE, SEED = 8, 512, 20_000  # the seed is that of no folder of phantoms that a command draws


def prepare_demo(runs: Path, pretrain: Sequence[str] = ()) -> tuple[Path, Path]:
    """A run folder and a gallery of its films, both of phantoms: the newest run under `runs`, and `runs/gallery`.

    What is missing is made by the commands that a user would type, which are said; `pretrain` are further flags of the
    training. A gallery of phantoms that another run made is replaced. Raises `ArgumentError` where `runs/gallery` is
    anything else, and `StorageError`; where a command fails or is interrupted the process exits with its exit code.
    """
    place = runs / GALLERY
    _require_ours(place)
    run = _newest_on_phantoms(runs)
    if run is None:
        say(f"no run on phantoms is in {runs} yet; training one takes some minutes on two cores")
        _command("pretrain", "--runs", str(runs), *pretrain)
        run = _newest_on_phantoms(runs)
    if run is None:
        raise CheckpointError(f"{runs}: no run on phantoms is here; name no data, or name --run and --gallery")
    made_by = _encoder_of(place)
    if made_by != run.config["result"]["encoder"]:
        _command("index", "--run", str(run.folder), "--out", str(place), *(["--replace"] if made_by else []))
    return run.folder, place


def demo_films() -> list[tuple[str, str, bytes]]:
    """Name, label and PNG file of films of patients whom no run has seen: two of each label, one of each source."""
    from PIL import Image

    films = []
    for patient in range(FILMS):
        label = phantom.LABELS[patient % len(phantom.LABELS)]
        source = phantom.SOURCES[patient // len(phantom.LABELS) % len(phantom.SOURCES)]
        pixels = phantom.draw_film(label, seed=SEED, patient=patient, source=source, size=SIZE)
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "png", compress_level=1)
        films.append((f"phantom-{patient + 1}", label, file.getvalue()))
    return films


def _newest_on_phantoms(runs: Path) -> Run | None:
    """The run under `runs` that was finished last of those on phantoms alone whose films are still there."""
    from embedlearn.encoders.runs import ENCODER, open_run

    for encoder in sorted(runs.glob(f"*/{ENCODER}"), key=lambda path: -path.stat().st_mtime_ns):
        with contextlib.suppress(CheckpointError):  # it is not finished, or damaged
            run = open_run(encoder.parent)
            films = run.manifest()
            if set(films.frame["source"]) <= set(phantom.SOURCES) and all(path.is_file() for path in films.paths):
                return run
    return None


def _require_ours(place: Path) -> None:
    """Raise `ArgumentError` unless a gallery can be made here, or there is one, of phantoms alone."""
    if not is_there(place):
        clear_unfinished(place)
        if place.is_symlink() or (place.exists() and not (place.is_dir() and not any(place.iterdir()))):
            raise ArgumentError(f"{place}: is there, and no gallery; move it away, or name other --runs")
        return
    with Gallery.open(place, device="cpu") as gallery:
        if strange := sorted(set(gallery.values("source")) - set(phantom.SOURCES)):
            raise ArgumentError(
                f"{place}: holds films of {', '.join(strange)}, not phantoms alone; name it with --gallery and its run "
                "with --run, or name other --runs"
            )


def _encoder_of(place: Path) -> str | None:
    """The encoder that made the gallery; None where there is none."""
    if not is_there(place):
        return None
    with Gallery.open(place, device="cpu") as gallery:
        return gallery.about.encoder


def _command(name: str, *words: str) -> None:
    """Run one of our commands to its end, its output ours; where it fails or is stopped, exit as it did."""
    say(f"$ python -m embedlearn.{name} {shlex.join(words)}")
    with stopping() as asked:
        process = subprocess.Popen([sys.executable, "-m", f"embedlearn.{name}", *words])
        told = False
        while process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
            if signal.SIGTERM in asked and not told:  # a terminal's Ctrl-C reaches the command without us
                process.terminate()
                told = True
    code = process.returncode
    if code or asked:
        raise SystemExit(128 - code if code < 0 else code or INTERRUPTED)
