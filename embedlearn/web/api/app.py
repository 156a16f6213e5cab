"""The app: addresses, bodies and refusals over an engine. Tokens, hosts and rates are for what is put around it."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import Depends, FastAPI

from embedlearn.web import forms
from embedlearn.web.api.errors import add_handlers
from embedlearn.web.api.parameters import given_once
from embedlearn.web.api.questions import question_routes
from embedlearn.web.api.routes import Metrics, gallery_routes, service_routes
from embedlearn.web.api.schema import ABOUT, TAGS, add_forms
from embedlearn.web.api.static import page_routes
from embedlearn.web.face import Engine


def make_app(engine: Engine, *, limits: forms.Limits, metrics: Metrics | None = None) -> FastAPI:
    """The ASGI app that asks `engine`, takes at most `limits`, and tells `metrics` where there are any."""
    app = FastAPI(
        title="embedlearn",
        version=version("embedlearn"),
        summary="Few-shot answers, similar cases and explanations for radiographs.",
        description=ABOUT,
        openapi_tags=TAGS,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        dependencies=[Depends(given_once)],
    )
    app.include_router(question_routes(engine, limits))
    app.include_router(gallery_routes(engine))
    app.include_router(service_routes(engine, metrics))
    app.include_router(page_routes())
    add_handlers(app)
    add_forms(app)
    return app
