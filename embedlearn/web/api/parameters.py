"""The parameters of each address: typed, bounded, and nothing beside them."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.requests import Request

from embedlearn.web.face import Sought, Why

ID = r"[A-Za-z0-9_][A-Za-z0-9._:/+-]{0,99}"


def _whole(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,9}", text):
        raise ValueError("wanted a whole number")
    return text


def _truth(text: object) -> object:
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError("wanted true or false")
    return text


Whole = Annotated[int, BeforeValidator(_whole)]
Truth = Annotated[bool, BeforeValidator(_truth)]
CaseId = Annotated[
    str,
    Path(pattern=f"^{ID}$", description="A case's id, as in the answers of a search.", examples=["3f0c9d2a71b45e68"]),
]
ExampleName = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        description="An example's name, as `GET /v1/examples` has it.",
        examples=["normal-1"],
    ),
]


class Parameters(BaseModel):
    """The parameters of an address that takes none."""

    model_config = ConfigDict(extra="forbid")


class ClassifyParameters(Parameters):
    """How a film is to be classified."""

    nearest: Whole = Field(3, ge=0, le=20, description="How many of the nearest examples are named for each answer.")


class SearchParameters(Parameters):
    """Which similar cases are wanted."""

    k: Whole = Field(10, ge=1, le=100, description="How many cases.")
    where: str = Field(
        "",
        max_length=500,
        description="What the cases must meet; empty for all.",
        examples=["view == 'PA' and label != 'normal'"],
    )
    one_per_patient: Truth = Field(False, description="Whether at most one case of a patient is wanted.")
    twins: Truth = Field(False, description="Whether near-identical pictures are wanted, each as a case of its own.")

    def sought(self) -> Sought:
        """The same, as the engine takes it."""
        return Sought(self.k, self.where or None, self.one_per_patient, self.twins)


class ExplainParameters(Parameters):
    """Which explanation is wanted."""

    why: str = Field("", max_length=100, description="The class to explain; the answer where empty.")
    why_not: str = Field("", max_length=100, description="The class it is held against; the runner-up where empty.")
    case: str = Field(
        "",
        pattern=f"^({ID})?$",
        description="The id of a case that the film is compared with; the nearest where empty.",
    )
    neighbours: Whole = Field(5, ge=1, le=50, description="How many of the nearest cases the third map is of.")

    def wanted(self) -> Why:
        """The same, as the engine takes it."""
        return Why(self.why or None, self.why_not or None, self.case or None, self.neighbours)


NoParameters = Annotated[Parameters, Query()]


async def given_once(request: Request) -> None:
    """Refuse a parameter that was given twice: one of its values would be passed over in silence."""
    met: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in met:
            raise RequestValidationError([{"type": "twice", "loc": ("query", name), "msg": "was given twice"}])
        met.add(name)
