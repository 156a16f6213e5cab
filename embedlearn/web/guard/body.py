"""How much a client may send, and how slowly."""

from __future__ import annotations

import asyncio
import math

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedlearn.web.guard.refusing import Refused, refuse, soon
from embedlearn.web.guard.settings import Guard

LINGER = 2.0  # seconds in which a client that is still sending can read that it was refused
BUSY = Refused(503, "busy", "too much is being sent at once; ask again in a moment", soon(0))
CLOSE = (b"connection", b"close")
SLOWEST = 1_000  # bytes a second, on the average: a few now and then are no upload


def announced(scope: Scope) -> float:
    """Bytes of the body that a request's head announces, infinite where it does not say."""
    length = 0.0
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return math.inf
        if name == b"content-length":
            length = int(value) if value.isdigit() and len(value) < 20 else math.inf
    return length


class BodyLimits:
    """Counts a body while it comes and breaks it off where it is too long or too slow; nothing of it is held here.

    A connection on which a body is still coming when the answer is given is closed, after a moment in which what comes
    is thrown away: who sends can read the answer then. `under_way`: bytes that apps were given and may still hold.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard, self.under_way = app, guard, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or not (length := announced(scope)):
            return await self.app(scope, receive, send)
        body = _Body(self, scope, receive, send)
        if not math.isinf(length) and length > self.guard.body:
            return await refuse(scope, body.send, body.too_long)
        try:
            return await self.app(scope, body.receive, body.send)
        finally:
            self.under_way -= body.given


class _Body:
    """One body on its way."""

    def __init__(self, limits: BodyLimits, scope: Scope, receive: Receive, send: Send) -> None:
        self._limits, self._scope, self._receive, self._send = limits, scope, receive, send
        self._guard = guard = limits.guard
        self._began = asyncio.get_running_loop().time()
        self.given = 0
        self._whole = self._begun = self._refused = False
        self.too_long = Refused(413, "too_large", f"the request is too large; wanted {guard.body:,} bytes at most")

    async def receive(self) -> Message:
        """The next part, or that the client is gone: so it looks to the app where the body was refused."""
        if self._whole:
            return await self._receive()
        if self._refused:
            return {"type": "http.disconnect"}
        try:
            async with asyncio.timeout_at(self._due()):
                message = await self._receive()
        except TimeoutError:
            said = f"wanted all of it within {self._guard.body_seconds:g} s, and {SLOWEST:,} bytes a second at least"
            return await self._refuse(Refused(408, "slow_body", f"the request came too slowly; {said}"))
        self._note(message)
        length = len(message.get("body", b""))
        if self.given + length > self._guard.body:
            return await self._refuse(self.too_long)
        if self._limits.under_way + length > max(self._guard.bodies, self._guard.body):
            return await self._refuse(BUSY)
        self.given += length
        self._limits.under_way += length
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on, unless another was given already; the last part only once the client was heard out."""
        if self._refused:
            return
        await self._pass(message)

    def _due(self) -> float:
        """When the next part has to be here."""
        guard, now = self._guard, asyncio.get_running_loop().time()
        slowest = self._began + guard.body_pause + self.given / SLOWEST
        return min(self._began + guard.body_seconds, now + guard.body_pause, slowest)

    async def _refuse(self, refused: Refused) -> Message:
        if not self._begun:
            await refuse(self._scope, self._pass, refused)
        self._refused = True
        return {"type": "http.disconnect"}

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            if not self._whole:
                message = {**message, "headers": [*message.get("headers", ()), CLOSE]}
        elif not self._whole and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._hear_out()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _hear_out(self) -> None:
        """Throw away what still comes, for a moment."""
        try:
            async with asyncio.timeout(LINGER):
                while not self._whole:
                    self._note(await self._receive())
        except TimeoutError:
            pass

    def _note(self, message: Message) -> None:
        self._whole = not message.get("more_body", False)  # a client that is gone sends no more either
