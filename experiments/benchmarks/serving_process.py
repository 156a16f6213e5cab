"""The server as a user starts it, and what it and the processes it started take of the machine; for Linux."""

from __future__ import annotations

import contextlib
import http.client
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.benchmarks.serving_scene import Scene

STARTING = 120.0  # seconds
OURS = re.compile(r"open http://127\.0\.0\.1:(\d+)/")
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Running:
    """A server that runs.

    `port`; `start`: seconds from its start to the first /readyz that says yes; `heard`: lines it printed before.
    """

    def __init__(self, process: subprocess.Popen[str], port: int, start: float, heard: list[str]) -> None:
        self.process, self.port, self.start, self.heard = process, port, start, heard

    def cpu(self) -> float:
        """Seconds of processor time that it and its decoders have taken."""
        return sum(_cpu_of(pid) for pid in self._tree())

    def memory(self) -> float:
        """Mebibytes that it and its decoders hold in memory now."""
        return sum(_resident(pid) for pid in self._tree()) / 2**20

    def _tree(self) -> list[int]:
        own = self.process.pid
        tasks = Path(f"/proc/{own}/task").iterdir()
        return [own, *(int(pid) for task in tasks for pid in (task / "children").read_text().split())]


@contextlib.contextmanager
def serving(scene: Scene, *, python: Sequence[str] = ()) -> Iterator[Running]:
    """Serve a scene while the block runs, with options for Python. Raises `RuntimeError` where it does not start."""
    words = ["--run", str(scene.run), "--gallery", str(scene.gallery), "--port", "0", "--rate", "0"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *python, "-m", "embedlearn.serve", *words, "--log", os.devnull],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        port, heard = _port_of(process)
        _wait_until_ready(port)
        yield Running(process, port, time.perf_counter() - began, heard)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port_of(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The port that the server says it has, and all that it said so far."""
    said: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_pass_lines, args=(process, said), daemon=True).start()
    heard: list[str] = []
    with contextlib.suppress(queue.Empty):
        while (line := said.get(timeout=STARTING)) is not None:
            heard.append(line)
            if found := OURS.search(line):
                return int(found[1]), heard
    raise RuntimeError(f"the server did not start: {''.join(heard)[-2000:]}")


def _pass_lines(process: subprocess.Popen[str], said: queue.SimpleQueue[str | None]) -> None:
    """Read what it says to the end, so that it never waits for a reader."""
    assert process.stdout
    for line in process.stdout:
        said.put(line)
    said.put(None)


def _wait_until_ready(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=STARTING)
    with contextlib.closing(connection):
        for _ in range(int(STARTING / 0.01)):
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            answer.read()
            if answer.status == 200:
                return
            time.sleep(0.01)
    raise RuntimeError("the server is not ready")


def _cpu_of(pid: int) -> float:
    """Seconds of a process and of those of its children that have ended."""
    values = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(values[place]) for place in range(11, 15)) * TICK


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
