"""What the guard lets through, as numbers and names."""

from __future__ import annotations

import math
from dataclasses import dataclass

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Guard:
    """What is asked of a request before anything is done for it.

    `token`: what a client has to know, None: nothing. `hosts`: the names that a Host header may have, with any port;
    `*` stands for every name. `body`, `body_seconds`: bytes that a body may have, and how long it may take whole;
    `body_pause`: seconds in which nothing of it may come; `bodies`: bytes that those of all requests under way may have
    together, never less than `body`. `header_bytes`, `header_seconds`: what the head of a request may have and take.
    `rate`: requests a second and client address, 0 for as many as come; `burst` of them may come at once. `in_flight`:
    how many whole requests are worked on when another is turned away; `sending`: of how many the body still comes then.
    `answer_seconds`: how long an answer may take from a whole request to its last byte. `connections`: open at once,
    `connections_each` of them from one address, this machine's own aside; `idle_seconds`: how long one stays open
    without a request.
    Raises `ArgumentError`.
    """

    token: str | None = None
    hosts: tuple[str, ...] = LOOPBACK
    body: int = 64 * 2**20
    body_seconds: float = 60.0
    body_pause: float = 10.0
    bodies: int = 512 * 2**20
    header_bytes: int = 16 * 2**10
    header_seconds: float = 10.0
    rate: float = 0.0
    burst: int = 60
    in_flight: int = 128
    sending: int = 256
    answer_seconds: float = 60.0
    connections: int = 512
    connections_each: int = 64
    idle_seconds: float = 15.0

    def __post_init__(self) -> None:
        if self.token is not None and (len(self.token) < SHORTEST_TOKEN or not _is_plain(self.token)):
            raise ArgumentError(
                f"EMBEDLEARN_TOKEN: wanted {SHORTEST_TOKEN} or more printable ASCII characters without spaces, got "
                "another kind of word; leave it out for one that is made"
            )
        for name, low, high in (
            ("body", 1, 2**40), ("body_seconds", 0.001, math.inf), ("body_pause", 0.001, math.inf),
            ("bodies", 1, 2**50), ("header_bytes", 256, 2**20), ("header_seconds", 0.001, math.inf), ("rate", 0, 1e9),
            ("burst", 1, 1e9), ("in_flight", 1, 1e6), ("sending", 1, 1e6), ("answer_seconds", 0.001, math.inf),
            ("connections", 1, 1e6), ("connections_each", 1, 1e6), ("idle_seconds", 0.001, math.inf),
        ):  # fmt: skip
            require_number(name, getattr(self, name), low, high)


def _is_plain(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token
