"""The addresses that are read: what is served, the gallery's cases, and how the server is."""

from __future__ import annotations

from typing import Literal, Protocol

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from embedlearn.web import forms
from embedlearn.web.api.errors import SOON, RefusedError
from embedlearn.web.api.parameters import CaseId, ExampleName, NoParameters
from embedlearn.web.api.schema import png, refusals
from embedlearn.web.face import Engine

PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


class Metrics(Protocol):
    """Counts that Prometheus reads."""

    def exposition(self) -> tuple[bytes, str]:
        """The counts as text, and its content type."""
        ...


class Health(forms.Form):
    """How the server is."""

    status: Literal["ok", "ready"]


def answered(form: BaseModel) -> Response:
    """A form as an answer, written once: it was checked when it was made."""
    return Response(form.model_dump_json(by_alias=True), media_type="application/json")


def gallery_routes(engine: Engine) -> APIRouter:
    """What is served, its map and its cases."""
    router = APIRouter(tags=["gallery"])

    @router.get(
        "/v1/about",
        summary="What is served",
        response_description="What is served.",
        response_model=forms.About,
        responses=refusals(503),
    )
    async def get_about(_: NoParameters) -> Response:
        """The encoder, the gallery, the classes it answers by, and how much may be sent at once."""
        return answered(engine.about())

    @router.get(
        "/v1/map",
        summary="The latent map",
        response_description="The map.",
        response_model=forms.LatentPoints,
        responses=refusals(404, 503),
    )
    async def get_map(_: NoParameters) -> Response:
        """Where each film of the gallery lies on the map, where there is one."""
        return answered(engine.points())

    @router.get(
        "/v1/examples",
        summary="Films to try",
        response_description="Their names.",
        response_model=forms.Examples,
        responses=refusals(503),
    )
    async def list_examples(_: NoParameters) -> Response:
        """The names of synthetic films to try the page with; none where a real gallery is served."""
        return answered(engine.examples())

    @router.get(
        "/v1/examples/{name}",
        summary="A film to try",
        response_class=Response,
        responses=refusals(404, 503) | png("The synthetic film."),
    )
    async def get_example(name: ExampleName, _: NoParameters) -> Response:
        """A synthetic film as a PNG."""
        return Response(await engine.example(name), media_type="image/png", headers=PRIVATE)

    @router.get(
        "/v1/cases/{id:path}/film",
        summary="A case's film",
        response_class=Response,
        responses=refusals(404, 503, 504) | png("The film, no larger than the page shows it."),
    )
    async def get_case_film(id: CaseId, _: NoParameters) -> Response:
        """A case's film as a PNG, where the server shows films."""
        return Response(await engine.case_film(id), media_type="image/png", headers=PRIVATE)

    @router.get(
        "/v1/cases/{id:path}",
        summary="A case",
        response_description="The case.",
        response_model=forms.Case,
        responses=refusals(404, 503),
    )
    async def get_case(id: CaseId, _: NoParameters) -> Response:
        """What is known of a case and may be shown."""
        return answered(await engine.case(id))

    return router


def service_routes(engine: Engine, metrics: Metrics | None) -> APIRouter:
    """How the server is."""
    router = APIRouter(tags=["service"])

    @router.get(
        "/healthz",
        summary="Whether the server runs",
        response_description="It does.",
        response_model=Health,
        responses=refusals(),
    )
    async def is_alive(_: NoParameters) -> Response:
        """Says `ok` as long as the server runs."""
        return answered(Health(status="ok"))

    @router.get(
        "/readyz",
        summary="Whether the server is ready",
        response_description="It is.",
        response_model=Health,
        responses=refusals(503),
    )
    async def is_ready(_: NoParameters) -> Response:
        """Says `ready` once films can be asked about."""
        if engine.is_ready():
            return answered(Health(status="ready"))
        raise RefusedError(503, "not_ready", "not ready yet, or about to stop; ask again in a second", SOON)

    if metrics is not None:

        @router.get(
            "/metrics",
            summary="Counts for Prometheus",
            response_class=Response,
            responses=refusals() | {200: {"description": "Counts as text.", "content": {"text/plain": {}}}},
        )
        async def get_metrics(_: NoParameters) -> Response:
            """Counts and durations in the text format of Prometheus."""
            text, kind = metrics.exposition()
            return Response(text, headers={"Content-Type": kind})

    return router
