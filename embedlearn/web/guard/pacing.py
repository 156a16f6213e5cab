"""How many requests are worked on at once, and for how long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedlearn.web.guard.body import announced
from embedlearn.web.guard.refusing import Refused, refuse, soon
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.token import is_open

BUSY = Refused(503, "busy", "too many requests are under way; ask again in a moment", soon(0))


class Pacing:
    """Turns requests away that are more than may be under way, and breaks off those that take longer than they may.

    `sending` counts requests of which the body is still coming and `in_flight` those that came whole, so that who
    sends half a body is in nobody's way. What is open to everybody, questions after the server's health among it, is
    always let in.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard, self.in_flight, self.sending = app, guard, 0, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if is_open(scope["path"]):
            return await self._timed(scope, receive, send)
        if self.in_flight >= self.guard.in_flight or (announced(scope) and self.sending >= self.guard.sending):
            return await refuse(scope, send, BUSY)
        with self._counted(receive, bool(announced(scope))) as counting:
            await self._timed(scope, counting, send)
        return None

    @contextmanager
    def _counted(self, receive: Receive, sending: bool) -> Iterator[Receive]:
        """While one request is under way; its body is received by what is yielded."""
        self.sending, self.in_flight = self.sending + sending, self.in_flight + (not sending)

        async def counting() -> Message:
            nonlocal sending
            message = await receive()
            if sending and not message.get("more_body", False):
                sending = False
                self.sending, self.in_flight = self.sending - 1, self.in_flight + 1
            return message

        try:
            yield counting
        finally:
            self.sending, self.in_flight = self.sending - sending, self.in_flight - (not sending)

    async def _timed(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def beginning(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        seconds = self.guard.answer_seconds + (self.guard.body_seconds if announced(scope) else 0)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await self.app(scope, receive, beginning)
        except TimeoutError:
            if not limit.expired() or begun:
                raise
            await refuse(scope, send, Refused(504, "slow", "the answer took too long; ask again later, or for less"))
