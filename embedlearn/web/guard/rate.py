"""How often one client may ask."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import Scope

from embedlearn.web.guard.clients import network_of
from embedlearn.web.guard.refusing import Refused, soon
from embedlearn.web.guard.token import is_open

MOST_CLIENTS = 4096


class RateCheck:
    """A bucket of `burst` tokens for each client address, filled with `rate` a second; a request takes one.

    The address is the connection's, whatever a header says. Of more than `MOST_CLIENTS` addresses those that asked
    longest ago are forgotten. What is open to everybody, the page's own files among it, is not counted.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst, self.clock = rate, burst, clock
        self.buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __call__(self, scope: Scope) -> Refused | None:
        """Say no, or nothing."""
        if is_open(scope["path"]):
            return None
        address, now = network_of(scope.get("client")), self.clock()
        tokens, before = self.buckets.pop(address, (float(self.burst), now))
        tokens = min(self.burst, tokens + (now - before) * self.rate)
        self.buckets[address] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self.buckets) > MOST_CLIENTS:
            self.buckets.popitem(last=False)
        if tokens >= 1:
            return None
        wait = (1 - tokens) / self.rate
        return Refused(429, "rate", f"too many requests; wanted {self.rate:g} a second at most, ask later", soon(wait))
