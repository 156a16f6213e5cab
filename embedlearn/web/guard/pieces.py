"""A body that comes in very many tiny pieces: reading each costs as much as reading a large one."""

from __future__ import annotations

from typing import Any

import h11

FREE = 1_000  # pieces that may have any length
LENGTH = 256  # bytes of the others, on the average


class PiecedConnection(h11.Connection):
    """A server's side of HTTP/1.1, which breaks off a request whose body is crumbled.

    `in_body`: whether a body is being read, or is broken; `crumbled`: whether that is why.
    """

    def __init__(self, header_bytes: int) -> None:
        super().__init__(h11.SERVER, header_bytes)
        self.in_body = self.crumbled = False
        self._pieces = self._length = 0

    def next_event(self) -> Any:
        """The next event. Raises `h11.RemoteProtocolError` where the client breaks the protocol or crumbles a body."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            self.in_body, self._pieces, self._length = True, 0, 0
        elif isinstance(event, h11.EndOfMessage):
            self.in_body = False
        elif isinstance(event, h11.Data):
            self._pieces += 1
            self._length += len(event.data)
            if self._pieces > FREE + self._length // LENGTH:
                self.crumbled = True
                raise h11.RemoteProtocolError("the body is crumbled")
        return event
