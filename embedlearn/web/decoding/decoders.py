"""Processes that decode the films that are sent, so that no film can stop or take down the server."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from embedlearn.errors import EmbedlearnError, ImageError
from embedlearn.flags import as_plain
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.decoding.decoded import Decoded
from embedlearn.web.decoding.frames import Frame
from embedlearn.web.decoding.process import Process
from embedlearn.web.face import BusyError, SlowError

BASE_MEMORY = 512 << 20  # bytes: the process itself takes 140 MiB
PIXEL_MEMORY = 48  # bytes: a DICOM film in colour takes 42, as its file, its values and their luminance
AGAIN = 1  # second after which a process is started for which the system had no room
STOPPING = "the server is stopping; ask again later"


class Decoders:
    """Films decoded in `workers` processes, for one event loop.

    A film has `seconds` once a process has taken it up, and at most `pixels` pixels. A process has `memory` bytes of
    address space, where the platform has such limits; None: what a film of `pixels` can need. A process that is too
    slow, or that dies, is replaced by another.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        *,
        workers: int,
        pixels: int,
        seconds: float = 10,
        memory: int | None = None,
    ) -> None:
        self.preprocessing = preprocessing
        self.workers = workers
        self.pixels = pixels
        self.seconds = seconds
        self.memory = BASE_MEMORY + PIXEL_MEMORY * pixels if memory is None else memory
        self._idle: asyncio.Queue[Process | None] = asyncio.Queue()  # a fresh process, which still starts, comes last
        self._all: set[Process] = set()
        self._killed: list[Process] = []
        self._stopped = True

    def start(self) -> None:
        """Start the processes, and wait for none of them."""
        self._idle, self._stopped = asyncio.Queue(), False
        for _ in range(self.workers):
            self._start_one()

    def stop(self) -> None:
        """End the processes; whoever still waits for one is told that the server is stopping."""
        self._stopped = True
        while not self._idle.empty():
            if (process := self._idle.get_nowait()) is not None:
                process.line.close()
        self._idle.put_nowait(None)
        for process in self._all:
            process.child.kill()
        for process in (*self._all, *self._killed):
            process.child.wait()
        self._all.clear()
        self._killed.clear()

    async def ready(self) -> None:
        """Wait until a film would be taken up at once. Raises `BusyError` where the processes do not start."""
        process = await self._free()
        try:
            await process.ready()
        except BaseException:
            self._replace(process)
            raise
        self._release(process)

    async def decode(self, data: bytes, *, name: str, shown: int = 0) -> Decoded:
        """Decode a film, and make its picture of at most `shown` pixels a side unless that is 0.

        Raises `ImageError`, beginning with `name`, where it is no film that can be used, `SlowError` where it takes
        longer than it may, and `BusyError` where the processes are stopped or do not start.
        """
        process = await self._free()
        task = asyncio.ensure_future(self._answer(process, data, name, shown))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, even if nobody waits
        head, body = await asyncio.shield(task)  # who asked may go away, and the process is answering
        if "error" in head:
            raise ImageError(head["error"])
        return _unpacked(head, body)

    async def _free(self) -> Process:
        """A process that waits for a film. Raises `BusyError` where they are stopped."""
        while True:
            process = await self._idle.get()
            if process is None:
                self._idle.put_nowait(None)  # for the next who waits
                raise BusyError(STOPPING)
            if not (process.is_ready and process.has_ended()):  # what cannot start is not tried again and again
                return process
            self._replace(process)

    async def _answer(self, process: Process, data: bytes, name: str, shown: int) -> Frame:
        """What a process answers to a film; it is idle again, or replaced, when this ends."""
        try:
            answer = await process.ask({"name": name, "shown": shown}, data, self.seconds)
        except BaseException as error:
            self._replace(process)
            if told := self._told(name, error):
                raise told from error
            raise
        self._release(process)
        return answer

    def _told(self, name: str, error: BaseException) -> EmbedlearnError | None:
        """What who sent a film is told of a process that did not answer."""
        if isinstance(error, TimeoutError):
            wanted = f"decodes within {self.seconds:g} seconds"
            return SlowError(f"{name}: wanted a film that {wanted}, got a slower one; shrink it or leave it out")
        if not isinstance(error, OSError | EOFError):
            return None
        if self._stopped:
            return BusyError(STOPPING)
        return ImageError(f"{name}: wanted a film that can be decoded, got one that ends the decoder; leave it out")

    def _release(self, process: Process) -> None:
        if self._stopped:
            process.line.close()
        else:
            self._idle.put_nowait(process)

    def _replace(self, process: Process) -> None:
        process.line.close()
        if not self._stopped:
            process.child.kill()
            self._all.discard(process)
            self._killed.append(process)
            self._start_another()

    def _start_another(self) -> None:
        """Start one more process, now or as soon as the system has room for it."""
        self._killed = [process for process in self._killed if not process.has_ended()]
        try:
            if not self._stopped:
                self._start_one()
        except OSError:
            asyncio.get_running_loop().call_later(AGAIN, self._start_another)

    def _start_one(self) -> None:
        told = {"preprocessing": as_plain(self.preprocessing), "pixels": self.pixels}
        process = Process({**told, "seconds": self.seconds, "memory": self.memory})
        self._all.add(process)
        self._idle.put_nowait(process)


def _unpacked(head: dict[str, Any], body: memoryview) -> Decoded:
    size, shown = head["size"], head["shown"]
    pixels = np.frombuffer(body, np.uint8)
    return Decoded(
        square=pixels[: size * size].reshape(size, size),
        height=head["height"],
        width=head["width"],
        shown=None if shown is None else pixels[size * size :].reshape(shown),
        digest=head["digest"],
        patient=head["patient"],
    )
