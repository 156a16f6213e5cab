"""Answers that are given up when whoever asked has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

Answer = TypeVar("Answer")


async def while_there(request: Request, answer: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer to a request whose body has been read; raises `ClientDisconnect` where nobody waits for it any more.

    The answer is then cancelled: films that wait for a decoder are not decoded.
    """
    answering, leaving = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        for task in (answering, leaving):
            task.cancel()


async def _left(request: Request) -> None:
    """Wait until the client goes; nothing else comes after a body."""
    if (await request.receive())["type"] != "http.disconnect":
        await asyncio.Event().wait()
