"""Clients that ask one server as fast as it answers: a process of its own, light enough to leave the cores to others.

`python -m experiments.benchmarks.serving_load PORT CLIENTS REQUESTS FOLDER` sends the whole requests that the files of
FOLDER hold, in turn, over one kept connection a client, and prints what came of it as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

LONGEST = 600.0  # seconds that a load may take


@dataclass
class Load:
    """What is sent, and what came of it: seconds of each answer in the order in which they came, and their statuses."""

    requests: list[bytes]
    left: int
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    def next(self) -> bytes | None:
        """The next request, None where all are sent."""
        if not self.left:
            return None
        self.left -= 1
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]


class Client(asyncio.Protocol):
    """One connection, on which a request follows the answer to the one before."""

    def __init__(self, load: Load) -> None:
        self.load, self.ended = load, asyncio.get_running_loop().create_future()
        self.answer = bytearray()
        self.needed = 0  # bytes of the answer, once its head is there
        self.began = 0.0
        self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not self.needed and (end := self.answer.find(b"\r\n\r\n")) >= 0:
            self.needed = end + 4 + length_of(bytes(self.answer[:end]))
        if self.needed and len(self.answer) >= self.needed:
            self.load.seconds.append(time.perf_counter() - self.began)
            self.load.statuses[self.answer[9:12].decode("latin-1")] += 1
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting:
            self.load.statuses["lost"] += 1
        if not self.ended.done():
            self.ended.set_result(None)

    def _ask(self) -> None:
        self.answer.clear()
        self.needed, request = 0, self.load.next()
        self.waiting = request is not None
        if request is None:
            self.transport.close()
        else:
            self.began = time.perf_counter()
            self.transport.write(request)


def length_of(head: bytes) -> int:
    """Bytes of the body that the head of an answer announces. Raises `ValueError` where it announces none."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise ValueError("an answer says no length")


@dataclass(frozen=True)
class Came:
    """What came of a load: its seconds by the clock, and of the processor's those of the clients themselves.

    `latencies`: seconds of each answer; `statuses`: how many answers had which, `lost` being none.
    """

    wall: float
    cpu: float
    latencies: list[float]
    statuses: dict[str, int]


async def send_all(port: int, clients: int, load: Load) -> Came:
    """Send a load to loopback."""
    loop = asyncio.get_running_loop()
    began, processor = time.perf_counter(), time.process_time()
    async with asyncio.timeout(LONGEST):
        made = await asyncio.gather(
            *(loop.create_connection(lambda: Client(load), "127.0.0.1", port) for _ in range(clients))
        )
        await asyncio.gather(*(client.ended for _, client in made))
    wall, cpu = time.perf_counter() - began, time.process_time() - processor
    return Came(wall, cpu, load.seconds, dict(load.statuses))


def start_load(port: int, clients: int, requests: int, folder: Path) -> Came:
    """Send a load from another process. Raises `RuntimeError` unless every answer was a 200."""
    words = [sys.executable, "-m", __name__, str(port), str(clients), str(requests), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=LONGEST + 30, check=False)
    if done.returncode:
        raise RuntimeError(f"the clients failed: {done.stderr[-500:]}")
    came = Came(**json.loads(done.stdout))
    if came.statuses != {"200": requests}:
        raise RuntimeError(f"wanted {requests} answers of status 200, got {came.statuses}")
    return came


def main() -> None:
    """Send what the words of the command say."""
    port, clients, requests, folder = sys.argv[1:]
    load = Load([path.read_bytes() for path in sorted(Path(folder).iterdir())], int(requests))
    came = asyncio.run(send_all(int(port), int(clients), load))
    sys.stdout.write(json.dumps(vars(came)))


if __name__ == "__main__":
    main()
