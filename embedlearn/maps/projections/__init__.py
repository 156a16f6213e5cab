"""The projections by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice
from embedlearn.maps.projections.base import Projection

_CLASSES = {
    "umap": ("embedlearn.maps.projections.umap", "UMAPProjection"),
    "tsne": ("embedlearn.maps.projections.tsne", "TSNEProjection"),
    "pca": ("embedlearn.maps.projections.pca", "PCAProjection"),
    "som": ("embedlearn.maps.som.som", "SelfOrganisingMap"),
}
KINDS = tuple(_CLASSES)


def projection_class(kind: str) -> type[Projection]:
    """The class of a kind of projection. Raises `ArgumentError` where there is no such kind."""
    require_choice("kind", kind, KINDS)
    module, name = _CLASSES[kind]
    found: type[Projection] = getattr(import_module(module), name)
    return found


def create_projection(kind: str, **settings: Any) -> Projection:
    """A projection, unfitted. Raises `ArgumentError` where there is no such kind, or it has no such setting."""
    made = projection_class(kind)
    known = made().settings()
    for name in settings:
        if name not in known:
            raise ArgumentError(f"{name}: no setting of {kind}; wanted one of {', '.join(known)}")
    return made(**settings)
