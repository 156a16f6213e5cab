"""What is known now, and anew when the gallery has changed, without dropping anyone who is being answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future

from embedlearn.web.engine.knowledge import Knowledge, Served

STALE = "the gallery has changed and cannot be opened; answers are made from what it was"


class Keeper:
    """Looks every `poll` seconds whether the gallery has changed, and opens it anew in a thread of `pool`.

    Who asks meanwhile is answered from what was known before, which is closed after the last of them. `changed` is told
    each revision that is answered from. `is_away`: the gallery could not be asked when it was last looked at;
    `is_stale`: it has changed, and could not be opened. For one event loop.
    """

    def __init__(self, served: Served, pool: Executor, poll: float, changed: Callable[[str], object]) -> None:
        self.served, self.poll, self.changed = served, poll, changed
        self.is_away = self.is_stale = False
        self._pool = pool
        self._held = _Held(Knowledge(served), pool)
        self._task: asyncio.Task[None] | None = None

    @property
    def known(self) -> Knowledge:
        """What is known now, for a look; to ask it, `use` it."""
        return self._held.known

    @contextlib.contextmanager
    def using(self) -> Iterator[Knowledge]:
        """What is known now, held open while the block runs."""
        held = self._held
        held.users += 1
        try:
            yield held.known
        finally:
            held.users -= 1
            held.close_if_done()

    @property
    def is_watching(self) -> bool:
        """Whether changes are looked for."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin to watch."""
        self.changed(self.known.revision)
        self._task = asyncio.create_task(self._watch())

    def stop(self) -> None:
        """Watch no more, and let go of the gallery once nobody uses it."""
        if self._task:
            self._task.cancel()
        self._held.retire()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.poll)
            try:
                await self._refresh()
            except Exception as error:  # whatever it is, answers go on
                asyncio.get_running_loop().call_exception_handler({"message": "reloading", "exception": error})

    async def _refresh(self) -> None:
        store = self.known.store
        looking = asyncio.wrap_future(self._pool.submit(lambda: store.revision))
        try:
            revision = await looking
            self.is_away = False
        except Exception:
            self.is_away = True
            raise
        if revision == self.known.revision:
            self.is_stale = False
            return
        opening = self._pool.submit(Knowledge, self.served)
        try:
            fresh = await asyncio.shield(asyncio.wrap_future(opening))
        except asyncio.CancelledError:
            opening.add_done_callback(_close)
            raise
        except Exception:
            self.is_stale = True
            raise
        self._held.retire()
        self._held = _Held(fresh, self._pool)
        self.is_stale = False
        self.changed(fresh.revision)


class _Held:
    """Knowledge with how many use it; closed, in a thread, when it is retired and nobody does."""

    def __init__(self, known: Knowledge, pool: Executor) -> None:
        self.known, self.users = known, 0
        self._pool, self._retired = pool, False

    def retire(self) -> None:
        self._retired = True
        self.close_if_done()

    def close_if_done(self) -> None:
        if self._retired and not self.users:
            try:
                self._pool.submit(self.known.close)
            except RuntimeError:  # the pool has ended
                self.known.close()


def _close(opening: Future[Knowledge]) -> None:
    """Let go of what was opened too late."""
    if not opening.cancelled() and not opening.exception():
        opening.result().close()
