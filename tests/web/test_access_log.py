import json
import os
import threading
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.testclient import TestClient

from embedlearn.web.guard import log as logging
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.recording import REQUEST_ID
from embedlearn.web.guard.refusing import note
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

TOKEN = "token-that-is-secret"
SECRETS = ("patient-7", "doe", "secret", "192.0.2.1", "agent-x", "evil")
KEYS = {"time", "id", "method", "route", "status", "ms", "in", "out", "client"}


@pytest.fixture
def pipe():
    """A log, and what was written to it; the log is closed first."""
    reader, writer = os.pipe()
    log = AccessLog(writer)
    os.close(writer)

    def lines():
        log.close()
        with open(reader, "rb") as file:
            return [json.loads(line) for line in file.read().splitlines()]

    return log, lines


@pytest.fixture
def app():
    app, router = FastAPI(), APIRouter(prefix="/v1")

    @router.get("/cases/{id}")
    async def case(id: str):
        return id

    @router.post("/embed")
    async def embed(request: Request):
        return {"bytes": len(await request.body()), "id": request.scope[REQUEST_ID]}

    @router.get("/refusing")
    async def refusing(request: Request):
        note(request.scope, "image")

    @router.get("/broken/{id}")
    async def broken(id: str):
        raise ValueError(f"doe {id}")

    app.include_router(router)
    return app


def test_a_line_a_request_and_nothing_of_whom_it_was_about(app, pipe):
    log, lines = pipe
    client = TestClient(
        guarded(app, Guard(token=TOKEN, body=1000), Metrics(), log), "http://localhost",
        headers={"Authorization": f"Bearer {TOKEN}", "User-Agent": "agent-x", "X-Forwarded-For": "192.0.2.1"},
        client=("127.0.0.1", 50000),
    )  # fmt: skip
    before = datetime.now(UTC)
    answers = [
        client.get("/v1/cases/patient-7?where=doe"),
        client.post("/v1/embed", content=b"doe" * 100, headers={"X-Request-Id": "secret"}),
        client.get("/v1/cases/patient-7", headers={"Authorization": "Bearer doe"}),
        client.get("/patient-7"),
        client.get("/v1/refusing"),
        client.get("/v1/broken/patient-7"),
        client.get("/v1/cases/x", headers={"Host": "evil"}),
        client.post("/v1/embed", content=b"x" * 1001),
        client.put("/v1/cases/patient-7"),
        client.get("/openapi.json"),
    ]
    found = lines()
    assert [line["status"] for line in found] == [answer.status_code for answer in answers]
    assert [line["id"] for line in found] == [answer.headers["x-request-id"] for answer in answers]
    assert answers[1].json() == {"bytes": 300, "id": found[1]["id"]}
    assert [line["route"] for line in found] == [
        "/v1/cases/{id}", "/v1/embed", "unknown", "unknown", "/v1/refusing", "/v1/broken/{id}", "unknown", "unknown",
        "/v1/cases/{id}", "/openapi.json",
    ]  # fmt: skip
    codes = [line.pop("code", None) for line in found]
    assert codes == [None, None, "token", None, "image", "internal", "host", "too_large", None, None]
    assert [line["out"] for line in found] == [len(answer.content) for answer in answers]
    assert found[1]["in"] == 300
    assert found[5].pop("error") == "ValueError" and found[5].pop("at").startswith(f"{__name__}:")
    for line in found:
        assert set(line) == KEYS and line["client"] == "loopback" and line["ms"] >= 0
        assert before - timedelta(seconds=1) <= datetime.fromisoformat(line["time"]) <= datetime.now(UTC)
    assert not [word for word in SECRETS if word in json.dumps(found).lower()]


def test_a_method_is_one_that_is_known(app, pipe):
    log, lines = pipe
    client = TestClient(guarded(app, Guard(), Metrics(), log), "http://localhost")
    for method in ("GET", "DELETE", "DOE", "X" * 5_000, "TRACE"):
        client.request(method, "/v1/refusing")
    assert [line["method"] for line in lines()] == ["GET", "DELETE", "?", "?", "?"]


def test_an_error_is_found_where_it_was_raised(pipe):
    log, lines = pipe

    async def app(scope, receive, send):
        raise KeyError("doe")

    TestClient(guarded(app, Guard(), Metrics(), log), "http://localhost").get("/")
    (line,) = lines()
    place, _, number = line["at"].partition(":")
    with open(__file__) as file:
        assert "raise KeyError" in file.read().splitlines()[int(number) - 1]
    assert place == __name__ and line["error"] == "KeyError"


def test_an_answer_that_breaks_off_is_told(pipe):
    log, lines = pipe

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise OSError("doe")

    with pytest.raises(OSError, match="doe"):
        TestClient(guarded(app, Guard(), Metrics(), log), "http://localhost").get("/")
    assert [(line["status"], line["error"]) for line in lines()] == [(200, "OSError")]


def test_a_client_elsewhere_is_no_more_than_that(app, pipe):
    log, lines = pipe
    for address in ("192.0.2.1", "::1", "127.9.9.9", "not an address", "::ffff:127.0.0.1"):
        TestClient(guarded(app, Guard(), Metrics(), log), "http://localhost", client=(address, 1)).get("/v1/refusing")
    assert [line["client"] for line in lines()] == ["other", "loopback", "loopback", "other", "loopback"]


def test_lines_come_whole_and_in_order_from_many_threads(pipe):
    log, lines = pipe
    threads = [
        threading.Thread(target=lambda name=name: [log.write({"thread": name, "number": n}) for n in range(100)])
        for name in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = lines()
    assert len(found) == 500 and log.lost == 0
    for name in range(5):
        assert [line["number"] for line in found if line["thread"] == name] == list(range(100))


def test_a_closed_pipe_is_no_reason_to_fail():
    reader, writer = os.pipe()
    os.close(reader)
    log = AccessLog(writer)
    os.close(writer)
    for number in range(10):
        log.write({"number": number})
    log.close()
    log.write({"number": 10})
    assert log.lost == 11


def test_a_full_disk_is_no_reason_to_fail():
    with open("/dev/full", "wb") as full:
        log = AccessLog(full.fileno())
    log.write({"number": 0})
    log.close()
    assert log.lost == 1


def test_a_pipe_that_nobody_reads_holds_nobody_up(monkeypatch):
    monkeypatch.setattr(logging, "MOST_LINES", 50)
    monkeypatch.setattr(logging, "EVERY", 0.001)
    reader, writer = os.pipe()
    log = AccessLog(writer)
    os.close(writer)
    for number in range(2000):
        log.write({"number": number, "long": "x" * 1000})
    assert log.lost > 0
    log.close(seconds=0.05)
    os.close(reader)  # lets the thread go


def test_a_descriptor_that_is_closed_already():
    reader, writer = os.pipe()
    os.close(reader), os.close(writer)
    log = AccessLog(writer)
    log.write({"number": 0})
    log.close()
    assert log.lost == 1
