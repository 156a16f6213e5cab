"""How the server and a decoding process speak: frames of a JSON head and a body of bytes, over a socket."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

SIZES = struct.Struct("<II")  # bytes of the head, bytes of the body
MOST_HEAD = 64 << 10  # bytes

Frame = tuple[dict[str, Any], memoryview]


def framed(head: Mapping[str, Any], *bodies: bytes) -> list[bytes]:
    """What is to be sent, in parts; the bodies become one."""
    words = json.dumps(head).encode()
    return [SIZES.pack(len(words), sum(map(len, bodies))) + words, *bodies]


def send(line: socket.socket, head: Mapping[str, Any], *bodies: bytes) -> None:
    """Send a frame. Raises `OSError` where nobody listens."""
    for part in framed(head, *bodies):
        line.sendall(part)


def receive(line: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """The next frame; None where the other side has ended."""
    sizes = line.recv(SIZES.size, socket.MSG_WAITALL)
    if len(sizes) < SIZES.size:
        return None
    head, body = SIZES.unpack(sizes)
    words = line.recv(head, socket.MSG_WAITALL)
    data = line.recv(body, socket.MSG_WAITALL) if body else b""
    return (json.loads(words), data) if len(words) + len(data) == head + body else None


async def send_soon(line: socket.socket, head: Mapping[str, Any], *bodies: bytes) -> None:
    """Send a frame while other tasks go on. Raises `OSError` where nobody listens."""
    loop = asyncio.get_running_loop()
    for part in framed(head, *bodies):
        await loop.sock_sendall(line, part)


async def receive_soon(line: socket.socket, most: int = 0) -> Frame:
    """The next frame, of a body of at most `most` bytes, while other tasks go on.

    Raises `EOFError` where the other side has ended, and `OSError` where it announces more than it may send.
    """
    head, body = SIZES.unpack(await _exactly(line, SIZES.size))
    if head > MOST_HEAD or body > most:
        raise OSError(f"wanted a frame of at most {MOST_HEAD:,} and {most:,} bytes, got {head:,} and {body:,}")
    data = memoryview(await _exactly(line, head + body))
    return json.loads(bytes(data[:head])), data[head:]


async def _exactly(line: socket.socket, count: int) -> bytearray:
    data, got = bytearray(count), 0
    loop = asyncio.get_running_loop()
    while got < count:
        more = await loop.sock_recv_into(line, memoryview(data)[got:])
        if not more:
            raise EOFError("the other side has ended")
        got += more
    return data
