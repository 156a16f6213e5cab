import contextlib
import json
import os
import random
import re
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.protocol import BoundedProtocol
from embedlearn.web.guard.server import serving
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

GUARD = Guard(
    body=100_000, body_seconds=1.5, header_bytes=4096, header_seconds=0.8, idle_seconds=0.8, answer_seconds=1.0,
)  # fmt: skip
LARGE = 30_000_000  # bytes, more than sockets hold
HEAD = b"%s HTTP/1.1\r\nHost: localhost\r\n"


async def toy(scope, receive, send):
    """Says how many bytes it was sent, or sends as many."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    length, more = 0, scope["method"] == "POST" and scope["path"] != "/unread"
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    body = b"x" * LARGE if scope["path"] == "/large" else b"%d" % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


class Served:
    """A server for all tests of this file, what it wrote down, and sockets to it."""

    def __init__(self, url, metrics):
        self.url, self.metrics = url, metrics

    def connect(self):
        place = urlsplit(self.url)
        return socket.create_connection((place.hostname, place.port), timeout=10)

    def count(self, code):
        text = self.metrics.exposition()[0].decode()
        lines = [line for line in text.splitlines() if line.startswith(f'embedlearn_refused_total{{code="{code}"}}')]
        return float(lines[0].split()[-1]) if lines else 0.0


@pytest.fixture(scope="module")
def served():
    metrics, log = Metrics(), AccessLog(os.open(os.devnull, os.O_WRONLY))
    with serving(guarded(toy, GUARD, metrics, log), GUARD, metrics, log) as url:
        yield Served(url, metrics)


def everything(connection):
    """What comes until the server closes."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def one_answer(connection):
    """What comes until the first answer is whole."""
    answer = b""
    while b"\r\n\r\n" not in answer or len(parsed(answer)[2]) < int(parsed(answer)[1]["content-length"]):
        part = connection.recv(65536)
        assert part, answer
        answer += part
    return parsed(answer)


def parsed(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in lines), body


def test_it_answers_and_says_little_of_itself(served):
    with httpx.Client(base_url=served.url) as client:
        answers = [client.post("/", content=b"x" * 99_000) for _ in range(3)]
    for answer in answers:
        assert (answer.status_code, answer.text) == (200, "99000") and "content-security-policy" in answer.headers
        assert "server" not in answer.headers and "uvicorn" not in str(answer.headers)


def test_requests_in_one_piece_are_answered_in_their_order(served):
    with served.connect() as connection:
        parts = [HEAD % b"POST /" + b"Content-Length: %d\r\n\r\n" % n + b"x" * n for n in range(5)]
        connection.sendall(b"".join(parts) + HEAD % b"GET /" + b"Connection: close\r\n\r\n")
        bodies = [part.partition(b"\r\n\r\n")[2] for part in everything(connection).split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert bodies == [b"0", b"1", b"2", b"3", b"4", b"0"]


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"G"])
def test_a_head_that_never_ends_is_cut_off(served, sent):
    before = served.count("slow_headers")
    with served.connect() as connection:
        connection.sendall(sent)
        status, headers, body = parsed(everything(connection))
    assert status == 408 and json.loads(body)["code"] == "slow_headers" and headers["cache-control"] == "no-store"
    assert served.count("slow_headers") == before + 1


