"""What the OpenAPI description says beside what the routes' types say: bodies, refusals and headers."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from embedlearn.web import forms
from embedlearn.web.api.bodies import Body

ABOUT = """\
Ask a gallery of radiographs: what a film looks like, which cases are similar, and why.

Films are PNG, JPEG or DICOM; their bytes are believed, not their names or content types. Nothing that is sent is kept.
Where the server asks for a token, send `Authorization: Bearer TOKEN`.
Research use only: nothing here is fit for diagnosis.
"""
TAGS = [
    {"name": "films", "description": "Ask about films of one's own."},
    {"name": "gallery", "description": "What is served, and its cases."},
    {"name": "service", "description": "For whoever runs the server."},
]
SUPPORT = "#/components/schemas/Support"
VECTORS = "#/components/schemas/Vectors"
EVERYWHERE = (400, 401, 403, 422, 429, 431, 500)
WITH_BODY = (408, 413, 415, 503, 504)
REASONS = {
    400: "The request is malformed.",
    401: "A token is needed, and there was none or a wrong one.",
    403: "The request comes from elsewhere than this server's own page.",
    404: "There is no such case, picture or example.",
    408: "The body came too slowly.",
    413: "The body is too large, or has too many films.",
    415: "This address does not take such a body.",
    422: "A film or a parameter cannot be used.",
    429: "Too many requests; ask again later.",
    431: "The headers are too large.",
    500: "Something that nobody foresaw; the log has more under the number in the answer.",
    503: "The server is busy or not ready; ask again later.",
    504: "A film took too long to decode.",
}
CODES = {400: "malformed", 401: "token", 404: "unknown", 413: "too_large", 422: "argument", 503: "busy", 504: "slow"}


def refusals(*more: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of an address, with `more` statuses than every address has."""
    return {status: _refusal(status) for status in sorted({*EVERYWHERE, *more})}


def _refusal(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {"model": forms.Refusal, "description": REASONS[status]}
    if status in CODES:
        example = {"error": REASONS[status].rstrip(".").lower(), "code": CODES[status]}
        described["content"] = {"application/json": {"example": example}}
    if status in (429, 503):
        described["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    if status == 401:
        described["headers"] = {"WWW-Authenticate": {"description": "`Bearer`.", "schema": {"type": "string"}}}
    return described


def png(description: str) -> dict[int | str, dict[str, Any]]:
    """An answer that is a picture."""
    return {200: {"description": description, "content": {"image/png": {"schema": _binary()}}}}


def described(body: Body) -> dict[str, Any]:
    """The request body of a route that takes `body`."""
    film = {"type": "string", "format": "binary", "minLength": 1}
    parts: dict[str, Any] = {
        "film": {
            "type": "array",
            "items": film,
            "minItems": 1,
            "maxItems": body.films,
            "description": "A film: PNG, JPEG or DICOM. May be given more than once.",
        }
    }
    form: dict[str, Any] = {
        "schema": {"type": "object", "required": ["film"], "properties": parts, "additionalProperties": False}
    }
    if body.support:
        parts["support"] = {"$ref": SUPPORT}
        form["encoding"] = {"support": {"contentType": "application/json"}}
    content: dict[str, Any] = {"multipart/form-data": form}
    for kind in ("application/octet-stream", "image/png", "image/jpeg", "application/dicom"):
        content[kind] = {"schema": film}
    if body.vectors:
        content["application/json"] = {
            "schema": {"$ref": VECTORS},
            "example": {
                "embeddings": [[0.6, 0.8]],
                "support": {"classes": {"mine": [[1.0, 0.0]], "other": [[0.0, 1.0]]}},
            },
        }
    most = "Films" if body.films > 1 else "A film"
    words = f"{most} as a form, or one film as it is" + (", or embeddings as JSON." if body.vectors else ".")
    return {"requestBody": {"required": True, "description": words, "content": content}}


def add_forms(app: FastAPI) -> None:
    """Let the description of `app` have the forms that only its request bodies name."""
    plain = app.openapi

    def whole() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = plain()
            _, made = models_json_schema(
                [(forms.Support, "validation"), (forms.Vectors, "validation")],
                ref_template="#/components/schemas/{model}",
            )
            found["components"]["schemas"] |= made["$defs"]
            found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{}, {"token": []}]  # whether it is needed is for what is put around the app
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = whole  # type: ignore[method-assign]


def _binary() -> dict[str, Any]:
    return {"type": "string", "format": "binary"}
