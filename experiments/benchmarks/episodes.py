"""Few-shot heads beside easyfsl and scikit-learn: episodes a second of processor time, and whether the answers agree.

Everything but whole processes runs on one thread, both sides in turn, so that what else the machine does meets both.
Our loops are compiled before any clock starts.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from embedlearn.console import run_command, say
from embedlearn.embeddings import Embeddings
from embedlearn.episodes import kernels
from embedlearn.episodes.evaluate import all_scores, answers
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.space import Space, normalized
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, cpu_seconds, write_measurements
from experiments.benchmarks.peers import (
    WIDTH,
    Films,
    agreement,
    easyfsl_loader,
    evaluated,
    iterating,
    their_scores,
)

Answer = TypeVar("Answer")

POOLS = ((5, 600), (3, 500))  # classes, and films of each
SECONDS, GIGABYTES = 5.0, 1.0  # our aims


@dataclass(frozen=True, kw_only=True)
class EpisodeBenchmark(BenchmarkFlags):
    """Compare few-shot heads with easyfsl's and scikit-learn's: 5 shots, 15 queries, embeddings of 512 numbers."""


def main() -> None:
    run_command(EpisodeBenchmark, _run, "experiments.benchmarks.episodes", None)


def _run(settings: EpisodeBenchmark) -> None:
    import torch

    torch.set_num_threads(1)
    rounds = 2 if settings.quick else 5
    found: list[Measurement] = []
    with threadpool_limits(1):
        for part in (_evaluations, _heads_alone, _command, _memory):
            for measurement in part(settings.quick, rounds):
                say(f"{measurement.metric}: {measurement.ratio:.2f}")
                found.append(measurement)
    write_measurements(settings.json, found)


def _evaluations(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Episodes a CPU-second from embeddings to accuracy: drawing them and the products of all pairs counted in.

    The peer's part is easyfsl's sampler, loader and loop.
    """
    from easyfsl.utils import evaluate  # type: ignore[import-untyped]

    counts, theirs, asked = ((2_000, 1_000), 50, 20) if quick else ((50_000, 10_000), 400, 300)
    for ways, of_each in POOLS:
        films = Films.draw(ways, of_each)
        space, loader = Space(films.rows, films.center), easyfsl_loader(films, theirs)
        episodes = films.episodes(asked, 0)
        for duel in evaluated(films.center):
            same = agreement(all_scores(space, duel.head, episodes), their_scores(duel.peer, films.rows, episodes))
            accuracy(duel.head, films, asked, 0)
            ours: dict[int, list[float]] = {count: [] for count in counts}
            peer = []
            for number in range(rounds):
                for count in counts:
                    ours[count].append(count / _timed(partial(accuracy, duel.head, films, count, number))[0])
                peer.append(theirs / _timed(partial(evaluate, duel.peer, loader, device="cpu", use_tqdm=False))[0])
            for count in counts:
                yield compare(
                    f"{duel.name}, episodes a CPU-second, {ways}-way, {count:,} episodes ({same})", ours[count], peer,
                    duel.peer_name, less_is_better=False,
                )  # fmt: skip


def _heads_alone(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Episodes a CPU-second of heads that iterate, on the same episodes; drawing them is not counted on either side."""
    for ways, of_each in POOLS:
        films = Films.draw(ways, of_each)
        rows = normalized(films.rows)
        space = Space(rows)
        for duel in iterating():
            each = 2 if quick else duel.each
            episodes = films.episodes(rounds * each, 0)
            peer_rows = duel.peer_rows(rows)
            ours, peer, answered = [], [], []
            for first in range(0, len(episodes), each):
                part = episodes[first : first + each]
                ours.append(each / cpu_seconds(partial(all_scores, space, duel.head, part)))
                seconds, scores = _timed(partial(their_scores, duel.peer, peer_rows, part))
                peer.append(each / seconds)
                answered.append(scores)
            same = agreement(all_scores(space, duel.head, episodes), np.concatenate(answered))
            yield compare(
                f"{duel.name}, episodes a CPU-second, {ways}-way ({same})", ours, peer, duel.peer_name,
                less_is_better=False,
            )  # fmt: skip


def _command(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Seconds by the wall of `embedlearn fewshot`; left out with a word where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        films, out = Path(folder) / "films.parquet", Path(folder) / "out"
        save_embeddings(films)
        flags = "--heads prototype simpleshot knn --shots 5 --episodes 10000 --bootstrap 0"
        command = [sys.executable, "-m", "embedlearn.fewshot", "--embeddings", str(films), "--out", str(out)]
        seconds = []
        for _ in range(2 if quick else rounds + 1):
            began = time.perf_counter()
            done = subprocess.run([*command, *flags.split()], capture_output=True, text=True, check=False)
            seconds.append(time.perf_counter() - began)
            if done.returncode:
                say(f"  note: embedlearn fewshot is left out, it failed: {done.stderr.strip()[-200:]}")
                return
    taken = seconds[1:]  # the first compiles
    yield compare(
        f"embedlearn fewshot {flags}, 600 embeddings of 128 numbers, seconds", taken, [SECONDS] * len(taken), "aim",
        less_is_better=True,
    )  # fmt: skip


def _memory(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Gigabytes that a process holds at the most for 1,000 episodes of three heads, the embeddings counted in."""
    films = 10_000 if quick else 100_000
    taken = [peak_gigabytes(films) for _ in range(min(rounds, 3))]
    yield compare(
        f"1,000 episodes of prototypes, SimpleShot and k-NN, {films:,} embeddings of {WIDTH} numbers, peak GB", taken,
        [GIGABYTES] * len(taken), "aim", less_is_better=True,
    )  # fmt: skip


def accuracy(head: EpisodeHead, films: Films, episodes: int, seed: int) -> float:
    """The mean accuracy of a head, with nothing computed before."""
    parts = answers(Space(films.rows, films.center), head, films.episodes(episodes, seed))
    return float(np.concatenate([kernels.best_slots(scores) == part.query_label for part, scores in parts]).mean())


def save_embeddings(path: Path) -> None:
    """600 embeddings of three classes and 128 numbers, as `embedlearn embed` writes them."""
    films = Films.draw(3, 200, 128)
    digests = [f"{number:064x}" for number in range(len(films.rows))]
    columns = {
        "path": [f"/nowhere/{digest}.png" for digest in digests], "label": films.classes, "patient": digests,
        "source": "made up", "view": None, "split": "held-out", "case": range(len(digests)), "sha256": digests,
    }  # fmt: skip
    Embeddings(films.rows, pd.DataFrame(columns), "0" * 64, "none", films.center).save(path)


def peak_gigabytes(films: int) -> float:
    """The most memory that a process of its own holds while it evaluates so many films."""
    # not ru_maxrss, which on Linux begins with what the parent holds
    code = (
        f"from experiments.benchmarks.episodes import evaluate_many; evaluate_many({films})\n"
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(done.stdout) * 1024 / 1e9


def evaluate_many(count: int) -> None:
    """1,000 episodes of three heads on so many films of five classes."""
    films = Films.draw(5, count // 5)
    space, episodes = Space(films.rows, films.center), films.episodes(1_000, 0)
    for head in (PrototypeClassifier(), PrototypeClassifier(center=films.center), KNNClassifier(5)):
        all_scores(space, head, episodes)


def _timed(call: Callable[[], Answer]) -> tuple[float, Answer]:
    """The seconds of processor time that a call takes, and its answer."""
    began = time.process_time()
    answer = call()
    return time.process_time() - began, answer


if __name__ == "__main__":
    main()
