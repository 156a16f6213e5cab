"""A small server of phantom films behind the page, in the forms of the API, that can be made to fail."""

import json
import socket
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn
from phantom_answers import DIMENSION, Canned, NoFilmError, phantom
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from embedlearn.web import forms

PAGE = Path(__file__).parents[2] / "embedlearn" / "web" / "page"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
NO_FILM = "the film: wanted a PNG, JPEG or DICOM, got something else; send a radiograph"


class Served:
    """The server on loopback, what it was asked, and how it is to fail next."""

    def __init__(self, canned: Canned, port: int = 0) -> None:
        self.canned = canned
        self.asked: list[tuple[str, str]] = []
        self.names: set[str] = set()  # of films, as they were sent
        self.failures: deque[tuple[str, Response]] = deque()
        self.token: str | None = None
        self.open = threading.Event()  # films wait where it is cleared
        self.open.set()
        self._bind(port)

    def _bind(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"

    def start(self) -> "Served":
        config = uvicorn.Config(self._app(), log_level="error", lifespan="off", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(10)
        self.socket.close()

    def again(self) -> None:
        """Come back on the same port."""
        self._bind(self.port)
        self.start()

    def fail(self, path: str, status: int, line: str = "", **headers: str) -> None:
        """The next request whose path ends with `path` is refused."""
        refusal = {"error": line or f"refused with {status}", "code": "made-up"}
        self.failures.append(
            (path, JSONResponse(refusal, status, {k.replace("_", "-"): v for k, v in headers.items()}))
        )

    def _app(self) -> Any:
        routes = [
            Route("/", lambda request: FileResponse(PAGE / "index.html")),
            Route("/static/{name}", lambda request: FileResponse(PAGE / request.path_params["name"])),
            Route("/healthz", lambda request: JSONResponse({"status": "ok"})),
            Route("/v1/{rest:path}", self._api, methods=["GET", "POST"]),
        ]
        inner = Starlette(routes=routes)

        async def guarded(scope: Any, receive: Any, send: Any) -> None:
            async def with_policy(message: Any) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] += [
                        (b"content-security-policy", POLICY.encode()),
                        (b"cache-control", b"no-store"),
                    ]
                await send(message)

            await inner(scope, receive, with_policy)

        return guarded

    async def _api(self, request: Request) -> Response:
        path = request.path_params["rest"]
        self.asked.append((request.method, path + ("?" + request.url.query if request.url.query else "")))
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            refusal = {"error": "the token is missing or wrong", "code": "unauthorized"}
            return JSONResponse(refusal, 401, {"WWW-Authenticate": "Bearer"})
        for failure in self.failures:
            if path.endswith(failure[0]):
                self.failures.remove(failure)
                return failure[1]
        try:
            return await (self._posted(path, request) if request.method == "POST" else self._got(path))
        except NoFilmError:
            return JSONResponse({"error": NO_FILM, "code": "film"}, 422)

    async def _got(self, path: str) -> Response:
        canned = self.canned
        match path.split("/"):
            case ["about"]:
                return self._formed(forms.About, canned.about())
            case ["map"]:
                return self._formed(forms.LatentPoints, canned.points())
            case ["examples"]:
                named = [{"name": name, "label": label} for name, label in canned.examples]
                return self._formed(forms.Examples, {"examples": named})
            case ["examples", name]:
                number = [each for each, _ in canned.examples].index(name)
                return Response(phantom(canned.examples[number][1], number, 320), media_type="image/png")
            case ["cases", id]:
                return self._formed(forms.Case, canned.case(canned.number(id)))
            case ["cases", id, "film"]:
                return Response(canned.films[canned.number(id)], media_type="image/png")
        return JSONResponse({"error": f"{path}: there is no such page", "code": "unknown"}, 404)

    async def _posted(self, path: str, request: Request) -> Response:
        import anyio.to_thread

        await anyio.to_thread.run_sync(self.open.wait)
        films, vectors, support = [], [], None
        if request.headers["content-type"].startswith("application/json"):
            told = await request.json()
            vectors, support = [np.array(each) for each in told["embeddings"]], told.get("support")
        else:
            async with request.form() as form:
                parts = form.getlist("film")
                self.names |= {part.filename for part in parts}  # type: ignore[union-attr]
                films = [await part.read() for part in parts]  # type: ignore[union-attr]
                support = json.loads(await _text(form["support"])) if "support" in form else None
        vectors = vectors or [self.canned.embedding(film) for film in films]
        if path == "embed":
            made = {"encoder": "5e" * 32, "dimension": DIMENSION, "films": [{"embedding": v.tolist()} for v in vectors]}
            return self._formed(forms.Embedded, made)
        if path == "classify":
            return self._formed(forms.Classified, self.canned.classified(vectors, support))
        if path == "explain":
            case = request.query_params.get("case")
            told = [self.canned.explained(film, case, support) for film in films]
            return self._formed(forms.Explained, self.canned.several(told))
        return self._formed(forms.Read, self.canned.read(films[0], int(request.query_params.get("k", 10))))

    def _formed(self, form: Any, told: dict[str, Any]) -> Response:
        return Response(form(**told).model_dump_json(by_alias=True), media_type="application/json")


async def _text(part: Any) -> str:
    return part if isinstance(part, str) else (await part.read()).decode()


if __name__ == "__main__":
    import sys

    served = Served(Canned(), int(sys.argv[1]) if sys.argv[1:] else 0).start()
    sys.stdout.write(served.url + "\n")
    sys.stdout.flush()
    served.thread.join()
