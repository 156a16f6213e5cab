"""HTTP/1.1 on one connection, on which nobody may be slow or endless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from embedlearn.web.guard.body import CLOSE, LINGER
from embedlearn.web.guard.clients import is_loopback, network_of
from embedlearn.web.guard.headers import secured
from embedlearn.web.guard.pieces import PiecedConnection
from embedlearn.web.guard.recording import STOPPING
from embedlearn.web.guard.refusing import Refused, soon
from embedlearn.web.guard.settings import Guard

Told = Callable[[Refused], None]

SLOW = Refused(408, "slow_headers", "the request's headers came too slowly", (CLOSE,))
LONG = Refused(431, "headers", "the request's headers are too long", (CLOSE,))
BROKEN = Refused(400, "malformed", "this is no HTTP/1.1 request", (CLOSE,))
CRUMBLED = Refused(400, "malformed", "the body comes in too many tiny pieces; send larger ones", (CLOSE,))
CROWDED = Refused(503, "connections", "too many connections are open; ask again in a moment", soon(0))
LEFT = replace(STOPPING, headers=(*STOPPING.headers, CLOSE))


class BoundedProtocol(H11Protocol):
    """Uvicorn's, and one timer a connection.

    It runs while the head of a request is awaited (`header_seconds`) and while an answer waits for somebody to read it
    (`answer_seconds`). Refusals before there is a whole request are ours; `told` hears of them.
    """

    conn: PiecedConnection

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
        self.conn = PiecedConnection(guard.header_bytes)
        self._guard, self._told = guard, told
        self._timer: asyncio.TimerHandle | None = None
        self._deaf = self._ended = False
        self._network = ""
        self._last = self.loop.time()  # when the client was last heard of

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, in the place of one that is idle where there are too many."""
        super().connection_made(transport)
        self._network = network_of(self.client)
        if self._has_room():
            self._bound(self._guard.header_seconds)
        else:
            self._told(CROWDED)
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._unbound()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hear out a head, or a part of a body."""
        if self._deaf:
            return
        self._last = self.loop.time()
        super().data_received(data)
        if self._deaf:
            return
        if self.conn.their_state is not h11.IDLE:
            self._unbound()
        elif self._timer is None:
            self._bound(self._guard.header_seconds)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a client that asked and has nothing more to say; another is gone."""
        self._ended = True
        return self._is_answering()

    def on_response_complete(self) -> None:
        """Let an answer that the client has not taken yet wait no longer than it may."""
        super().on_response_complete()
        if self._ended and not self._is_answering():
            self.transport.close()
        if self.transport.get_write_buffer_size():
            self._bound(self._guard.answer_seconds)

    def shutdown(self) -> None:
        """Answer what came whole, and nothing else; who is still sending is told so."""
        if self._deaf:
            return  # the client has a moment to read why
        if self.cycle is not None and self.cycle.more_body and not self.cycle.response_started:
            self._refuse(LEFT)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too long a one."""
        if self.conn.crumbled:
            self._refuse(CRUMBLED)
        elif len(self.conn.trailing_data[0]) > self._guard.header_bytes and not self.conn.in_body:
            self._refuse(LONG)
        else:
            self._refuse(BROKEN)

    def _has_room(self) -> bool:
        """Whether this connection, which is among the others already, may stay; the one idle longest may go for it."""
        others = [
            one for one in self.connections if isinstance(one, BoundedProtocol) and not one.transport.is_closing()
        ]
        own = [one for one in others if one._network == self._network]
        if len(own) > self._guard.connections_each and not is_loopback(self.client):
            others = own
        elif len(others) <= self._guard.connections:
            return True
        idle = [one for one in others if one is not self and one._is_idle()]
        if idle:
            min(idle, key=lambda one: one._last).transport.abort()
        return bool(idle)

    def _is_idle(self) -> bool:
        """Whether nothing of a request has come, and nothing of an answer is left."""
        answered = self.cycle is None or self.cycle.response_complete
        waiting = self.conn.trailing_data[0] or self.transport.get_write_buffer_size()
        return answered and not waiting and self.conn.their_state is h11.IDLE

    def _is_answering(self) -> bool:
        """Whether a request came whole and its answer has not ended."""
        cycle = self.cycle
        return cycle is not None and not (self._deaf or cycle.more_body or cycle.response_complete)

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
