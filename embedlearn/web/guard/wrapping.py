"""The whole guard around an app."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from embedlearn.web.guard.addressing import HeadCheck, HostCheck, OriginCheck
from embedlearn.web.guard.body import BodyLimits
from embedlearn.web.guard.checking import Checking
from embedlearn.web.guard.headers import SecureHeaders
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.pacing import Pacing
from embedlearn.web.guard.rate import RateCheck
from embedlearn.web.guard.recording import Recording
from embedlearn.web.guard.refusing import Check
from embedlearn.web.guard.settings import Guard
from embedlearn.web.guard.token import TokenCheck


def guarded(app: ASGIApp, guard: Guard, metrics: Metrics, log: AccessLog) -> ASGIApp:
    """`app` behind everything that `guard` asks; what is written down goes to `metrics` and `log`.

    From the outside in: headers of every answer, the record of it, the limits of the body, what the head of a request
    has to be, and how many requests may be under way.
    """
    checks: list[Check] = [HeadCheck(guard.header_bytes), HostCheck(guard.hosts), OriginCheck()]
    if guard.token is not None:
        checks.append(TokenCheck(guard.token, RateCheck(guard.rate, guard.burst) if guard.rate else None))
    if guard.rate:
        checks.append(RateCheck(guard.rate, guard.burst))
    inner: ASGIApp = Checking(Pacing(app, guard), checks)
    return OnlyHttp(SecureHeaders(Recording(BodyLimits(inner, guard), metrics, log)))


class OnlyHttp:
    """Lets start, stop and HTTP through; a WebSocket is closed at once."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or close."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.app(scope, receive, send)
