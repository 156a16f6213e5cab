"""Decoding processes for a test, started and stopped with it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from made_films import smooth
from sent_films import saved

from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.decoding.decoded import decode_film
from embedlearn.web.decoding.decoders import Decoders

SETTINGS = Preprocessing(size=32)
FILM = saved(smooth())
Deed = Callable[[Decoders], Awaitable[None]]


@asynccontextmanager
async def started(workers: int = 1, **limits: Any) -> AsyncIterator[Decoders]:
    decoders = Decoders(SETTINGS, workers=workers, **{"pixels": 1_000_000, "seconds": 30, **limits})
    decoders.start()
    try:
        await decoders.ready()
        yield decoders
    finally:
        decoders.stop()


def run(deed: Deed, loop: str = "asyncio", **limits: Any) -> None:
    async def whole() -> None:
        async with started(**limits) as decoders:
            await deed(decoders)

    factory = pytest.importorskip(loop).new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(whole())


def pids(decoders: Decoders) -> list[int]:
    return sorted(process.child.pid for process in decoders._all)


async def answers(decoders: Decoders) -> bool:
    film = await decoders.decode(FILM, name="film 1")
    return np.array_equal(film.square, decode_film(FilmBytes(FILM), SETTINGS, pixels=10_000).square)
