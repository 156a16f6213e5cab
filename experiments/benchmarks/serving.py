"""The server under load beside the bare encoder, its memory over many requests, and how soon it is ready.

A server as a user starts it, an untrained encoder and phantoms; the clients are another process on the same machine, as
is the bare encoder, which rests while the server works and works while it rests, round for round. The server has more
to do than the encoder: it decodes PNG files, which of films of several hundred pixels a side takes as long as a small
network does. So there is a second peer, which decodes the same files in threads, without a server.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from embedlearn.console import run_command, say
from experiments.benchmarks.axes import plainly
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, tell_measurements
from experiments.benchmarks.serving_bare import Bare, Spent, bare_encoder
from experiments.benchmarks.serving_imports import packages
from experiments.benchmarks.serving_load import Came, start_load
from experiments.benchmarks.serving_process import Running, serving
from experiments.benchmarks.serving_scene import Scene, make_scene, write_requests

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CLIENTS = 32
TOGETHER = 8  # films in a request that has several
PEERS = {
    "embed": "embed_films on films decoded before",
    "batches": "the same, 32 films at a time as the server has them",
    "decode": "files decoded in threads, then embedded 32 at a time",
}
ALONE = "the file decoded and embedded without a server"
AT_ONCE = f"{CLIENTS} films decoded and embedded without a server"
READ, START = 1.0, 4.0  # seconds that are aimed at
AIM = "aim"


@dataclass(frozen=True, kw_only=True)
class ServingBenchmark(BenchmarkFlags):
    """Measure the server: films a second under load, the time of an answer, memory, and the time to start."""

    long: bool = False
    """Send 10,000 requests while memory is watched, in place of 2,000."""
    figure: Path | None = None
    """File to draw into, PNG or SVG: films a second and the time of an answer, for 1 to 64 clients."""


class Sizes(NamedTuple):
    """How much is sent: encoders with pixels a side, those of the films that are sent, and films a round; and so on."""

    encoders: tuple[tuple[str, int, int, int], ...] = (("resdense", 96, 256, 512), ("resnet18", 224, 512, 96))
    rounds: int = 6
    reads: int = 100
    watched: int = 2_000
    starts: int = 5
    clients: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)


QUICK = Sizes((("resdense", 96, 256, 128),), 2, 16, 200, 1, (1, 8, 32))


def main() -> None:
    run_command(ServingBenchmark, _run, "experiments.benchmarks.serving", None)


def _run(settings: ServingBenchmark) -> None:
    sizes = QUICK if settings.quick else Sizes()
    if settings.long:
        sizes = sizes._replace(watched=10_000)
    tell_measurements(settings.json, measurements(sizes, settings.figure))


def measurements(sizes: Sizes, figure: Path | None = None) -> Iterator[Measurement]:
    """All comparisons, one after the other. Raises `RuntimeError` where a request fails."""
    for backbone, size, side, films in sizes.encoders:
        with tempfile.TemporaryDirectory() as place:
            scene = make_scene(Path(place), backbone, size, side=side)
            once = write_requests(Path(place) / "once", scene.films, "/v1/embed")
            many = write_requests(Path(place) / "many", scene.films, "/v1/embed", TOGETHER)
            reads = write_requests(Path(place) / "reads", scene.films, "/v1/read")
            with serving(scene) as server:
                yield from under_load(scene, server, (once, many), films, sizes.rounds)
                yield from reading(scene, server, reads, sizes.reads)
                if size == sizes.encoders[0][1]:
                    if figure:
                        draw(figure, scene, sweep(server, once, sizes.clients, films))
                    yield memory(scene, server, once, sizes.watched)
            if size == sizes.encoders[0][1]:
                yield starting(scene, sizes.starts)


def under_load(
    scene: Scene, server: Running, requests: Sequence[Path], films: int, rounds: int
) -> Iterator[Measurement]:
    """Films a second and a CPU-second of many clients, and the time of an answer, beside the bare encoder."""
    with bare_encoder(scene, os.cpu_count() or 1) as bare:
        start_load(server.port, CLIENTS, films, requests[0])
        for folder, each in zip(requests, (1, TOGETHER), strict=True):
            pairs = [_round(server, bare, folder, films, each, first=number % 2 == 0) for number in range(rounds)]
            what = f"/v1/embed, {scene}, {CLIENTS} clients, films in a request: {each}"
            for name, peer in PEERS.items():
                for place, unit in enumerate(("second", "CPU-second")):
                    ours = [films / own[place] for own, _ in pairs]
                    theirs = [films / others[name][place] for _, others in pairs]
                    yield compare(f"{what}; films a {unit}", ours, theirs, peer, less_is_better=False)
        few = max(16, films // 16)
        for clients, peer in ((1, ALONE), (CLIENTS, AT_ONCE)):
            came = start_load(server.port, clients, films if clients > 1 else few, requests[0])
            spent = bare.spend("alone", few).wall / few if clients == 1 else bare.spend("decode", clients).wall
            what = f"/v1/embed, {scene}, clients: {clients}"
            yield from _latencies(what, came, 1e3 * spent, peer)


def _round(
    server: Running, bare: Bare, folder: Path, films: int, each: int, *, first: bool
) -> tuple[tuple[float, float], dict[str, Spent]]:
    """Seconds by the clock and of the processor of the server, and of each peer; `first`: whether it begins."""
    spent = {} if first else {name: bare.spend(name, films) for name in PEERS}
    before = server.cpu()
    came = start_load(server.port, CLIENTS, films // each, folder)
    own = came.wall, server.cpu() - before
    return own, spent or {name: bare.spend(name, films) for name in PEERS}


def reading(scene: Scene, server: Running, requests: Path, count: int) -> Iterator[Measurement]:
    """The time of all that the page shows of a film."""
    start_load(server.port, 2, 8, requests)
    for clients in (1, 8):
        came = start_load(server.port, clients, count * min(clients, 4), requests)
        yield from _latencies(f"/v1/read, {scene}, clients: {clients}", came, 1e3 * READ, AIM)


def _latencies(what: str, came: Came, peer: float, peer_name: str) -> Iterator[Measurement]:
    """Milliseconds within which a half, and 99 of 100, of the answers came."""
    for percent in (50, 99):
        value = [1e3 * percentile(came.latencies, percent)]
        made = compare(f"{what}; p{percent}, milliseconds", value, [peer], peer_name, less_is_better=True)
        yield Measurement(made.metric, made.ours, made.peer, made.peer_name, made.ratio, len(came.latencies))


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many of a hundred do not exceed."""
    return sorted(values)[max(0, -(-percent * len(values) // 100) - 1)]


def memory(scene: Scene, server: Running, requests: Path, count: int) -> Measurement:
    """Mebibytes of the server and its decoders after all requests, beside those after a fifth of them."""
    step = max(1, min(500, count // 10))
    held = []
    for _ in range(0, count, step):
        start_load(server.port, CLIENTS, step, requests)
        held.append(server.memory())
    say(f"memory every {step} requests, MiB: {' '.join(f'{value:.0f}' for value in held)}")
    fifth = statistics.median(held[len(held) // 5 - 1 : len(held) // 5 + 1])
    metric = f"memory after {count:,} requests, {scene}, MiB"
    return compare(metric, [held[-1]], [fifth], "after a fifth of them", less_is_better=True)


def starting(scene: Scene, times: int) -> Measurement:
    """Seconds from the start of the process to the first /readyz that says yes."""
    seconds = []
    for _ in range(times):
        with serving(scene) as server:
            seconds.append(server.start)
    with serving(scene, python=("-X", "importtime")) as server:
        for each in packages(server.heard)[:12]:
            say(f"loading {each.name}: {each.own:.0f} ms in {each.modules} modules, first for {each.by or 'itself'}")
    return compare(f"start to ready, {scene}, seconds", seconds, [START] * times, AIM, less_is_better=True)


def sweep(server: Running, requests: Path, clients: Sequence[int], films: int) -> dict[int, Came]:
    """What came of as many requests by each number of clients."""
    return {number: start_load(server.port, number, max(32, films // 4), requests) for number in clients}


def draw(path: Path, scene: Scene, swept: dict[int, Came]) -> None:
    """Films a second, and the time of an answer, against the number of clients."""
    from embedlearn.figures import COLOURS, Panel, Picture

    clients = list(swept)

    def speeds(axes: Axes) -> None:
        axes.plot(clients, [len(came.latencies) / came.wall for came in swept.values()], "o-", color=COLOURS[0])
        _scale(axes, clients)

    def times(axes: Axes) -> None:
        for percent, colour in ((99, COLOURS[1]), (50, COLOURS[0])):
            values = [1e3 * percentile(came.latencies, percent) for came in swept.values()]
            axes.plot(clients, values, "o-", color=colour, label=f"p{percent}")
        _scale(axes, clients)
        axes.legend(loc="upper left")

    panels = Panel(f"Films a second, {scene}", speeds, 3), Panel("Milliseconds until the answer", times, 3)
    Picture(panels, 4.2).save(path)


def _scale(axes: Axes, clients: Sequence[int]) -> None:
    """Both axes logarithmic, with plain numbers."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    plainly(axes.xaxis, clients)
    plainly(axes.yaxis)
    axes.set_xlabel("clients at a time, one film a request")


if __name__ == "__main__":
    main()
