"""HTTP/1.1 on one connection, on which nobody may be slow or endless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from embedlearn.web.guard.body import CLOSE, LINGER
from embedlearn.web.guard.headers import secured
from embedlearn.web.guard.refusing import Refused
from embedlearn.web.guard.settings import Guard

Told = Callable[[Refused], None]

SLOW = Refused(408, "slow_headers", "the request's headers came too slowly", (CLOSE,))
LONG = Refused(431, "headers", "the request's headers are too long", (CLOSE,))
BROKEN = Refused(400, "malformed", "this is no HTTP/1.1 request", (CLOSE,))


class BoundedProtocol(H11Protocol):
    """Uvicorn's, and one timer a connection.

    It runs while the head of a request is awaited (`header_seconds`) and while an answer waits for somebody to read it
    (`answer_seconds`). Refusals before there is a request are ours; `told` hears of them.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        guard: Guard,
        told: Told,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._guard, self._told = guard, told
        self._timer: asyncio.TimerHandle | None = None
        self._deaf = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._guard.connections:
            transport.abort()
        else:
            self._bound(self._guard.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unbound()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hear out a head, or a part of a body."""
        if self._deaf:
            return
        super().data_received(data)
        if self._deaf:
            return
        if self.conn.their_state is not h11.IDLE:
            self._unbound()
        elif self._timer is None:
            self._bound(self._guard.header_seconds)

    def on_response_complete(self) -> None:
        """Let an answer that the client has not taken yet wait no longer than it may."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._bound(self._guard.answer_seconds)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too long a one."""
        self._refuse(LONG if len(self.conn.trailing_data[0]) > self._guard.header_bytes else BROKEN)

    def _bound(self, seconds: float) -> None:
        self._unbound()
        self._timer = self.loop.call_later(seconds, self._expire)

    def _unbound(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        awaiting = not self._deaf and self.conn.their_state is h11.IDLE and not self.transport.is_closing()
        if awaiting and self.conn.trailing_data[0]:
            self._refuse(SLOW)
        else:
            self.transport.abort()

    def _refuse(self, refused: Refused) -> None:
        """Answer where there is none yet, and give the client a moment to read it; what it still sends is dropped."""
        self._deaf = True
        self._told(refused)
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                return self.transport.abort()
        headers = [*secured(refused.head, kept=False), *self.server_state.default_headers]
        lines = [b"HTTP/1.1 %d %s" % (refused.status, HTTPStatus(refused.status).phrase.encode())]
        lines += [b"%s: %s" % header for header in headers]
        self.transport.write(b"\r\n".join([*lines, b"", refused.body]))
        self.transport.write_eof()
        self._bound(LINGER)
        return None
