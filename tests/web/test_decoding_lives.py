"""How decoding processes begin and end: none outlives the server, whatever becomes of it."""

import asyncio
import os
import re
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running_decoders import FILM, SETTINGS, answers, run
from sent_films import dicom, slow_jpeg

from embedlearn.web.decoding import decoders as pool
from embedlearn.web.decoding.decoders import Decoders
from embedlearn.web.decoding.process import Process
from embedlearn.web.face import BusyError


def test_processes_that_do_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def whole() -> None:
        decoders = Decoders(SETTINGS, workers=1, pixels=1_000)
        decoders.start()
        try:
            for _ in range(3):
                with pytest.raises(BusyError, match=r"^the decoding processes do not start; ask again later$"):
                    await decoders.decode(FILM, name="film 1")
        finally:
            decoders.stop()

    monkeypatch.setattr(sys, "executable", "/bin/true")
    asyncio.run(whole())


def test_a_process_is_started_later_where_the_system_has_no_room_now(monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [BlockingIOError(11, "Resource temporarily unavailable")] * 3

    def refuse(told: Mapping[str, Any]) -> Process:
        if refusals:
            raise refusals.pop()
        return Process(told)

    async def deed(decoders: Decoders) -> None:
        monkeypatch.setattr(pool, "AGAIN", 0.001)
        monkeypatch.setattr(pool, "Process", refuse)
        [process] = decoders._all
        process.child.kill()
        process.child.wait()
        assert await answers(decoders)
        assert not refusals

    run(deed)


OWNER = """
import asyncio, sys
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.decoding import process
from embedlearn.web.decoding.decoders import Decoders
send = process.send_soon
async def main():
    sent = asyncio.Event()
    async def send_soon(*frame):
        await send(*frame)
        sent.set()
    process.send_soon = send_soon
    decoders = Decoders(Preprocessing(size=32), workers=2, pixels=100_000_000, seconds=60)
    decoders.start()
    await decoders.ready()
    slow = asyncio.ensure_future(decoders.decode(sys.stdin.buffer.read(), name="film 1"))
    await sent.wait()
    print(*(one.child.pid for one in decoders._all), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def test_no_process_outlives_a_server_that_is_killed() -> None:
    if sys.platform != "linux":
        pytest.skip("elsewhere they end by the clock")
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        owner.stdin.write(slow_jpeg())
        owner.stdin.close()
        files = [os.pidfd_open(int(pid)) for pid in owner.stdout.readline().split()]
        owner.kill()
    try:
        for file in files:
            assert select.select([file], [], [], 2)[0], "a decoding process is still there"
    finally:
        for file in files:
            os.close(file)
    assert len(files) == 2


def test_a_process_knows_no_secret_and_can_write_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    async def deed(decoders: Decoders) -> None:
        assert await answers(decoders)
        [process] = decoders._all
        place = Path(f"/proc/{process.child.pid}")
        assert b"hush" not in (place / "environ").read_bytes()
        limits = (place / "limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        assert re.search(r"Max file size +0 +0 ", limits)
        assert re.search(rf"Max address space +{decoders.memory} ", limits)

    if sys.platform != "linux":
        pytest.skip("no way here to look at a process")
    monkeypatch.setenv("EMBEDLEARN_TOKEN", "hush")
    run(deed)


def test_memory_is_given_back_after_large_films() -> None:
    large = dicom(np.arange(9_000_000, dtype=np.uint16).reshape(3_000, 3_000), RescaleSlope=2, RescaleIntercept=1)

    def mebibytes(process: Process, kind: str) -> int:
        status = Path(f"/proc/{process.child.pid}/status").read_text()
        return int(status.split(f"{kind}:")[1].split()[0]) >> 10

    async def deed(decoders: Decoders) -> None:
        assert await answers(decoders)
        [process] = decoders._all
        before = mebibytes(process, "VmRSS")
        for _ in range(4):
            assert (await decoders.decode(large, name="film 1", shown=500)).height == 3_000
        assert mebibytes(process, "VmHWM") > before + 120
        assert mebibytes(process, "VmRSS") < before + 50

    if sys.platform != "linux":
        pytest.skip("no way here to look at a process")
    run(deed, pixels=10_000_000)


def test_a_process_loads_no_tensors() -> None:
    code = "import sys, pydicom.pixels, embedlearn.web.decoding.worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "faiss", "pandas", "numba", "pyarrow", "pydantic", "fastapi", "scipy", "skimage"}
    assert not heavy & set(done.stdout.split())
