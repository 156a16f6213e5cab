"""A form of films, parsed as it streams in, into memory alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from embedlearn.web.api.errors import RefusedError, shown

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

QUIET = logging.Logger("multipart", logging.CRITICAL + 1)  # whoever sends rubbish is told so; the log is not filled
MOST_HEADERS = 8  # of a part
LONGEST_HEADER = 2_048  # bytes


class FilmForm:
    """A `multipart/form-data` body of films and, it may be, a support.

    `write` takes it piece by piece; `close` says that this was all, and gives the parts. Both raise `RefusedError` for
    a form that is broken or has other parts, and for more than `most` films. A film is a file, but its name is never
    looked at.
    """

    def __init__(self, boundary: bytes, most: int) -> None:
        self._parts = _Parts(most)
        try:
            self._parser = MultipartParser(
                boundary,
                self._parts.callbacks(),
                max_header_count=MOST_HEADERS,
                max_header_size=LONGEST_HEADER,
            )
        except FormParserError:
            raise _malformed("the boundary is too long") from None
        self._parser.logger = QUIET

    def write(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        try:
            self._parser.write(piece)
        except FormParserError:
            raise _malformed("its boundaries or the headers of a part are broken") from None

    def close(self) -> tuple[list[bytes], bytes | None]:
        """The films and the support."""
        if not self._parts.ended:
            raise _malformed("it breaks off before its last boundary")
        if not self._parts.films:
            raise _malformed("it has no part named film")
        return self._parts.films, self._parts.support


class _Parts:
    """What the parser has found so far.

    It knows nothing of the parser: in a ring of the two, films would stay in memory until the collector comes by.
    """

    def __init__(self, most: int) -> None:
        self.films: list[bytes] = []
        self.support: bytes | None = None
        self.ended = False
        self._most = most
        self._header, self._value = b"", b""
        self._name: str | None = None
        self._is_file = False
        self._held = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_begin": self._begin_header,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._name, self._is_file = None, False

    def _begin_header(self) -> None:
        self._header, self._value = b"", b""

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            kind, options = parse_options_header(self._value)
            if kind == b"form-data" and b"name" in options:
                self._name, self._is_file = options[b"name"].decode("latin-1"), b"filename" in options

    def _end_headers(self) -> None:
        if self._name is None:
            raise _malformed("a part has no name")
        if self._name not in ("film", "support"):
            raise _malformed(f"it has a part named {shown(self._name)}; wanted film or support")
        if self._name == "film" and not self._is_file:
            raise _malformed("the part named film is no file; with curl, write film=@FILE")
        if self._name == "film" and len(self.films) == self._most:
            raise RefusedError(413, "too_many_films", f"wanted at most {self._most} films at once; send the rest after")
        if self._name == "support" and self.support is not None:
            raise _malformed("it has two parts named support")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._held += memoryview(data)[start:end]

    def _end_part(self) -> None:
        whole, self._held = bytes(self._held), bytearray()
        if not whole:
            raise _malformed(f"a part named {self._name} is empty")
        if self._name == "film":
            self.films.append(whole)
        else:
            self.support = whole

    def _end(self) -> None:
        self.ended = True


def _malformed(what: str) -> RefusedError:
    return RefusedError(400, "malformed", f"the form cannot be read: {what}")
