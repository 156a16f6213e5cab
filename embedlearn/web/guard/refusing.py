"""Saying no: one form, the same for every reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Scope, Send

from embedlearn.web import forms

CODE = "embedlearn.code"


@dataclass(frozen=True)
class Refused:
    """Why a request gets no answer: its HTTP status, a word for programs, one line for people, further headers."""

    status: int
    code: str
    error: str
    headers: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def body(self) -> bytes:
        return forms.Refusal(error=self.error, code=self.code).model_dump_json().encode()

    @property
    def head(self) -> list[tuple[bytes, bytes]]:
        """The headers of the answer, as ASGI wants them."""
        length = str(len(self.body)).encode()
        return [(b"content-type", b"application/json"), (b"content-length", length), *self.headers]


Check = Callable[[Scope], Refused | None]


def note(scope: Scope, code: str) -> None:
    """Tell log and metrics the word for why this request was refused; one of a few, never made from what was sent."""
    scope[CODE] = code


async def refuse(scope: Scope, send: Send, refused: Refused) -> None:
    """Answer a request whose answer has not begun."""
    note(scope, refused.code)
    await send({"type": "http.response.start", "status": refused.status, "headers": refused.head})
    body = b"" if scope["method"] == "HEAD" else refused.body
    await send({"type": "http.response.body", "body": body})


def soon(seconds: float) -> tuple[tuple[bytes, bytes], ...]:
    """The header that says in how many seconds to ask again, at least one."""
    return ((b"retry-after", str(max(1, round(seconds + 0.5))).encode()),)
