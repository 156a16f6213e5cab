"""The encoder without a server, in a process of its own that embeds the scene's films as often as it is told to.

Each line of its standard input is `PASS FILMS`; it answers with the seconds by the clock and of the processor. The
passes: `embed` takes films that were decoded before, `batches` does so 32 at a time; `decode` decodes their PNG bytes
first, in as many threads as there are cores; `alone` decodes and embeds one film after the other.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.serving_scene import Scene

PASSES = ("embed", "batches", "decode", "alone")
TOGETHER = 32  # films
MOST = 100_000_000  # pixels of a film


class Spent(NamedTuple):
    """Seconds by the clock, and of the processor."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Bare:
    """The process."""

    process: subprocess.Popen[str]

    def spend(self, what: str, films: int) -> Spent:
        """What one pass over so many films costs."""
        asked, answers = self.process.stdin, self.process.stdout
        assert asked is not None
        assert answers is not None
        asked.write(f"{what} {films}\n")
        asked.flush()
        if not (line := answers.readline()):
            raise RuntimeError("the bare encoder has ended")
        return Spent(*json.loads(line))


@contextlib.contextmanager
def bare_encoder(scene: Scene, threads: int) -> Iterator[Bare]:
    """The bare encoder of a scene, ready, with the server's settings of threads."""
    words = [sys.executable, "-m", __name__, str(scene.run), str(scene.films), str(threads)]
    environment = {**os.environ, "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:  # fmt: skip
        try:
            bare = Bare(process)
            for what in PASSES:
                bare.spend(what, 8)
            yield bare
        finally:
            process.kill()


def main() -> None:
    """Answer until standard input ends."""
    import torch

    run, films, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    passes = _Passes(Path(run), [path.read_bytes() for path in sorted(Path(films).iterdir())])
    for line in sys.stdin:
        what, count = line.split()
        began = time.perf_counter(), time.process_time()
        passes.make(what, int(count))
        sys.stdout.write(json.dumps([time.perf_counter() - began[0], time.process_time() - began[1]]) + "\n")
        sys.stdout.flush()


class _Passes:
    """The encoder of a run, and films as files and decoded."""

    def __init__(self, run: Path, files: list[bytes]) -> None:
        from embedlearn.encoders.checkpoints import load_encoder
        from embedlearn.encoders.runs import open_run

        self.saved = load_encoder(open_run(run).encoder)
        self.files = files
        self.threads = ThreadPoolExecutor(os.cpu_count())
        self.before = self._decoded(np.arange(len(files)))

    def make(self, what: str, count: int) -> None:
        """One pass over so many films, from the first again where there are fewer."""
        rows = np.arange(count) % len(self.files)
        if what == "embed":
            return self._embed(self.before, rows, count)
        if what == "batches":
            return self._embed(self.before, rows, TOGETHER)
        if what == "decode":
            return self._embed(self._decoded(rows), np.arange(count), TOGETHER)
        for row in rows:
            self._embed(self._decoded(np.array([row])), np.zeros(1, np.int64), 1)
        return None

    def _decoded(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        from embedlearn.radiographs.opening import FilmBytes
        from embedlearn.web.decoding.decoded import decode_film

        def decode(row: int) -> NDArray[np.uint8]:
            return decode_film(FilmBytes(self.files[row], "film"), self.saved.preprocessing, pixels=MOST).square

        return np.stack(list(self.threads.map(decode, rows)))

    def _embed(self, pixels: NDArray[np.uint8], rows: NDArray[np.int64], together: int) -> None:
        from embedlearn.encoders.inputs import embed_films
        from embedlearn.radiographs.cache import Films

        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            embed_films(self.saved.encoder, Films(pixels, part, ("",) * len(part)), self.saved.preprocessing)


if __name__ == "__main__":
    main()
