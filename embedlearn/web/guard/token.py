"""The word that a client has to know."""

from __future__ import annotations

import hmac
import secrets

from starlette.types import Scope

from embedlearn.web.guard.addressing import headers_named
from embedlearn.web.guard.refusing import Check, Refused

OPEN = frozenset({"/", "/healthz", "/readyz"})
OPEN_FOLDER = "/static/"
REFUSED = Refused(
    401, "token", "wanted the token that was told at start, as Authorization: Bearer TOKEN",
    ((b"www-authenticate", b"Bearer"),),
)  # fmt: skip


def new_token() -> str:
    """A token that nobody guesses: 256 bits, fit for a URL."""
    return secrets.token_urlsafe(32)


def is_open(path: str) -> bool:
    """Whether a path is answered without the token."""
    return path in OPEN or path.startswith(OPEN_FOLDER)


class TokenCheck:
    """Refuses a request without the token; how long that takes says nothing of how much of it was right.

    `often`: looks at such requests alone, so that nobody is kept out by another's wrong tokens from the same address.
    """

    def __init__(self, token: str, often: Check | None = None) -> None:
        self.token, self.often = token.encode(), often

    def __call__(self, scope: Scope) -> Refused | None:
        """Say no, or nothing."""
        if is_open(scope["path"]):
            return None
        given = list(headers_named(scope, b"authorization"))
        kind, _, word = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        right = hmac.compare_digest(word.strip().encode(), self.token)
        if right and kind.lower() == "bearer":
            return None
        return (self.often and self.often(scope)) or REFUSED
