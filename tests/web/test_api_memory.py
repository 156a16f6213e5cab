"""What was sent is forgotten with its answer, whatever the answer was; nobody waits for the collector."""

import asyncio
import gc
import tracemalloc

import pytest
from engine_stand_in import LIMITS, StandIn

from embedlearn.errors import ImageError
from embedlearn.web.api.app import make_app

FILM = b"x" * 500_000
HEAD = b'--B\r\nContent-Disposition: form-data; name="film"; filename="a.png"\r\n\r\n'
FORM = "multipart/form-data; boundary=B"
ROW = b"[%s1.5]" % (b"1.5," * 3_999)
ROWS = b",".join([ROW] * 8)
TIMES = 10


async def ask(app, path, content, kind, broken=False):
    """The status of the answer to a body in pieces; where it is `broken`, the client goes away in the middle."""
    left = [content[start : start + 65_536] for start in range(0, len(content), 65_536)][::-1]
    statuses = []

    async def receive():
        if broken and len(left) < 3:
            return {"type": "http.disconnect"}
        piece = left.pop() if left else b""
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message):
        statuses.append(message.get("status"))

    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "headers": [(b"content-type", kind.encode())], "scheme": "http",
        "server": ("127.0.0.1", 80), "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize(
    ("path", "content", "kind", "words", "status"),
    [
        ("/v1/embed", FILM, "image/png", {}, 200),
        ("/v1/embed", HEAD + FILM + b"\r\n--B--\r\n", FORM, {}, 200),
        ("/v1/read", HEAD + FILM + b"\r\n--B--\r\n", FORM, {}, 200),
        ("/v1/embed", HEAD + FILM + b"\r\n--B--\r\n", FORM, {"failing": ImageError("no film")}, 422),
        ("/v1/embed", HEAD + FILM + b"\r\n--B--\r\n", FORM, {"busy": True}, 503),
        ("/v1/embed", HEAD + FILM + b"\r\n--B", FORM, {}, 400),
        ("/v1/embed", HEAD + FILM + b"\r\n--B\r\nno header\r\n", FORM, {}, 400),
        ("/v1/read", HEAD + FILM + b"\r\n" + HEAD + FILM + b"\r\n--B--\r\n", FORM, {}, 413),
        ("/v1/search", b'{"embeddings": [%s]}' % ROWS, "application/json", {}, 200),
        ("/v1/search", b'{"embeddings": [%s, [""]]}' % ROWS, "application/json", {}, 422),
        ("/v1/embed", HEAD + FILM + b"\r\n--B--\r\n", FORM, {"broken": True}, 400),
    ],
)
def test_memory_is_given_back(path, content, kind, words, status):
    async def ask_again_and_again():
        broken = words.pop("broken", False)
        app = make_app(StandIn(forgetful=True, **words), limits=LIMITS)
        assert await ask(app, path, content, kind, broken) == status
        gc.collect()
        gc.disable()
        tracemalloc.start()
        try:
            for _ in range(TIMES):
                assert await ask(app, path, content, kind, broken) == status
                for _ in range(4):  # turns of the loop, in which it closes what was left unread
                    await asyncio.sleep(0)
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            gc.enable()

    assert asyncio.run(ask_again_and_again()) < TIMES * len(content) / 5
