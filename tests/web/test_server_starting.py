import asyncio
import contextlib
import json
import os
import socket

import httpx
import pytest

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.server import listening, run_server, serving, url_of
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.wrapping import guarded


def no_app(*_):
    raise AssertionError


def test_a_port_in_use_is_told_before_anything_is_begun():
    with contextlib.closing(listening("127.0.0.1", 0)) as listener:
        port = int(url_of(listener).rpartition(":")[2])
        with pytest.raises(ArgumentError, match=f"^--port {port}: another program"):
            run_server(no_app, host="127.0.0.1", port=port, guard=Guard(), on_start=no_app)


@pytest.mark.parametrize("host", ["203.0.113.1", "no-such-host.invalid", "x" * 80])
def test_a_host_that_is_not_ours_is_told(host):
    with pytest.raises(ArgumentError, match="^--host") as told:
        listening(host, 0)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_told(port):
    with pytest.raises(ArgumentError, match="^--port"):
        listening("127.0.0.1", port)


def test_a_socket_names_its_protocol():
    with contextlib.closing(listening("127.0.0.1", 0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP  # else every answer waits 40 ms for the client's receipt


def test_what_an_app_raises_while_it_starts_is_raised():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "..."})
        raise StorageError("the gallery is torn")

    with pytest.raises(StorageError, match="torn"), serving(guarded(app, Guard(), Metrics(), AccessLog()), Guard()):
        raise AssertionError


def test_what_fails_outside_a_request_is_written_down_without_its_words(tmp_path):
    async def app(scope, receive, send):
        assert scope["type"] == "http"

        def fail():
            raise ValueError("doe")

        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    log = AccessLog(descriptor)
    os.close(descriptor)
    with serving(app, Guard(), log=log) as url:
        assert httpx.get(url).status_code == 204
    log.close()
    (line,) = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert line.pop("time") and line.pop("at").startswith(f"{__name__}:")
    assert line == {"error": "ValueError"}
