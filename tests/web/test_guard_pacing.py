import asyncio
import time

import pytest

from embedlearn.web.guard import body as limits
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

GUARD = Guard(in_flight=2, sending=3)
PAUSED = Guard(body_pause=0.1, body_seconds=20)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(limits, "LINGER", 0.01)
    monkeypatch.setattr(AccessLog, "write", lambda self, values: None)


class Crowd:
    """Requests to one app, each a task; an upload goes on where it is told to."""

    def __init__(self, guard):
        self.release, self.whole = asyncio.Event(), 0
        self.app = guarded(self.answer, guard, Metrics(), AccessLog(-1))

    async def answer(self, scope, receive, send):
        """Read a body and, of `/v1/slow`, wait."""
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        self.whole += 1
        if scope["path"] == "/v1/slow":
            await self.release.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def ask(self, path, parts=None):
        """The status of the answer, soon; `parts` come one by one."""
        return asyncio.ensure_future(self._ask(path, parts))

    async def _ask(self, path, parts):
        async def receive():
            if parts is None:
                return {"type": "http.request", "body": b"", "more_body": False}
            part = await parts.get()
            return {"type": "http.request", "body": part, "more_body": bool(part)}

        async def send(message):
            statuses.append(message.get("status"))

        statuses = []
        sized = [(b"transfer-encoding", b"chunked")] if parts else []
        scope = {
            "type": "http", "method": "POST", "path": path, "query_string": b"", "client": None,
            "headers": [(b"host", b"localhost"), *sized],
        }  # fmt: skip
        await self.app(scope, receive, send)
        return statuses[0]


def in_crowd(deed, guard=GUARD):
    async def run():
        await deed(Crowd(guard))

    asyncio.run(run())


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


def upload():
    parts = asyncio.Queue()
    parts.put_nowait(b"x")
    return parts


def test_half_a_body_is_in_nobodys_way():
    async def deed(crowd):
        uploads = [upload() for _ in range(3)]
        halves = [crowd.ask("/v1/embed", parts) for parts in uploads]
        await settled()
        assert [await crowd.ask("/v1/about") for _ in range(5)] == [200] * 5
        assert await crowd.ask("/v1/embed", upload()) == 503
        uploads[0].put_nowait(b"")
        assert await halves[0] == 200
        halves[0] = crowd.ask("/v1/embed", uploads[0])
        for parts in uploads:
            parts.put_nowait(b"")
        assert await asyncio.gather(*halves) == [200] * 3

    in_crowd(deed)


def test_whole_bodies_are_under_way_and_the_page_is_open():
    async def deed(crowd):
        uploads = [upload() for _ in range(2)]
        slow = [crowd.ask("/v1/slow", parts) for parts in uploads]
        for parts in uploads:
            parts.put_nowait(b"")
        await settled()
        assert crowd.whole == 2
        assert await crowd.ask("/v1/about") == await crowd.ask("/v1/embed", upload()) == 503
        assert [await crowd.ask(path) for path in ("/", "/static/page.js", "/healthz", "/readyz")] == [200] * 4
        crowd.release.set()
        assert await asyncio.gather(*slow) == [200] * 2
        assert [await crowd.ask("/v1/about") for _ in range(3)] == [200] * 3

    in_crowd(deed)


@pytest.mark.parametrize(("length", "every", "status"), [(1, 30, 408), (1, 0.02, 408), (200, 0.02, 200)])
def test_a_body_has_to_come_at_some_rate(length, every, status):
    async def deed(crowd):
        async def feed():
            for _ in range(20):
                await asyncio.sleep(every)
                parts.put_nowait(b"x" * length)
            parts.put_nowait(b"")

        parts = upload()
        feeding = asyncio.ensure_future(feed())
        assert await crowd.ask("/v1/embed", parts) == status
        feeding.cancel()

    began = time.monotonic()
    in_crowd(deed, PAUSED)
    assert time.monotonic() - began < 5
