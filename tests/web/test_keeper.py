"""A gallery that changes is opened anew; whoever is being answered keeps the old one until they are done."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from embedlearn.errors import StorageError
from embedlearn.web.engine import keeper as module
from embedlearn.web.engine.keeper import Keeper


class Disk:
    """Where the gallery lives: `revision` is what is there, `broken` what reading it raises.

    `begun` is set when it begins to be opened, which waits for the `gate`.
    """

    def __init__(self):
        self.now, self.broken, self.unreadable, self.opened = "a", None, None, []
        self.gate, self.begun = threading.Event(), threading.Event()
        self.gate.set()

    @property
    def revision(self):
        if self.broken:
            raise self.broken
        return self.now


class Known:
    """What stands for `Knowledge`."""

    def __init__(self, disk):
        disk.begun.set()
        assert disk.gate.wait(10)
        if disk.unreadable:
            raise disk.unreadable
        self.store, self.revision, self.closed = disk, disk.now, threading.Event()
        disk.opened.append(self)

    def close(self):
        self.closed.set()


@pytest.fixture
def kept(monkeypatch):
    """Run `ask(keeper, disk, told, said)` with a keeper that looks every hundredth of a second."""
    monkeypatch.setattr(module, "Knowledge", Known)

    def call(ask):
        disk, told, said = Disk(), [], []

        async def run():
            asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context["exception"]))
            with ThreadPoolExecutor(2) as pool:
                keeper = Keeper(disk, pool, 0.01, told.append)
                keeper.start()
                try:
                    return await ask(SimpleNamespace(keeper=keeper, disk=disk, told=told, said=said))
                finally:
                    disk.gate.set()
                    keeper.stop()

        asyncio.run(run())
        return disk

    return call


async def until(holds):
    """Wait until something holds, ten seconds at most."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def test_a_change_is_noticed_and_the_old_one_closed_after_its_last_user(kept):
    async def ask(scene):
        old = scene.keeper.known
        with scene.keeper.using() as mine:
            scene.disk.now = "b"
            await until(lambda: scene.keeper.known.revision == "b")
            assert mine is old and not old.closed.is_set() and scene.told == ["a", "b"]
            with scene.keeper.using() as other:
                assert other is scene.keeper.known is not old
        await until(old.closed.is_set)
        assert not scene.keeper.known.closed.is_set()

    disk = kept(ask)
    assert [known.closed.is_set() for known in disk.opened] == [True, True]  # the last one when all ends


def test_one_that_cannot_be_opened_is_said_and_tried_again(kept):
    async def ask(scene):
        scene.disk.now, scene.disk.unreadable = "b", StorageError("torn")
        await until(lambda: scene.keeper.is_stale and len(scene.said) > 1)
        assert scene.keeper.known.revision == "a" and not scene.keeper.is_away and scene.keeper.is_watching
        scene.disk.unreadable = None
        await until(lambda: scene.keeper.known.revision == "b")
        assert not scene.keeper.is_stale

    kept(ask)


def test_one_that_cannot_be_asked_is_away_until_it_can(kept):
    async def ask(scene):
        scene.disk.broken = RuntimeError("no database")
        await until(lambda: scene.keeper.is_away)
        assert scene.keeper.known.revision == "a" and scene.keeper.is_watching
        scene.disk.broken = None
        await until(lambda: not scene.keeper.is_away)
        assert len(scene.disk.opened) == 1

    kept(ask)


def test_what_is_opened_while_all_ends_is_closed_too(kept):
    async def ask(scene):
        scene.disk.begun.clear()
        scene.disk.gate.clear()
        scene.disk.now = "b"
        await until(scene.disk.begun.is_set)
        scene.keeper.stop()
        await until(lambda: not scene.keeper.is_watching)
        assert len(scene.disk.opened) == 1
        scene.disk.gate.set()

    assert [known.closed.is_set() for known in kept(ask).opened] == [True, True]
