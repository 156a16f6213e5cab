"""What a request's body asks about: a form of films, one film as it is, or embeddings as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from embedlearn.web import forms
from embedlearn.web.api.errors import RefusedError
from embedlearn.web.api.multipart import FilmForm
from embedlearn.web.api.vectors import read_json
from embedlearn.web.face import Asked

CLOSING = {"Connection": "close"}  # so that nobody goes on sending what is not read


@dataclass(frozen=True)
class Body:
    """Which bodies a route takes: at most `films` films in `size` bytes, and whether `support` and `vectors`."""

    films: int
    size: int
    support: bool = True
    vectors: bool = False

    async def read(self, request: Request) -> Asked:
        """What is asked about. Raises `RefusedError` for a body that is empty, broken, too large or of another kind."""
        kind, options = parse_options_header(request.headers.get("content-type"))
        if kind == b"multipart/form-data":
            return await self._form(request, options.get(b"boundary", b""))
        if kind.startswith(b"multipart/"):
            raise RefusedError(415, "content_type", "wanted multipart/form-data, got another kind of multipart")
        if kind == b"application/json":
            return await self._vectors(request)
        return Asked(films=(await self._whole(request),))

    async def _form(self, request: Request, boundary: bytes) -> Asked:
        if not boundary:
            raise RefusedError(400, "malformed", "the form cannot be read: its content type names no boundary")
        form = FilmForm(boundary, self.films)
        async for piece in self._pieces(request):
            form.write(piece)
        films, support = form.close()
        if support is None:
            return Asked(films=films)
        if not self.support:
            raise RefusedError(400, "malformed", "this address takes no support; leave that part out")
        return Asked(films=films, support=read_json(forms.Support, support))

    async def _vectors(self, request: Request) -> Asked:
        if not self.vectors:
            raise RefusedError(415, "content_type", "this address takes films, not JSON; send them as they are")
        sent = read_json(forms.Vectors, await self._whole(request))
        return Asked(embeddings=sent.embeddings, support=sent.support)

    async def _whole(self, request: Request) -> bytes:
        whole = bytearray()  # and no list: pieces may be of one byte
        async for piece in self._pieces(request):
            whole += piece
        if not whole:
            raise RefusedError(400, "malformed", "the body is empty; wanted a film")
        return bytes(whole)

    async def _pieces(self, request: Request) -> AsyncIterator[bytes]:
        announced = request.headers.get("content-length", "")[:18]  # of any number of digits
        size = int(announced) if announced.isascii() and announced.isdigit() else 0
        if size <= self.size:
            size = 0
            async for piece in request.stream():
                if (size := size + len(piece)) > self.size:
                    break
                yield piece
        if size > self.size:
            raise RefusedError(413, "too_large", f"wanted a body of at most {self.size} bytes, got more", CLOSING)
