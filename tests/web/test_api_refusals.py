"""Every refusal has its status, one plain line and a word; none tells of the server or repeats what was sent."""

import asyncio
import logging

import pytest
from engine_stand_in import LIMITS, StandIn, a_png
from starlette.testclient import TestClient

from embedlearn import errors
from embedlearn.web import forms
from embedlearn.web.api.app import make_app
from embedlearn.web.face import BusyError, SlowError, UnknownError
from embedlearn.web.guard.recording import REQUEST_ID
from embedlearn.web.guard.refusing import CODE

SECRET = "/home/ward/films/DOE^JANE.dcm"
LONG = "x" * 5_000


@pytest.fixture(scope="module")
def engine():
    return StandIn(forgetful=True)


@pytest.fixture(scope="module")
def client(engine):
    return TestClient(make_app(engine, limits=LIMITS))


def refused(answer, status, code):
    """The one line of a refusal, which must be of the one form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    refusal = forms.Refusal.model_validate_json(answer.content)
    assert refusal.code == code
    assert refusal.error.isprintable() and 0 < len(refusal.error) < 300
    return refusal.error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.ImageError, 422, "image"),
        (errors.ArgumentError, 422, "argument"),
        (errors.EpisodeError, 422, "episode"),
        (errors.MismatchError, 422, "mismatch"),
        (errors.InexactError, 422, "inexact"),
        (BusyError, 503, "busy"),
        (SlowError, 504, "slow"),
        (UnknownError, 404, "unknown"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/embed", "/v1/classify", "/v1/search", "/v1/explain", "/v1/read"])
def test_what_the_engine_refuses(engine, client, monkeypatch, error, status, code, path):
    monkeypatch.setattr(engine, "failing", error("the film: wanted this,\n got that"))
    answer = client.post(path, content=a_png())
    assert refused(answer, status, code) == "the film: wanted this, got that"
    assert ("retry-after" in answer.headers) == (status == 503)


def test_a_line_is_no_longer_than_a_line(engine, client, monkeypatch):
    monkeypatch.setattr(engine, "failing", errors.ArgumentError(f"where {LONG}"))
    assert refused(client.post("/v1/search", content=a_png()), 422, "argument").startswith("where xxx")


def test_the_busy_engine(engine, client, monkeypatch):
    monkeypatch.setattr(engine, "busy", True)
    answer = client.post("/v1/embed", content=a_png())
    refused(answer, 503, "busy")
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.StorageError(SECRET), 503, "storage"),
        (errors.CheckpointError(SECRET), 500, "internal"),
        (errors.ManifestError(SECRET), 500, "internal"),
        (ValueError(SECRET), 500, "internal"),
    ],
)
def test_what_names_the_servers_own_things_is_told_to_nobody(error, status, code, caplog):
    caplog.set_level(logging.INFO, "embedlearn")
    client = TestClient(make_app(StandIn(failing=error), limits=LIMITS), raise_server_exceptions=False)
    answer = client.get("/v1/cases/case-17")
    line = refused(answer, status, code)
    said = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("embedlearn"))
    assert "DOE" not in line + said and "/home" not in line + said and "case-17" not in said
    assert "request " in said and "embedlearn.web." in said
    if status == 500:
        number = line.rsplit(maxsplit=1)[-1]
        assert len(number) == 16 and number in said


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/v1/search?k=0", "k: "),
        ("/v1/search?k=101", "k: "),
        ("/v1/search?k=ten", "k: wanted a whole number"),
        ("/v1/search?k=1.0", "k: wanted a whole number"),
        ("/v1/search?k=%20" + "1" * 5_000, "k: wanted a whole number"),
        ("/v1/search?k=", "k: wanted a whole number"),
        ("/v1/search?k=3&k=4", "k: was given twice"),
        ("/v1/search?kk=3", "kk: there is no such name here; wanted k, where, one_per_patient, twins"),
        ("/v1/search?twins=yes", "twins: wanted true or false"),
        ("/v1/search?twins=1", "twins: wanted true or false"),
        (f"/v1/search?where={LONG}", "where: "),
        (f"/v1/search?{LONG}=1", "xxx"),
        ("/v1/classify?nearest=-1", "nearest: "),
        ("/v1/classify?nearest=21", "nearest: "),
        ("/v1/explain?neighbours=0", "neighbours: "),
        ("/v1/explain?neighbours=51", "neighbours: "),
        ("/v1/explain?case=a%20b", "case: "),
        (f"/v1/explain?why={LONG}", "why: "),
        ("/v1/read?nearest=3", "nearest: there is no such name"),
        ("/v1/embed?k=3", "k: there is no such name here; wanted none"),
    ],
)
def test_wrong_parameters(client, path, named):
    assert named in refused(client.post(path, content=a_png()), 422, "argument")


@pytest.mark.parametrize(
    "id", ["a b", "..", "a%00", "-a", "%2e%2e%2fetc%2fpasswd", "x" * 101, "ä", "a%0Ab", "a\\b", "%3Cscript%3E"]
)
def test_ids_that_are_none(client, id):
    for path in (f"/v1/cases/{id}/film", f"/v1/examples/{id}", f"/v1/cases/{id}"):
        answer = client.get(path)
        assert answer.status_code in (404, 422)
        line = refused(answer, answer.status_code, {404: "not_found", 422: "argument"}[answer.status_code])
        assert id not in line and "passwd" not in line


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1", "/v1/about/", "/docs", "/redoc", "/v1/cases", "/v1/cases/"])
def test_addresses_where_there_is_nothing(client, path):
    answer = client.get(path)
    assert answer.status_code in (404, 422)
    assert forms.Refusal.model_validate_json(answer.content).code in ("not_found", "argument")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/embed", "POST"),
        ("/v1/about", "GET"),
        ("/v1/cases/a", "GET"),
        ("/v1/cases/a/film", "GET"),
        ("/healthz", "GET"),
    ],
)
def test_wrong_methods(client, path, allowed):
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - {allowed}:
        answer = client.request(method, path)
        assert allowed in refused(answer, 405, "method")
        assert answer.headers["allow"] == allowed


def test_parameters_of_the_addresses_that_take_none(client):
    for path in ("/v1/about", "/v1/map", "/v1/examples", "/v1/cases/case-1", "/v1/cases/case-1/film", "/healthz"):
        assert "x: there is no such name" in refused(client.get(f"{path}?x=1"), 422, "argument")


@pytest.mark.parametrize(
    ("path", "words", "messages", "code"),
    [
        ("/v1/embed", {}, [{"type": "http.request", "body": b""}], "malformed"),
        ("/v1/embed", {"busy": True}, [{"type": "http.request", "body": b"x"}], "busy"),
        ("/v1/nothing", {}, [], "not_found"),
        ("/v1/embed", {}, [{"type": "http.disconnect"}], "slow_body"),  # said by who broke it off
    ],
)
def test_the_record_of_requests_is_told_the_word(path, words, messages, code):
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path, "query_string": b"", "headers": [],
        "scheme": "http", "server": ("127.0.0.1", 80), "root_path": "", CODE: "slow_body",
    }  # fmt: skip
    sent = []

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(make_app(StandIn(**words), limits=LIMITS)(scope, receive, send))
    assert scope[CODE] == code and sent[0]["status"] >= 400


def test_an_unforeseen_error_has_the_number_of_its_request(caplog):
    app = make_app(StandIn(failing=ValueError("x")), limits=LIMITS)

    async def numbered(scope, receive, send):
        await app(scope | {REQUEST_ID: "0123abcd"}, receive, send)

    answer = TestClient(numbered, raise_server_exceptions=False).post("/v1/embed", content=a_png())
    assert refused(answer, 500, "internal").endswith(" 0123abcd")
    assert not caplog.records  # it is raised again for the record, which writes it down
