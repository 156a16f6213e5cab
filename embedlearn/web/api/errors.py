"""Every way to say no, as one form: what the request, the engine or the framework raises, and what nobody foresaw."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from embedlearn import errors
from embedlearn.web import forms
from embedlearn.web.face import BusyError, SlowError, UnknownError
from embedlearn.web.guard.recording import REQUEST_ID, place_of
from embedlearn.web.guard.refusing import note

LOG = logging.getLogger(__name__)
LONGEST = 40  # characters of what was sent that a refusal shows
LONGEST_LINE = 280
SOON = {"Retry-After": "1"}

STATUSES: dict[type[errors.EmbedlearnError], tuple[int, str]] = {
    errors.ImageError: (422, "image"),
    errors.ArgumentError: (422, "argument"),
    errors.EpisodeError: (422, "episode"),
    errors.MismatchError: (422, "mismatch"),
    errors.InexactError: (422, "inexact"),
    BusyError: (503, "busy"),
    SlowError: (504, "slow"),
    UnknownError: (404, "unknown"),
}


class RefusedError(Exception):
    """A request that is answered with this `status`, one plain line and a word for programs."""

    def __init__(self, status: int, code: str, line: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(line)
        self.status, self.code, self.line, self.headers = status, code, line, headers


def shown(text: str) -> str:
    """A few characters of what was sent, fit to be shown in one line."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text[: LONGEST + 1])
    return f"{plain[:LONGEST]}..." if len(plain) > LONGEST else plain


def told(error: Mapping[str, object], known: tuple[str, ...] = ()) -> str:
    """What is wrong in one line, from one of pydantic's errors; `known` are the names that would have been taken."""
    location = error["loc"]
    assert isinstance(location, tuple)
    name = ".".join(shown(str(part)) for part in location if part not in ("query", "path", "body"))
    if error["type"] == "extra_forbidden":
        return f"{name}: there is no such name here; wanted {', '.join(known) or 'none'}"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{name}: {message[0].lower()}{message[1:]}" if name else message


def add_handlers(app: FastAPI) -> None:
    """Let every refusal of `app` have the one form."""
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(errors.EmbedlearnError, _mistaken)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unforeseen)  # it is raised again after the answer, for the record


def _answer(request: Request, status: int, code: str, line: str, headers: Mapping[str, str] | None = None) -> Response:
    """The refusal as an answer; log and metrics are told its word."""
    note(request.scope, code)
    body = forms.Refusal(error=line, code=code).model_dump_json()
    return Response(body, status, headers, "application/json")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return _answer(request, error.status, error.code, error.line, error.headers)


async def _mistaken(request: Request, error: Exception) -> Response:
    """Only what is said to whoever asked is told: the other messages name files of the server."""
    for kind in type(error).__mro__:
        if kind in STATUSES:
            status, code = STATUSES[kind]
            line = " ".join(str(error).split())
            line = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
            return _answer(request, status, code, line, SOON if status == 503 else None)
    if isinstance(error, errors.StorageError):
        LOG.error("request %s: %s", _number(request), place_of(error))
        return _answer(request, 503, "storage", "the gallery cannot be read now; ask again later", SOON)
    raise error


async def _unforeseen(request: Request, error: Exception) -> Response:
    """What it said stays here: that may hold a part of a film's header."""
    number = _number(request)
    if REQUEST_ID not in request.scope:  # nobody else writes it down
        LOG.error("request %s: %s at %s", number, type(error).__qualname__, place_of(error))
    return _answer(request, 500, "internal", f"something went wrong here; the log has it under {number}")


def _number(request: Request) -> str:
    """The id that the record of requests gave this one, or a new one."""
    return str(request.scope.get(REQUEST_ID) or secrets.token_hex(8))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, 422, "argument", told(error.errors()[0], _names_taken(request)))


def _names_taken(request: Request) -> tuple[str, ...]:
    """The parameters that the route of this request takes."""
    models = [field.field_info.annotation for field in request.scope["route"].dependant.query_params]
    return tuple(name for model in models if issubclass(model, BaseModel) for name in model.model_fields)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allowed = (error.headers or {}).get("Allow", "")
    line, code = {
        404: ("there is nothing at this address; GET /openapi.json names what there is", "not_found"),
        405: (f"this address takes {allowed}, not {shown(request.method)}", "method"),
    }.get(error.status_code, (str(error.detail), "malformed"))
    return _answer(request, error.status_code, code, line, error.headers)


async def _gone(_: Request, __: Exception) -> Response:
    """Nobody is there to read this; who broke the request off has said why, if it was one of ours."""
    return Response(status_code=400)
