"""One decoding process, as the server holds it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from embedlearn.web.decoding.frames import Frame, receive_soon, send, send_soon
from embedlearn.web.face import BusyError

STARTING = 60  # seconds that a process may take before it is ready
# What a process is told by its environment: where programs and modules are, and none of the server's secrets.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# One thread a process, and large buffers go back to the system as soon as they are free (glibc).
SET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(8 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
}


class Process:
    """A process that decodes one film at a time, and the socket to it; `told` are its settings, of plain data.

    On Linux it ends with the thread that made this. Raises `OSError` where the system has no room for another.
    """

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.is_ready = False
        self._square = int(told["preprocessing"]["size"]) ** 2  # bytes that the encoder reads
        self.line, theirs = socket.socketpair()
        try:
            self.child = subprocess.Popen(
                [sys.executable, "-P", "-m", "embedlearn.web.decoding.worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(),
                start_new_session=True,  # Ctrl-C in the terminal is for the server, which may have films to finish
            )
        except OSError:
            self.line.close()
            raise
        finally:
            theirs.close()
        with contextlib.suppress(OSError):  # it has ended already, as who waits for it will see
            send(self.line, {**told, "parent": os.getpid()})
        self.line.setblocking(False)

    async def ready(self) -> None:
        """Wait until it has started. Raises `BusyError` where it does not."""
        if self.is_ready:
            return
        try:
            async with asyncio.timeout(STARTING):
                await receive_soon(self.line)
        except (OSError, EOFError) as error:  # a TimeoutError is an OSError
            raise BusyError("the decoding processes do not start; ask again later") from error
        self.is_ready = True

    async def ask(self, head: Mapping[str, Any], film: bytes, seconds: float) -> Frame:
        """What it answers to a film.

        Raises `TimeoutError` where that takes longer, and `OSError` or `EOFError` where it ends instead.
        """
        await self.ready()
        async with asyncio.timeout(seconds):
            await send_soon(self.line, head, film)
            return await receive_soon(self.line, self._square + head["shown"] ** 2)

    def has_ended(self) -> bool:
        """Whether it is gone, and nothing of it is left."""
        return self.child.poll() is not None


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **SET, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
