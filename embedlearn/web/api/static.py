"""The page's own files, held in memory: a name is looked up in a table, so no path can be made of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from embedlearn.web.api.errors import RefusedError

PAGE = Path(__file__).parents[1] / "page"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@dataclass(frozen=True, eq=False)
class File:
    """A file of the page: its bytes, its content type, and a tag that changes with them."""

    content: bytes
    kind: str
    tag: str


def read_files(folder: Path) -> dict[str, File]:
    """The files of the page by their names."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in KINDS and path.is_file():
            content = path.read_bytes()
            found[path.name] = File(content, KINDS[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
    return found


def page_routes(folder: Path = PAGE) -> APIRouter:
    """The page at `/`, and what it is made of under `/static/`."""
    router = APIRouter(include_in_schema=False)
    files = read_files(folder)

    @router.api_route("/", methods=["GET", "HEAD"])
    async def get_page(request: Request) -> Response:
        return _sent(request, files.get("index.html"))

    @router.api_route("/static/{name}", methods=["GET", "HEAD"])
    async def get_file(request: Request, name: str) -> Response:
        return _sent(request, files.get(name))

    return router


def _sent(request: Request, file: File | None) -> Response:
    if file is None:
        raise RefusedError(404, "not_found", "the page has no such file")
    headers = {"ETag": file.tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    held = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if file.tag in held or held == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers | {"Content-Type": file.kind})
