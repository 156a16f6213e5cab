"""What is written down of a request: how it went, not whom it was about."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedlearn.web.guard.clients import is_loopback
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import METHODS, Metrics
from embedlearn.web.guard.refusing import CODE, Refused, refuse, soon

REQUEST_ID = "embedlearn.request_id"
GONE = 499  # the client went away before it had an answer
STOPPING = Refused(503, "stopping", "the server is stopping; ask again once it is back", soon(0))
FIXED = frozenset({"/", "/healthz", "/readyz", "/metrics", "/openapi.json"})


def route_of(scope: Scope) -> str:
    """The template that a request was matched with, such as /v1/cases/{id}; `unknown` where it was with none.

    Never the path: it holds ids. Routes that no router names in `scope` are those that have nothing to hide.
    """
    route = scope.get("route")
    if template := getattr(route, "path_format", None) or getattr(route, "path", None):
        return str(template)
    if scope["path"] in FIXED:
        return str(scope["path"])
    return "/static/{name}" if scope["path"].startswith("/static/") else "unknown"


def place_of(error: BaseException) -> str:
    """Where an error was raised, as module:line; in the innermost module of ours, of those that the guard is around."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append((str(trace.tb_frame.f_globals.get("__name__", "?")), trace.tb_lineno))
        trace = trace.tb_next
    ours = [place for place in places if place[0].startswith("embedlearn.") and not place[0].startswith(__package__)]
    name, line = (ours or places or [("?", 0)])[-1]
    return f"{name}:{line}"


def client_of(scope: Scope) -> str:
    """Whether a client is on this machine."""
    return "loopback" if is_loopback(scope.get("client")) else "other"


class Recording:
    """Gives every request an id, a line in the log and its place in the metrics; answers what nobody foresaw.

    The id is in the answer's X-Request-Id, and in `scope[REQUEST_ID]`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, log: AccessLog) -> None:
        self.app, self.metrics, self.log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and write down how it went. Raises what the app raised where its answer had begun."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        record = _Record(scope, receive, send)
        began = time.perf_counter()
        with self.metrics.in_flight():
            try:
                await record.run(self.app)
            finally:
                self._write(record, time.perf_counter() - began)
        return None

    def _write(self, record: _Record, seconds: float) -> None:
        scope, route = record.scope, route_of(record.scope)
        self.metrics.request(scope["method"], route, record.status, seconds, record.received, record.sent)
        code = scope.get(CODE)
        if code is not None:
            self.metrics.refused(code)
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "id": scope[REQUEST_ID],
            "method": scope["method"] if scope["method"] in METHODS else "?", "route": route, "status": record.status,
            "ms": round(1000 * seconds, 1), "in": record.received, "out": record.sent, "client": client_of(scope),
        }  # fmt: skip
        found = {"code": code, "error": record.error, "at": record.place}
        self.log.write({**line, **{name: value for name, value in found.items() if value}})


class _Record:
    """One request and its answer, as far as they went."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self._receive, self._send = scope, receive, send
        scope[REQUEST_ID] = secrets.token_hex(8)
        self._id = (b"x-request-id", scope[REQUEST_ID].encode())
        self._held: list[Message] = []
        self.status, self.received, self.sent = GONE, 0, 0
        self.begun = self.gone = self.complete = False
        self.error = self.place = ""

    async def run(self, app: ASGIApp) -> None:
        """Have it answered."""
        try:
            await app(self.scope, self.receive, self.send)
            for message in self._held:
                await self._pass(message)
        except asyncio.CancelledError as error:
            self._found(error)
            if not self.begun:
                await refuse(self.scope, self._pass, STOPPING)
            raise
        except Exception as error:
            if self.gone:
                return
            self._found(error)
            if self.begun:
                if not self.complete:
                    raise
            else:
                said = f"something went wrong here; the log has it under {self.scope[REQUEST_ID]}"
                await refuse(self.scope, self._pass, Refused(500, "internal", said))

    async def receive(self) -> Message:
        """A part of the body, counted."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self.gone = self.gone or message["type"] == "http.disconnect"
        return message

    async def send(self, message: Message) -> None:
        """A part of the answer; a 500 waits until the app is done, which may yet raise what it was about."""
        if self._held or message.get("status") == 500:
            self._held.append(message)
        else:
            await self._pass(message)

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, GONE if self.gone else message["status"]
            message = {**message, "headers": [*message.get("headers", ()), self._id]}
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)

    def _found(self, error: BaseException) -> None:
        self.error, self.place = type(error).__name__, place_of(error)