def test_a_head_that_trickles_is_cut_off_as_well(served):
    began = time.monotonic()
    with served.connect() as connection:
        connection.settimeout(0.02)
        connection.sendall(HEAD % b"GET /" + b"\r\n")  # one whole request first
        answer = b""
        while time.monotonic() < began + 10:
            try:
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
            except TimeoutError:
                connection.sendall(b"G" if answer.count(b"HTTP") == 1 else b"")
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [b"200", b"408"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("first", [b"", HEAD % b"GET /" + b"\r\n"])
def test_a_connection_on_which_nothing_comes_is_closed(served, first):
    with served.connect() as connection:
        connection.sendall(first)
        with contextlib.nullcontext() if first else contextlib.suppress(ConnectionResetError):
            assert everything(connection).count(b"HTTP/1.1") == bool(first)


@pytest.mark.parametrize("whole", [False, True])
def test_long_headers_are_refused(served, whole):
    with served.connect() as connection:
        connection.sendall(HEAD % b"GET /" + b"X-Long: " + b"x" * 60_000 + (b"\r\n\r\n" if whole else b""))
        status, headers, body = one_answer(connection)
    assert status == 431 and "content-security-policy" in headers and b'"code":"headers"' in body


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n",
        HEAD % b"GET /" + b"Host: localhost\r\n\r\n",
        HEAD % b"POST /" + b"Content-Length: -1\r\n\r\n",
        HEAD % b"POST /" + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD % b"POST /" + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD % b"POST /" + b"Transfer-Encoding: chunked\r\n\r\nnot a number\r\n",
    ],
)
def test_what_is_no_request_is_refused(served, sent):
    with served.connect() as connection:
        connection.sendall(sent)
        status, headers, body = parsed(everything(connection))
    assert 400 <= status < 502 and json.loads(body)["code"] == "malformed"
    assert headers["connection"] == "close" and int(headers["content-length"]) == len(body)


def test_no_bytes_stop_the_server(served):
    draw = random.Random(0)
    valid = HEAD % b"POST /" + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n0\r\n\r\n"
    for _ in range(100):
        sent = bytearray(valid)
        for _ in range(draw.randint(1, 8)):
            place = draw.randrange(len(sent))
            sent[place : place + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
        with served.connect() as connection:
            connection.sendall(sent)
    assert httpx.get(served.url).status_code == 200


def test_a_chunked_upload_cannot_pass_the_cap(served):
    with served.connect() as connection:
        connection.sendall(HEAD % b"POST /" + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(0, 2 * GUARD.body, 0x2000):
                connection.sendall(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        with contextlib.suppress(OSError):  # a body that has come whole by then leaves the connection open
            connection.shutdown(socket.SHUT_WR)
        status, _, body = parsed(everything(connection))
    assert status == 413 and json.loads(body)["code"] == "too_large"


def test_an_upload_that_stalls_is_broken_off(served):
    with served.connect() as connection:
        connection.sendall(HEAD % b"POST /" + b"Content-Length: 5000\r\n\r\n" + b"x" * 100)
        status, _, body = one_answer(connection)
    assert status == 408 and json.loads(body)["code"] == "slow_body"


def test_an_upload_that_nobody_reads_does_not_go_on(served):
    with served.connect() as connection:
        connection.sendall(HEAD % b"POST /unread" + b"Transfer-Encoding: chunked\r\n\r\n5\r\nxxxxx\r\n")
        status, headers, _ = one_answer(connection)
        assert status == 200 and headers["connection"] == "close"
        connection.shutdown(socket.SHUT_WR)
        everything(connection)


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(served):
    for _ in range(20):
        with served.connect() as connection:
            connection.sendall(HEAD % b"POST /" + b"Content-Length: 5000\r\n\r\n" + b"x" * 100)
    assert httpx.get(served.url).status_code == 200


def test_who_does_not_read_the_answer_is_cut_off(served, monkeypatch):
    lost, end = threading.Event(), BoundedProtocol.connection_lost

    def connection_lost(protocol, error):
        end(protocol, error)
        if protocol.client == asked:
            lost.set()

    with served.connect() as connection:
        asked = connection.getsockname()
        monkeypatch.setattr(BoundedProtocol, "connection_lost", connection_lost)
        connection.sendall(HEAD % b"GET /large" + b"\r\n")
        assert lost.wait(10)
        length = 0
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(2**20):
                length += len(part)
    assert length < LARGE


def test_only_so_many_connections_are_open():
    with serving(toy, Guard(connections=5)) as url, contextlib.ExitStack() as closing_all:
        connections = [closing_all.enter_context(Served(url, None).connect()) for _ in range(8)]
        for connection in connections[:3]:  # on which nothing came, for the longest time
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        for connection in connections[3:]:
            connection.sendall(HEAD % b"GET /" + b"\r\n")
            assert one_answer(connection)[0] == 200
