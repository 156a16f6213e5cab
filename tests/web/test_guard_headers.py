import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocketDisconnect

from embedlearn.web.guard.headers import ALWAYS, secured
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

CONTRACT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LOG = AccessLog()


@pytest.fixture
def client(monkeypatch):
    monkeypatch.setattr(AccessLog, "write", lambda self, values: None)
    app = FastAPI()
    kept = {"Cache-Control": "max-age=60", "Server": "secret/1.0", "Access-Control-Allow-Origin": "*"}

    @app.get("/static/page.js")
    async def page():
        return PlainTextResponse("page", headers=kept)

    @app.get("/v1/about")
    async def about():
        return PlainTextResponse("about", headers={**kept, "Content-Security-Policy": "default-src *"})

    @app.get("/v1/broken")
    async def broken():
        raise RuntimeError("a name")

    with TestClient(guarded(app, Guard(), Metrics(), LOG), "http://localhost") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "headers", "status", "cache"),
    [
        ("/static/page.js", {}, 200, "max-age=60"),
        ("/v1/about", {}, 200, "no-store"),
        ("/v1/about", {"Host": "evil.example"}, 403, "no-store"),
        ("/nothing", {}, 404, "no-store"),
        ("/v1/broken", {}, 500, "no-store"),
    ],
)
def test_every_answer_has_them_once(client, path, headers, status, cache):
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert answer.headers.get_list("content-security-policy") == [CONTRACT]
    assert answer.headers.get_list("cache-control") == [cache]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"].split(", ")
    assert not {"server", "access-control-allow-origin"} & set(answer.headers)


def test_securing_twice_changes_nothing():
    once = secured([(b"content-type", b"text/html"), (b"Server", b"x")], kept=False)
    assert secured(once, kept=False) == once and (b"content-type", b"text/html") in once
    assert set(ALWAYS) <= set(once)


def test_what_nobody_foresaw_is_answered_by_its_number_alone(client):
    answer = client.get("/v1/broken")
    number = answer.headers["x-request-id"]
    assert answer.json() == {
        "error": f"something went wrong here; the log has it under {number}", "code": "internal",
    }  # fmt: skip
    assert client.get("/v1/broken").headers["x-request-id"] != number


def test_a_websocket_is_closed(client):
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/v1/about"):
        raise AssertionError


def test_an_app_starts_and_stops_behind_the_guard():
    seen = []

    async def app(scope, receive, send):
        assert scope["type"] == "lifespan"
        seen.extend([(await receive())["type"], (await receive())["type"]])

    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def receive():
        return messages.pop(0)

    asyncio.run(guarded(app, Guard(token="x" * 16), Metrics(), LOG)({"type": "lifespan"}, receive, None))
    assert seen == ["lifespan.startup", "lifespan.shutdown"]
