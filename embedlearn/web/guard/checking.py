"""Looking at the head of a request before anything else is done."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from embedlearn.web.guard.refusing import Check, refuse


class Checking:
    """Passes on a request that no check refuses; the first that does answers."""

    def __init__(self, app: ASGIApp, checks: Sequence[Check]) -> None:
        self.app, self.checks = app, checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http":
            for check in self.checks:
                if refused := check(scope):
                    return await refuse(scope, send, refused)
        return await self.app(scope, receive, send)
