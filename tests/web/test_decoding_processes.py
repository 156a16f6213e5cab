"""Processes that decode: none takes the server down, and the next film is always answered."""

import asyncio
import os
import signal
import sys
import zlib

import numpy as np
import pytest
from amounts import slow
from made_films import smooth
from running_decoders import FILM, SETTINGS, answers, pids, run
from sent_films import dicom, png_of, saved, slow_jpeg

from embedlearn.errors import ImageError
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.web.decoding.decoded import decode_film
from embedlearn.web.decoding.decoders import Decoders
from embedlearn.web.face import BusyError, SlowError


def test_a_process_gives_what_the_reader_gives() -> None:
    async def deed(decoders: Decoders) -> None:
        films = [FILM, saved(smooth(500, 400), "JPEG"), dicom(smooth().astype(np.uint16) * 9), saved(smooth(99, 21))]
        for shown in (0, 70):
            asked = [decoders.decode(film, name=f"film {at}", shown=shown) for at, film in enumerate(films)]
            for film, got in zip(films, await asyncio.gather(*asked), strict=True):
                expected = decode_film(FilmBytes(film), SETTINGS, pixels=1_000_000, shown=shown)
                assert np.array_equal(got.square, expected.square)
                assert (got.shown is None) == (shown == 0)
                assert got.shown is None or np.array_equal(got.shown, expected.shown)
                for name in ("height", "width", "digest", "patient"):
                    assert getattr(got, name) == getattr(expected, name)

    run(deed, workers=2)


@pytest.mark.filterwarnings("ignore:The value length:UserWarning")
def test_what_the_reader_refuses_is_refused_in_its_words() -> None:
    async def deed(decoders: Decoders) -> None:
        with pytest.raises(ImageError, match=r"^film 2: wanted a PNG, .*, got an empty file"):
            await decoders.decode(b"", name="film 2")
        with pytest.raises(ImageError, match=r"^film 2: wanted at most 0\.001 million pixels, got 80 x 60"):
            await decoders.decode(FILM, name="film 2")
        strange = dicom(smooth(), Modality="A\x1b[31m" + "B" * 4_000, Rows=None)
        with pytest.raises(ImageError, match=r"^film 2: wanted a DICOM film, .*B{100,}…\); leave it out$"):
            await decoders.decode(strange, name="film 2")

    run(deed, pixels=1_000)


def test_a_slow_film_ends_its_process_and_no_other() -> None:
    async def deed(decoders: Decoders) -> None:
        before = pids(decoders)
        slow = asyncio.ensure_future(decoders.decode(slow_jpeg(), name="film 4"))
        await asyncio.sleep(0)  # it has a process before the others ask
        while not slow.done():
            assert await answers(decoders)
        with pytest.raises(SlowError, match=r"^film 4: wanted a film that decodes within 2 seconds, .*; shrink it"):
            await slow
        assert len(set(before) & set(pids(decoders))) == len(pids(decoders)) - 1 == 1
        assert all(await asyncio.gather(answers(decoders), answers(decoders)))

    run(deed, workers=2, pixels=100_000_000, seconds=2)


def test_a_film_too_large_for_the_memory_of_its_process() -> None:
    large = png_of(20_000, 20_000, zlib.compress(bytes(99)))

    async def deed(decoders: Decoders) -> None:
        before = pids(decoders)
        with pytest.raises(ImageError, match=r"^film 1: wanted a film that decodes within 300 MiB of memory, got one"):
            await decoders.decode(large, name="film 1")
        assert await answers(decoders)
        assert pids(decoders) == before

    if sys.platform != "linux":
        pytest.skip("the address space has no limit here")
    run(deed, pixels=10**9, memory=300 << 20)


@pytest.mark.parametrize("word", [signal.SIGTERM, slow(signal.SIGINT)])
def test_a_process_is_deaf_to_what_is_meant_for_the_server(word: signal.Signals) -> None:
    async def deed(decoders: Decoders) -> None:
        before = pids(decoders)
        os.kill(before[0], word)
        assert await answers(decoders)
        assert pids(decoders) == before
        assert os.getsid(before[0]) != os.getsid(0)

    run(deed)


def test_a_process_that_died_in_its_sleep_is_replaced() -> None:
    async def deed(decoders: Decoders) -> None:
        [process] = decoders._all
        process.child.kill()
        process.child.wait()
        assert await answers(decoders)
        assert process not in decoders._all

    run(deed)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_film_that_kills_its_process_is_refused_and_the_next_is_answered(loop: str) -> None:
    async def deed(decoders: Decoders) -> None:
        [pid] = pids(decoders)
        os.kill(pid, signal.SIGSTOP)
        asked = asyncio.ensure_future(decoders.decode(FILM, name="film 1"))
        await asyncio.sleep(0)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ImageError, match=r"^film 1: wanted a film that can be decoded, got one that ends the dec"):
            await asked
        assert await answers(decoders)
        assert pids(decoders) != [pid]

    run(deed, loop)


@pytest.mark.parametrize("loop", ["asyncio", slow("uvloop")])
def test_who_goes_away_leaves_the_process_in_order(loop: str) -> None:
    other = saved(smooth(40, 40))

    async def deed(decoders: Decoders) -> None:
        [pid] = pids(decoders)
        os.kill(pid, signal.SIGSTOP)
        gone = asyncio.ensure_future(decoders.decode(other, name="film 1"))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(decoders.decode(other, name="film 2"))
        await asyncio.sleep(0)
        gone.cancel()
        waiting.cancel()
        for task in (gone, waiting):
            with pytest.raises(asyncio.CancelledError):
                await task
        os.kill(pid, signal.SIGCONT)
        assert await answers(decoders)
        assert pids(decoders) == [pid]

    run(deed, loop)


@pytest.mark.parametrize("loop", ["asyncio", slow("uvloop")])
def test_whoever_waits_when_the_server_stops_is_told(loop: str) -> None:
    async def deed(decoders: Decoders) -> None:
        os.kill(pids(decoders)[0], signal.SIGSTOP)
        asked = [asyncio.ensure_future(decoders.decode(FILM, name="film 1")) for _ in range(3)]
        await asyncio.sleep(0)
        decoders.stop()
        for task in asked:
            with pytest.raises(BusyError, match=r"^the server is stopping; ask again later$"):
                await task
        with pytest.raises(BusyError):
            await decoders.decode(FILM, name="film 1")

    run(deed, loop)
