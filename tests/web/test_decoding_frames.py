"""What a decoding process announces is not believed."""

import asyncio
import socket
import tracemalloc

import pytest

from embedlearn.web.decoding.frames import MOST_HEAD, SIZES, framed, receive_soon


def received(sent: bytes, most: int) -> tuple[dict[str, object], bytes]:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sent)
        there.shutdown(socket.SHUT_WR)
        here.setblocking(False)
        head, body = asyncio.run(receive_soon(here, most))
        return head, bytes(body)


@pytest.mark.parametrize("body", [b"", b"x" * 999, b"x" * 1_000])
def test_a_frame_comes_as_it_was_sent(body: bytes) -> None:
    assert received(b"".join(framed({"size": 3}, body)), 1_000) == ({"size": 3}, body)


@pytest.mark.parametrize(("head", "body"), [(2, 1_001), (MOST_HEAD + 1, 0), (2**32 - 1, 2**32 - 1)])
def test_more_than_may_come_is_not_made_room_for(head: int, body: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(OSError, match="wanted a frame of at most"):
            received(SIZES.pack(head, body), 1_000)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_a_frame_that_breaks_off() -> None:
    with pytest.raises(EOFError):
        received(b"".join(framed({}, b"xxx"))[:-1], 1_000)
