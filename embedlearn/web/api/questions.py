"""The addresses that films are sent to."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from embedlearn.web import forms
from embedlearn.web.api.bodies import Body
from embedlearn.web.api.leaving import while_there
from embedlearn.web.api.parameters import ClassifyParameters, ExplainParameters, NoParameters, SearchParameters
from embedlearn.web.api.routes import answered
from embedlearn.web.api.schema import WITH_BODY, described, refusals
from embedlearn.web.face import Engine


def question_routes(engine: Engine, limits: forms.Limits) -> APIRouter:
    """What is asked about films: their embeddings, classes, similar cases and reasons."""
    router = APIRouter(tags=["films"])
    plain = Body(limits.films, limits.bytes, support=False)
    either = Body(limits.films, limits.bytes, vectors=True)
    films = Body(limits.films, limits.bytes)
    single = Body(1, limits.bytes)

    @router.post("/v1/embed", summary="Embed films", **_documented(forms.Embedded, plain))
    async def embed_films(request: Request, _: NoParameters) -> Response:
        """The embeddings of films, each of length 1, which `classify` and `search` take in place of films."""
        asked = await plain.read(request)
        return answered(await while_there(request, engine.embed(asked.films)))

    @router.post("/v1/classify", summary="Classify films", **_documented(forms.Classified, either))
    async def classify_films(request: Request, wanted: Annotated[ClassifyParameters, Query()]) -> Response:
        """The answers of every head with calibrated probabilities, or that a film is unlike anything known.

        With a `support` the classes are those of the examples that were sent, in place of the gallery's.
        """
        return answered(await while_there(request, engine.classify(await either.read(request), wanted.nearest)))

    @router.post("/v1/search", summary="Find similar cases", **_documented(forms.Similar, either))
    async def find_similar(request: Request, wanted: Annotated[SearchParameters, Query()]) -> Response:
        """The cases of the gallery that are most similar to each film, nearest first."""
        return answered(await while_there(request, engine.search(await either.read(request), wanted.sought())))

    @router.post("/v1/explain", summary="Explain answers", **_documented(forms.Explained, films, 404))
    async def explain_films(request: Request, wanted: Annotated[ExplainParameters, Query()]) -> Response:
        """What each place of a film adds to its answer, and to its likeness with cases; the places sum to the score."""
        return answered(await while_there(request, engine.explain(await films.read(request), wanted.wanted())))

    @router.post("/v1/read", summary="Read one film", **_documented(forms.Read, single))
    async def read_film(request: Request, wanted: Annotated[SearchParameters, Query()]) -> Response:
        """All that the page shows of one film: its picture, answers, similar cases and explanation."""
        asked = await single.read(request)
        return answered(await while_there(request, engine.read(asked.films[0], asked.support, wanted.sought())))

    return router


def _documented(form: type[BaseModel], body: Body, *more: int) -> dict[str, Any]:
    return {
        "response_model": form,
        "response_description": "The answer, films in the order in which they were sent.",
        "responses": refusals(*WITH_BODY, *more),
        "openapi_extra": described(body),
    }
