"""The access log: one JSON object a line, written by a thread of its own."""

from __future__ import annotations

import atexit
import json
import os
import threading
from collections import deque
from collections.abc import Mapping

EVERY = 0.2  # seconds between two writes
MOST_LINES = 20_000  # that wait for a disk or a pipe that is slow


class AccessLog:
    """Lines for a file descriptor, 2 being standard error.

    Writing a line costs who writes it no waiting, and cannot fail: where the disk is full, the pipe is closed or
    nobody reads it, lines are lost and counted in `lost`.
    """

    def __init__(self, descriptor: int = 2) -> None:
        self.lost = 0
        try:
            self._descriptor = os.dup(descriptor)  # one's own: another's may be closed, and its number given away
        except OSError:
            self._descriptor = -1
        self._lines: deque[str] = deque()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, values: Mapping[str, object]) -> None:
        """One line, soon."""
        if len(self._lines) >= MOST_LINES or self._stopping.is_set():
            self.lost += 1
            return
        self._lines.append(json.dumps(values, ensure_ascii=False, separators=(",", ":")))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="access-log", daemon=True)
            self._thread.start()
            atexit.register(self.close)

    def close(self, seconds: float = 2.0) -> None:
        """Write what is still to be written, for at most so many seconds; later lines are lost."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(seconds)
            atexit.unregister(self.close)
        if self._descriptor >= 0 and (self._thread is None or not self._thread.is_alive()):
            os.close(self._descriptor)
            self._descriptor = -1

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            self._write_waiting()
        self._write_waiting()

    def _write_waiting(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if not lines:
            return
        left = memoryview(("\n".join(lines) + "\n").encode("utf-8", "replace"))
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self.lost += len(lines)
