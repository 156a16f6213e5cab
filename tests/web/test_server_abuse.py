"""What one connection, or one address, can do to the others."""

import asyncio
import contextlib
import json
import socket
from urllib.parse import urlsplit

import pytest

from embedlearn.web.guard import protocol
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.server import serving
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded

GUARD = Guard(body=1_000_000)
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
GET = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = POST + b"Content-Length: 100\r\n\r\na"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


async def counting(scope, receive, send):
    """Says how many bytes it was sent; `/late` a moment later."""
    if scope["type"] == "lifespan":
        return
    length, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        length, more = length + len(message["body"]), message["more_body"]
    if scope["path"] == "/late":
        await asyncio.sleep(0.05)  # in which the server hears that the client ended
    said = b"%d" % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})


@contextlib.contextmanager
def served(guard):
    """A function that connects to a server, and the server's metrics."""
    metrics, log = Metrics(), AccessLog(-1)
    with serving(guarded(counting, guard, metrics, log), guard, metrics) as url, contextlib.ExitStack() as ends:
        place = urlsplit(url)
        yield lambda: ends.enter_context(socket.create_connection((place.hostname, place.port), 10)), metrics


@pytest.fixture(scope="module")
def connect():
    with served(GUARD) as (connect, _):
        yield connect


def everything(connection):
    """What comes until the server closes, nothing where it resets the connection."""
    with contextlib.suppress(ConnectionResetError):
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""


def asks(connection):
    """Whether a request on this connection is answered."""
    connection.sendall(GET % b"/")
    answer = b""
    while not answer.endswith(b"\r\n\r\n0"):
        if not (part := connection.recv(65536)):
            return False
        answer += part
    return answer.startswith(b"HTTP/1.1 200 ")


def chunks(count, length):
    return (b"%x\r\n" % length + b"x" * length + b"\r\n") * count


@pytest.mark.parametrize(("count", "length"), [(1_000, 1), (3_000, 256), (1, 900_000)])
def test_a_body_may_come_in_pieces(connect, count, length):
    connection = connect()
    connection.sendall(CHUNKED + chunks(count, length) + END)
    connection.shutdown(socket.SHUT_WR)
    assert everything(connection).endswith(b"\r\n\r\n%d" % (count * length))


def test_a_body_of_crumbs_is_broken_off(connect):
    connection = connect()
    connection.sendall(CHUNKED + chunks(20_000, 1) + END)
    answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400 ") and b"too many tiny pieces" in answer and answer.count(b"HTTP/") == 1


def test_crumbs_are_counted_for_each_request(connect):
    connection = connect()
    connection.sendall(2 * (CHUNKED + chunks(600, 1) + END))
    connection.shutdown(socket.SHUT_WR)
    assert everything(connection).count(b"\r\n\r\n600") == 2


def test_a_long_broken_body_is_not_called_a_long_head(connect):
    connection = connect()
    connection.sendall(CHUNKED + b"no number\r\n" + b"x" * 40_000)
    assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_request_that_tells_two_ends_of_its_body_is_the_last(connect):
    connection = connect()
    connection.sendall(POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + END + GET % b"/")
    answer = everything(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"connection: close" in head.lower()
    assert json.loads(body)["code"] == "malformed"


@pytest.mark.parametrize("sent", [GET % b"/late", GET % b"/" + GET % b"/late" + GET % b"/"])
def test_a_client_that_has_nothing_more_to_say_is_answered(connect, sent):
    connection = connect()
    connection.sendall(sent)
    connection.shutdown(socket.SHUT_WR)
    assert everything(connection).count(b"HTTP/1.1 200 ") == sent.count(b"GET")


def test_a_client_that_ends_within_its_request_is_let_go(connect):
    for sent in (b"", HALF, GET[:9], GET % b"/" + HALF):
        connection = connect()
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection).count(b"HTTP/1.1") == sent.count(GET % b"/")


def lines_of(metrics):
    return metrics.exposition()[0].decode().splitlines()


def test_one_address_takes_only_its_own_connections(monkeypatch):
    monkeypatch.setattr(protocol, "is_loopback", lambda client: False)
    with served(Guard(connections_each=3)) as (connect, metrics):
        connections = [connect() for _ in range(3)]
        assert all(map(asks, connections)) and asks(connections[0])
        connections.append(connect())
        assert everything(connections[1]) == b""  # it was silent for the longest time
        assert [asks(connections[at]) for at in (3, 0, 2)] == [True] * 3
        for at in (0, 2, 3):
            connections[at].sendall(HALF)
        while "embedlearn_requests_in_flight 3.0" not in lines_of(metrics):
            pass
        assert everything(connect()) == b""
        assert 'embedlearn_refused_total{code="connections"} 1.0' in lines_of(metrics)


def test_this_machine_may_be_a_proxy():
    with served(Guard(connections_each=1)) as (connect, _):
        assert all(map(asks, [connect() for _ in range(3)]))
