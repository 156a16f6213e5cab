import asyncio

import pytest

from embedlearn.web.guard import body as limits
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

GUARD = Guard(body=1_000)
HURRIED = Guard(body=1_000, body_seconds=0.05, answer_seconds=0.05)
LOG = AccessLog()
NEVER = object()


class Client:
    """Sends parts of a body as a server hands them on, and keeps what is answered."""

    def __init__(self, *parts, length=None):
        self.parts, self.taken, self.answer = list(parts), 0, []
        sized = (
            [(b"content-length", str(length).encode())] if length is not None else [(b"transfer-encoding", b"chunked")]
        )
        self.headers = [(b"host", b"localhost"), *sized]

    async def receive(self):
        await asyncio.sleep(0)
        if not self.parts:
            return {"type": "http.disconnect"}
        if self.parts[0] is NEVER:
            await asyncio.Event().wait()
        part = self.parts.pop(0)
        self.taken += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message):
        self.answer.append(message)

    def ask(self, app, guard=GUARD, path="/v1/embed", method="POST"):
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "headers": self.headers,
            "client": ("127.0.0.1", 1),
        }  # fmt: skip
        asyncio.run(guarded(app, guard, Metrics(), LOG)(scope, self.receive, self.send))
        return self

    @property
    def status(self):
        return self.answer[0]["status"]

    @property
    def closes(self):
        return (b"connection", b"close") in self.answer[0]["headers"]

    @property
    def text(self):
        assert not self.answer[-1].get("more_body", False)
        return b"".join(message.get("body", b"") for message in self.answer[1:]).decode()


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(limits, "LINGER", 0.05)
    monkeypatch.setattr(AccessLog, "write", lambda self, values: None)


async def answer(send, body=b""):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def counting(scope, receive, send):
    """Says how many bytes it was sent; an app that is told that the client is gone gives up."""
    length = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError
        length += len(message["body"])
        if not message["more_body"]:
            return await answer(send, str(length).encode())


async def deaf(scope, receive, send):
    await answer(send, b"deaf")


async def lazy(scope, receive, send):
    await asyncio.sleep(60)


@pytest.mark.parametrize("parts", [(b"x" * 1000,), (b"x" * 400, b"x" * 600), (b"x",) * 1000, (b"", b"x" * 1000, b"")])
def test_a_body_of_the_most_bytes_goes_through(parts):
    client = Client(*parts).ask(counting)
    assert (client.status, client.text, client.closes) == (200, "1000", False)


@pytest.mark.parametrize("parts", [(b"x" * 1001,), (b"x" * 600, b"x" * 401), (b"x",) * 1001, (b"x" * 10**6, NEVER)])
def test_one_byte_more_does_not_whatever_was_announced(parts):
    for length in (None, 999):
        client = Client(*parts, length=length).ask(counting)
        assert client.status == 413 and '"code":"too_large"' in client.text and "1,000" in client.text


def test_an_announced_length_is_refused_unread():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    client = Client(NEVER, length=1001).ask(app)
    assert (client.status, client.closes, client.taken, seen) == (413, True, 0, [])


@pytest.mark.parametrize("length", ["-1", "1e3", "9" * 30, "x", ""])
def test_a_length_that_is_no_number_is_counted(length):
    assert Client(b"x" * 600, b"x" * 600, length=length).ask(counting).status == 413


def test_an_app_that_says_something_else_of_a_refused_body_is_not_heard():
    async def forgiving(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        await answer(send, b"all is well")

    client = Client(b"x" * 2000).ask(forgiving)
    assert client.status == 413 and "well" not in client.text and len(client.answer) == 2


def test_a_slow_body_is_broken_off():
    client = Client(b"x", NEVER).ask(counting, HURRIED)
    assert client.status == 408 and client.closes and '"code":"slow_body"' in client.text


def test_a_body_that_trickles_is_as_slow():
    class Trickling(Client):
        async def receive(self):
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b"x", "more_body": True}

    assert Trickling().ask(counting, HURRIED).status == 408


def test_a_client_that_goes_away_ends_quietly():
    client = Client(b"x" * 10)
    client.parts = []
    assert client.ask(counting).answer == []


def test_who_is_still_sending_is_heard_out_before_the_end():
    client = Client(*[b"x" * 100] * 5).ask(deaf)
    assert client.text == "deaf" and client.closes and client.taken == 500
    endless = Client(b"x", NEVER).ask(deaf)
    assert endless.text == "deaf" and endless.closes and [m.get("body") for m in endless.answer[1:]] == [b"deaf", b""]


def test_nothing_is_waited_for_where_no_body_comes():
    client = Client(NEVER, length=0).ask(deaf)
    assert client.text == "deaf" and not client.closes and len(client.answer) == 2


def test_an_answer_that_takes_too_long_is_broken_off():
    client = Client(length=0).ask(lazy, HURRIED)
    assert client.status == 504 and '"code":"slow"' in client.text


def test_more_than_may_be_under_way_are_turned_away():
    release, entered = asyncio.Event(), []

    async def waiting(scope, receive, send):
        entered.append(scope["path"])
        if scope["path"] != "/healthz":
            await release.wait()
        await answer(send, b"done")

    async def run():
        app = guarded(waiting, Guard(in_flight=3), Metrics(), LOG)

        async def one(path="/v1/about"):
            client = Client(length=0)
            scope = {
                "type": "http", "method": "GET", "path": path, "query_string": b"", "headers": client.headers,
                "client": None,
            }  # fmt: skip
            await app(scope, client.receive, client.send)
            return client

        under_way = [asyncio.create_task(one()) for _ in range(3)]
        while len(entered) < 3:
            await asyncio.sleep(0)
        refused, health = await one(), await one("/healthz")
        release.set()
        done = await asyncio.gather(*under_way)
        return refused, health, [*done, await one()]

    refused, health, done = asyncio.run(run())
    assert refused.status == 503 and (b"retry-after", b"1") in refused.answer[0]["headers"]
    assert health.text == "done" and [client.text for client in done] == ["done"] * 4


def test_bodies_together_are_bounded_and_forgotten_with_their_requests():
    holding, entered, answers = asyncio.Event(), [], []

    async def app(scope, receive, send):
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        entered.append(message)
        await holding.wait()
        await answer(send, b"done")

    async def run():
        guard_app = guarded(app, Guard(body=1000, bodies=2500), Metrics(), LOG)

        async def one():
            client = Client(b"x" * 800)
            scope = {
                "type": "http", "method": "POST", "path": "/v1/embed", "query_string": b"", "headers": client.headers,
                "client": None,
            }  # fmt: skip
            await guard_app(scope, client.receive, client.send)
            answers.append(client.status)

        under_way = [asyncio.create_task(one()) for _ in range(3)]
        while len(entered) < 3:
            await asyncio.sleep(0)
        await one()
        holding.set()
        await asyncio.gather(*under_way)
        await asyncio.gather(*[one() for _ in range(3)])

    asyncio.run(run())
    assert answers == [503] + [200] * 6
