"""Serving an app on a port until the process is asked to stop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config, Server

from embedlearn.errors import ArgumentError, EmbedlearnError
from embedlearn.flags import require_number
from embedlearn.web.guard.log import AccessLog
from embedlearn.web.guard.metrics import Metrics
from embedlearn.web.guard.protocol import BoundedProtocol
from embedlearn.web.guard.recording import place_of
from embedlearn.web.guard.refusing import Refused
from embedlearn.web.guard.settings import Guard

BACKLOG = 256


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; of port 0 a free one. Raises `ArgumentError` where it cannot be had."""
    require_number("--port", port, 0, 65535)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise ArgumentError(f"--host {host}: no address of this machine; wanted one such as 127.0.0.1") from error
    listener = socket.socket(family, kind, protocol)  # with its protocol, or asyncio leaves Nagle's delay on
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)  # at once: two sockets may be bound to one port, but not both listen
    except OSError as error:
        listener.close()
        raise ArgumentError(_why_not(host, port, error)) from error
    return listener


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port {port}: another program listens there; stop it, or take another, 0 for any that is free"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"--port {port}: not allowed to listen there; take one above 1023, 0 for any that is free"
    return f"--host {host}: cannot be listened on ({error.strerror}); wanted an address of this machine, or 127.0.0.1"


def url_of(listener: socket.socket) -> str:
    """Where a listening socket is found."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_server(
    app: ASGIApp,
    *,
    host: str,
    port: int,
    guard: Guard,
    on_start: Callable[[str], None],
    graceful: float = 30.0,
    listener: socket.socket | None = None,
    metrics: Metrics | None = None,
    log: AccessLog | None = None,
) -> None:
    """Serve `app` until SIGTERM or SIGINT, then finish what is under way within `graceful` seconds and return.

    A second signal ends the process at once. `on_start` is told the address once the app has started. `listener` is a
    socket that was made by `listening` before, in place of `host` and `port`. What is no HTTP is written to `metrics`
    and `log`. Raises `ArgumentError` where the port cannot be had, and what the app raised while it started.
    """
    with contextlib.closing(listener or listening(host, port)) as listener:
        server = _server(app, guard, partial(on_start, url_of(listener)), graceful, metrics, log)
        server.serve_on(listener)


@contextlib.contextmanager
def serving(app: ASGIApp, guard: Guard, metrics: Metrics | None = None, log: AccessLog | None = None) -> Iterator[str]:
    """Serve `app` on a free port of loopback, in a thread, while the block runs; yields the address.

    Raises what the app raised while it started.
    """
    started = threading.Event()
    failed: list[BaseException] = []
    with contextlib.closing(listening("127.0.0.1", 0)) as listener:
        server = _server(app, guard, started.set, 5.0, metrics, log)

        def run() -> None:
            try:
                server.serve_on(listener)
            except BaseException as error:
                failed.append(error)
            finally:
                started.set()

        thread = threading.Thread(target=run, name="server")
        thread.start()
        started.wait()
        try:
            if failed:
                raise failed[0]
            yield url_of(listener)
        finally:
            server.should_exit = True
            thread.join()


def _server(
    app: ASGIApp,
    guard: Guard,
    on_start: Callable[[], None],
    graceful: float,
    metrics: Metrics | None,
    log: AccessLog | None,
) -> _Serving:
    records = _Records(metrics, log)
    starting = _Starting(app)
    config = Config(
        starting,
        loop="asyncio",  # uvloop and httptools would save 0.1 ms a request, of the many that a film takes
        http=partial(BoundedProtocol, guard=guard, told=records.refused),  # type: ignore[arg-type]
        ws="none",
        lifespan="auto",
        log_config=None,
        log_level="critical",  # its messages hold addresses and tracebacks
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=guard.idle_seconds,  # type: ignore[arg-type]
        timeout_graceful_shutdown=graceful,  # type: ignore[arg-type]
        h11_max_incomplete_event_size=guard.header_bytes,
    )
    return _Serving(config, starting, on_start, records)


class _Serving(Server):
    """Uvicorn's, which tells when it has started and ends well when it was asked to stop."""

    def __init__(self, config: Config, starting: _Starting, on_start: Callable[[], None], records: _Records) -> None:
        super().__init__(config)
        self._starting, self._on_start, self._records = starting, on_start, records

    def serve_on(self, listener: socket.socket) -> None:
        """Serve until asked to stop."""
        try:
            self.run(sockets=[listener])
        except SystemExit as exit_:
            raise self._starting.error or EmbedlearnError("the server could not start") from exit_

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        asyncio.get_running_loop().set_exception_handler(self._records.failed)
        await super().startup(sockets=sockets)
        if not self.should_exit:
            self._on_start()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop soon; asked twice, the signal has the effect that it always has."""
        if self.should_exit:
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)
        self.should_exit = True


class _Starting:
    """Keeps what an app raised while it started, which is otherwise only printed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except BaseException as error:
            if scope["type"] == "lifespan":
                self.error = error
            raise


class _Records:
    """Where the server itself writes down what never became a request."""

    def __init__(self, metrics: Metrics | None, log: AccessLog | None) -> None:
        self.metrics, self.log = metrics, log

    def refused(self, refused: Refused) -> None:
        """Something that is no request was refused."""
        if self.metrics:
            self.metrics.refused(refused.code)
        self._write(status=refused.status, code=refused.code)

    def failed(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Something failed outside every request."""
        error = context.get("exception")
        self._write(error=type(error).__name__, at=place_of(error) if error else "?")

    def _write(self, **values: object) -> None:
        if self.log:
            self.log.write({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **values})
