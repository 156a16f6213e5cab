"""How many planted twins are found among many films, how many pairs are false, and how long it takes.

A film is a phantom, cut and turned, under two fields of noise of all sizes, so that no two films agree in their detail.
Of every hundred films two are copies of others: resized, cropped, brightened, saved as a JPEG, or all of this; the last
kind is all of it at 120 pixels and JPEG 30, which the threshold does not always let pass. The peer is what
`radiographs.cases.find_twins` does: thumbnails of all pairs of films, above a correlation of .97.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.audits.films import SIDE, AuditedFilms
from embedlearn.audits.twins import find_pictures
from embedlearn.console import run_command, say
from embedlearn.radiographs.cases import find_twins
from embedlearn.radiographs.manifest import build_manifest
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film
from experiments.benchmarks.gallery_scene import against
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, tell_measurements

PEER = "find_twins: all pairs of thumbnails"
LARGER = 288  # pixels of what films are cut from
Film = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class TwinsBenchmark(BenchmarkFlags):
    """Find planted twins, ours beside all pairs of thumbnails; --quick takes 2,000 films and 1,000 for both."""

    films: int = 100_000
    """Films, of which two in a hundred are copies."""
    both: int = 20_000
    """Films on which the peer is measured too: its time grows with their square."""
    seed: int = 0
    """Seed of the films."""


class Scene(NamedTuple):
    """Films, and of each kind of copy the rows of copies and of their originals, int64 [P, 2]."""

    audited: AuditedFilms
    planted: Mapping[str, NDArray[np.int64]]


class Found(NamedTuple):
    """Recall by kind, pairs found that were not planted, and seconds of the processor."""

    recall: Mapping[str, float]
    false: int
    seconds: float


def main() -> None:
    run_command(TwinsBenchmark, run, "experiments.benchmarks.twins", None)


def resized(film: Film, side: int = 140) -> Film:
    return np.asarray(Image.fromarray(film).resize((side, side), Image.Resampling.LANCZOS))


def cropped(film: Film) -> Film:
    side = round(0.9 * len(film))
    return film[4 : 4 + side, 12 : 12 + side]


def brighter(film: Film) -> Film:
    return np.asarray(255 * (0.1 + 0.85 * (film / 255) ** 0.7), np.uint8)


def poor(film: Film, quality: int = 60) -> Film:
    written = io.BytesIO()
    Image.fromarray(film).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written))


KINDS: dict[str, Callable[[Film], Film]] = {
    "resized": resized,
    "cropped to 90 %": cropped,
    "brighter": brighter,
    "JPEG": poor,
    "all of it": lambda film: poor(brighter(resized(cropped(film)))),
    "all of it, 120 pixels and JPEG 30": lambda film: poor(brighter(resized(cropped(film), 120)), 30),
}


class Bank:
    """What films are made of: phantoms int16 [B, L, L], and fields of noise [F, L, L] whose power falls with size."""

    def __init__(self, rng: np.random.Generator, phantoms: int = 120, fields: int = 300) -> None:
        drawn = []
        for patient in range(phantoms):
            label, source = LABELS[patient % len(LABELS)], SOURCES[patient % len(SOURCES)]
            drawn.append(draw_film(label, seed=1, patient=patient, source=source, size=LARGER))
        self.phantoms = np.stack(drawn).astype(np.int16)
        down, across = np.fft.fftfreq(LARGER)[:, None], np.fft.rfftfreq(LARGER)[None]
        slope = 1 / np.maximum(np.hypot(down, across), 1 / LARGER) ** 1.3
        noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(fields, LARGER, LARGER))) * slope, axes=(1, 2))
        self.fields = np.asarray(20 * noise / noise.std(axis=(1, 2), keepdims=True), np.int16)

    def film(self, rng: np.random.Generator) -> Film:
        """One film, uint8 [192, 192]."""
        one, two = rng.integers(len(self.fields), size=2)
        own = self._part(rng, self.phantoms[rng.integers(len(self.phantoms))], 40)
        film = 40 + own * 6 // 8 + self._part(rng, self.fields[one]) + self._part(rng, self.fields[two])
        return np.asarray(film.clip(0, 255), np.uint8)

    @staticmethod
    def _part(rng: np.random.Generator, whole: NDArray[np.int16], most: int = LARGER - SIDE) -> NDArray[np.int16]:
        top, left = rng.integers(most, size=2) + (LARGER - SIDE - most) // 2
        part = whole[top : top + SIDE, left : left + SIDE]
        return part[:, ::-1] if rng.random() < 0.5 else part


def planted_scene(folder: Path, films: int, seed: int) -> Scene:
    """So many films in a memory map in `folder`; the first of them are the originals of the last."""
    rng = np.random.default_rng(seed)
    bank, copies = Bank(rng), films // 50
    pixels: Any = np.lib.format.open_memmap(folder / f"{films}.npy", "w+", np.uint8, (films, SIDE, SIDE))
    shapes = np.full((films, 2), SIDE, np.int64)
    kinds: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
    for row in range(films - copies):
        pixels[row] = bank.film(rng)
    for number in range(copies):
        row, kind = films - copies + number, list(KINDS)[number % len(KINDS)]
        copy = KINDS[kind](np.asarray(pixels[number]))
        shapes[row] = copy.shape
        pixels[row] = np.asarray(Image.fromarray(copy).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
        kinds[kind].append((number, row))
    rows = [{"path": f"{row}.png", "label": "film"} for row in range(films)]
    audited = AuditedFilms(build_manifest(rows, "synthetic").frame, pixels, shapes)
    return Scene(audited, {kind: np.array(pairs, np.int64).reshape(-1, 2) for kind, pairs in kinds.items()})


def measure(scene: Scene, find: Callable[[AuditedFilms], NDArray[np.int64]]) -> Found:
    """What `find`, from films to pairs int64 [P, 2], makes of a scene."""
    began = time.process_time()
    pairs = find(scene.audited)
    seconds = time.process_time() - began
    found = set(map(tuple, np.sort(pairs, axis=1).tolist()))
    recall = {
        kind: float(np.mean([tuple(pair) in found for pair in of.tolist()])) for kind, of in scene.planted.items()
    }
    true = {tuple(pair) for of in scene.planted.values() for pair in of.tolist()}
    return Found(recall, len(found - true), seconds)


def ours(audited: AuditedFilms) -> NDArray[np.int64]:
    return find_pictures(audited).pairs


def peers(audited: AuditedFilms) -> NDArray[np.int64]:
    return np.array(find_twins(audited.films), np.int64).reshape(-1, 2)


def run(flags: TwinsBenchmark) -> None:
    """Measure, print and write."""
    with tempfile.TemporaryDirectory() as folder:
        tell_measurements(flags.json, measurements(flags, Path(folder)))


def measurements(flags: TwinsBenchmark, folder: Path) -> Iterator[Measurement]:
    """Ours and the peer on `both` films; then ours alone on all, beside the peer's time times the square."""
    both, films = (1_000, 2_000) if flags.quick else (flags.both, flags.films)
    ours(planted_scene(folder, 100, flags.seed).audited)  # compiles
    scene = planted_scene(folder, both, flags.seed)
    own, other = measure(scene, ours), measure(scene, peers)
    for kind in KINDS:
        metric = f"recall, {kind}, {both:,} films (of one more than were planted, and that one found)"
        some = len(scene.planted[kind])
        mine, theirs = ((found.recall[kind] * some + 1) / (some + 1) for found in (own, other))
        yield against(metric, mine, theirs, PEER, less_is_better=False)
    yield against(f"false pairs and one, {both:,} films", own.false + 1, other.false + 1, PEER, less_is_better=True)
    yield against(f"CPU-seconds, {both:,} films", own.seconds, other.seconds, PEER, less_is_better=True)
    own = measure(planted_scene(folder, films, flags.seed + 1), ours)
    for kind, recall in own.recall.items():
        say(f"{films:,} films, {kind}: recall {recall:.4f}")
    say(f"{films:,} films: {own.false} false pairs")
    scaled = other.seconds * (films / both) ** 2
    name = f"{PEER}, scaled from {both:,} films by the square"
    yield against(f"CPU-seconds, {films:,} films", own.seconds, scaled, name, less_is_better=True)


if __name__ == "__main__":
    main()
