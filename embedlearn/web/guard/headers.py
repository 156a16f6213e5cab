"""What every answer tells a browser about how little it may do with it."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
UNUSED = (
    "accelerometer", "autoplay", "camera", "clipboard-read", "display-capture", "encrypted-media",
    "fullscreen", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "local-fonts", "magnetometer",
    "microphone", "midi", "payment", "picture-in-picture", "publickey-credentials-get", "screen-wake-lock", "serial",
    "storage-access", "usb", "xr-spatial-tracking",
)  # fmt: skip
ALWAYS: tuple[Header, ...] = (
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", ", ".join(f"{name}=()" for name in UNUSED).encode()),
)
NOT_KEPT: Header = (b"cache-control", b"no-store")
OURS = frozenset(name for name, _ in ALWAYS) | {b"server"}


def secured(headers: list[Header], kept: bool) -> list[Header]:
    """Headers of an answer with those of `ALWAYS` in place of its own, and none that lets another site read it.

    `kept`: whether a browser may keep the answer, as its own headers say.
    """
    dropped = OURS if kept else OURS | {b"cache-control"}
    own = [(name, value) for name, value in headers if not _matches(name.lower(), dropped)]
    return [*own, *ALWAYS] if kept else [*own, *ALWAYS, NOT_KEPT]


class SecureHeaders:
    """Puts them on every answer; answers of the API and refusals are not kept by any cache."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers on the way back."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        api = scope["path"].startswith("/v1/")

        async def secure(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = not api and message["status"] < 400
                message = {**message, "headers": secured(list(message.get("headers", ())), kept)}
            await send(message)

        return await self.app(scope, receive, secure)


def _matches(name: bytes, dropped: frozenset[bytes]) -> bool:
    return name in dropped or name.startswith(b"access-control-")
