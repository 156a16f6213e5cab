"""What the benchmarks share: flags, times of the processor, and the file of ratios."""

from __future__ import annotations

import json
import resource
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from embedlearn.console import say
from embedlearn.errors import CheckpointError
from embedlearn.files import write_text

FLOOR = "floor: "


@dataclass(frozen=True, kw_only=True)
class BenchmarkFlags:
    """The flags of a benchmark."""

    json: Path
    """File to write: a list of metric, ours, peer, peer_name, ratio (above 1 where ours is better), n."""
    quick: bool = False
    """Fewer rounds and smaller sizes, to see that it works; its figures mean little."""


@dataclass(frozen=True)
class Measurement:
    """One comparison: medians of `n` rounds, side by side in one run.

    Where the peer's name begins with `FLOOR` it is no rival but what nobody can go below.
    """

    metric: str
    ours: float
    peer: float
    peer_name: str
    ratio: float
    n: int


class Spent(NamedTuple):
    """Seconds by the clock, and of processor time with that of processes that were started and have ended."""

    wall: float
    cpu: float


def compare(
    metric: str,
    ours: Iterable[float],
    peer: Iterable[float],
    peer_name: str,
    *,
    less_is_better: bool,
) -> Measurement:
    """Medians of both sides' rounds, and the median of the rounds' ratios."""
    pairs = list(zip(ours, peer, strict=True))
    ratios = [theirs / own if less_is_better else own / theirs for own, theirs in pairs]
    own, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Measurement(metric, own, theirs, peer_name, statistics.median(ratios), len(pairs))


def cpu_seconds(call: Callable[[], object], at_least: float = 0.2) -> float:
    """Seconds of processor time that a call takes, of as many as fill `at_least` seconds."""
    call()
    count, began = 0, time.process_time()
    while (taken := time.process_time() - began) < at_least:
        call()
        count += 1
    return taken / count


def spent(call: Callable[[], object]) -> Spent:
    """What one call costs."""
    began = time.perf_counter(), _processor()
    call()
    return Spent(time.perf_counter() - began[0], _processor() - began[1])


def _processor() -> float:
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def spent_in_turn(rounds: int, *calls: Callable[[], object]) -> list[list[Spent]]:
    """What each call costs in each round, every second round backwards; a first round is not counted."""
    found: list[list[Spent]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for place in range(len(calls))[:: -1 if number % 2 else 1]:
            cost = spent(calls[place])
            if number:
                found[place].append(cost)
    return found


def tell_measurements(path: Path, found: Iterable[Measurement]) -> None:
    """Say each measurement as it is made; then print all and write them as JSON."""
    made: list[Measurement] = []
    for measurement in found:
        say(f"{measurement.metric} | {measurement.peer_name}: {measurement.ratio:.2f}")
        made.append(measurement)
    write_measurements(path, made)


def load_measurements(path: Path) -> list[Measurement]:
    """The measurements in a file. Raises `CheckpointError` where there are none of this form."""
    try:
        return [Measurement(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(
            f"{path}: no measurements ({error}); make them with python -m experiments.benchmarks"
        ) from error


def write_measurements(path: Path, found: list[Measurement]) -> None:
    """Print the measurements and write them as JSON."""
    table = Table("metric", "ours", "peer", "", "ratio", "n")
    for each in found:
        table.add_row(
            each.metric, f"{each.ours:.4g}", f"{each.peer:.4g}", each.peer_name, f"{each.ratio:.2f}", str(each.n)
        )
    Console(width=150).print(table)
    write_text(path, json.dumps([asdict(each) for each in found], indent=2) + "\n")
