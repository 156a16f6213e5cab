"""How many requests are worked on at once, and for how long."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from embedlearn.web.guard.body import announced
from embedlearn.web.guard.rate import HEALTH
from embedlearn.web.guard.refusing import Refused, refuse, soon
from embedlearn.web.guard.settings import Guard


class Pacing:
    """Turns requests away that are more than `in_flight`, and breaks off those that take longer than they may.

    Questions after the server's health are always let in.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self.app, self.guard, self.under_way = app, guard, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            return await self.app(scope, receive, send)
        if self.under_way >= self.guard.in_flight:
            busy = Refused(503, "busy", "too many requests are under way; ask again in a moment", soon(0))
            return await refuse(scope, send, busy)
        self.under_way += 1
        try:
            await self._timed(scope, receive, send)
        finally:
            self.under_way -= 1
        return None

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
