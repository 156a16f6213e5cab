"""Whom a request is for and where it comes from: other sites in a reader's browser are kept out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from starlette.types import Scope

from embedlearn.web.guard.refusing import Refused

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[0-9a-z._-]+)(:[0-9]{1,5})?")
METHODS = ("OPTIONS", "TRACE", "CONNECT")  # of no use here; a preflight of another site is among them


def headers_named(scope: Scope, name: bytes) -> Iterator[str]:
    """The values of one header, which may have come several times; `name` in small letters."""
    return (value.decode("latin-1") for key, value in scope["headers"] if key == name)


class HeadCheck:
    """Refuses a head that came in one piece and yet is too long, or tells two ends of its body; unknown methods too."""

    def __init__(self, most: int) -> None:
        self.most = most

    def __call__(self, scope: Scope) -> Refused | None:
        """Say no, or nothing."""
        length = len(scope["path"]) + len(scope["query_string"])
        length += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
        if length > self.most:
            return Refused(431, "headers", f"the request's headers are too long; wanted {self.most:,} bytes at most")
        if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
            return Refused(400, "malformed", "wanted Content-Length or Transfer-Encoding, got both")
        if scope["method"] in METHODS:
            return Refused(405, "method", "wanted GET, HEAD or POST", ((b"allow", b"GET, HEAD, POST"),))
        return None


class HostCheck:
    """Refuses a request that was meant for another name: a page of a site whose name was bound to this address."""

    def __init__(self, hosts: tuple[str, ...]) -> None:
        self.hosts = frozenset(host.lower() for host in hosts)

    def __call__(self, scope: Scope) -> Refused | None:
        """Say no, or nothing."""
        if "*" in self.hosts:
            return None
        asked = [HOST.fullmatch(host.strip().lower()) for host in headers_named(scope, b"host")]
        if len(asked) == 1 and asked[0] and asked[0][1] in self.hosts:
            return None
        return Refused(403, "host", "this server does not answer to that Host; open the address that it told at start")


class OriginCheck:
    """Refuses what a browser asks of the API on behalf of another site's page."""

    def __call__(self, scope: Scope) -> Refused | None:
        """Say no, or nothing."""
        if not scope["path"].startswith("/v1/"):
            return None
        sites = set(headers_named(scope, b"sec-fetch-site"))
        hosts = {host.strip().lower() for host in headers_named(scope, b"host")}
        origins = {_address(origin) for origin in headers_named(scope, b"origin")}
        if sites <= {"same-origin", "none"} and origins <= hosts:
            return None
        return Refused(403, "origin", "another site's page may not ask here; open this server's own page")


def _address(origin: str) -> str:
    """Name and port of an origin, as a Host header has them; empty where it is none."""
    try:
        return urlsplit(origin.strip().lower()).netloc
    except ValueError:
        return ""
