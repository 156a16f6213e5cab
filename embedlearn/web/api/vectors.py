"""Embeddings as JSON: what cannot be meant is refused before a parser, which keeps every fault it meets, sees it."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from embedlearn.web.api.errors import RefusedError, told

Model = TypeVar("Model", bound=BaseModel)
MOST_NUMBERS = 1_000_000
MOST_SIGNS = 32_768  # that are no part of a number: brackets, names and their quotes
OF_NUMBERS = b"0123456789+-.eE, \t\r\n"


def read_json(form: type[Model], sent: bytes) -> Model:
    """`sent` as this form. Raises `RefusedError`, which tells what is wrong but not the numbers that were sent."""
    if sent.count(b",") > MOST_NUMBERS:
        raise RefusedError(413, "too_large", f"wanted JSON of at most {MOST_NUMBERS} numbers; send the rest after")
    if len(sent.translate(None, OF_NUMBERS)) > MOST_SIGNS:
        raise RefusedError(422, "argument", "wanted JSON of numbers; this has too many names, texts or brackets")
    try:
        return form.model_validate_json(sent, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        raise RefusedError(400, "malformed", f"the JSON cannot be read: {first['msg']}")
    raise RefusedError(422, "argument", told(first, tuple(form.model_fields)))
