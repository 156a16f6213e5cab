"""A latent space drawn as a map: fitted or taken from a disk, measured, and with new films on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.console import progress
from embedlearn.embeddings import Embeddings
from embedlearn.errors import ArgumentError
from embedlearn.maps.figures import View
from embedlearn.maps.gate import Gate
from embedlearn.maps.latent import LatentMap, Placed
from embedlearn.maps.projections import create_projection
from embedlearn.maps.projections.base import FEWEST
from embedlearn.maps.quality import Quality, map_quality, reliability
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.view import SomView, view_som
from embedlearn.maps.stars import Stars
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.maps.flags import UNTRAINED, Visualize

Floats = NDArray[np.float32]
TITLES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA", "som": "Self-organising map"}


@dataclass(frozen=True, eq=False)
class Drawn:
    """One map of the space called `name`, with its `quality`, and the `reliability` of each film's place [N].

    `stars` are new films; `som` is the self-organising map as it is drawn, None for another kind.
    """

    kind: str
    name: str
    latent: LatentMap
    quality: Quality
    reliability: Floats
    stars: Stars | None = None
    som: SomView | None = None

    @property
    def sentences(self) -> list[str]:
        """What the map is worth, in words."""
        return [*(self.som.quality.sentences() if self.som else []), *self.quality.sentences()]

    def view(self, sentences: Sequence[str] = (), *, pale: bool = False) -> View:
        """As a scatter figure, with more sentences below its own."""
        frame = self.latent.frame
        return View(
            title_of(self.kind, len(frame), self.name), self.latent.positions, frame["label"].tolist(),
            frame["source"].tolist(), [*self.quality.sentences(), *sentences], self.reliability if pale else None,
            self.stars,
        )  # fmt: skip

    def som_view(self, sentences: Sequence[str] = ()) -> SomView:
        """The self-organising map as it is drawn, with more sentences below its own."""
        assert self.som is not None
        return replace(self.som, new=self.stars, sentences=[*self.quality.sentences(), *sentences])


class Pictured(NamedTuple):
    """What is at hand beside embeddings: decoded films, and explanations float32 [N, h, w] of what `explained` says.

    `most` is how many of the films may be shown.
    """

    films: Films | None = None
    explanations: Floats | None = None
    explained: str = ""
    most: int = 0


def draw_map_of(
    kind: str, name: str, embeddings: Embeddings, gate: Gate, settings: Visualize, beside: Pictured
) -> Drawn:
    """Fit a map and measure it. Raises `ArgumentError` where a setting or the films are of no use."""
    frame, vectors = embeddings.frame, embeddings.vectors
    projection = create_projection(kind, **_asked(kind, settings))
    with progress(f"{TITLES[kind]}, {name}") as report:
        projection.fit(vectors, report)
    positions = projection.embedding_
    labels, sources, cases = (frame[column].to_numpy() for column in ("label", "source", "case"))
    quality = map_quality(vectors, positions, labels, sources, cases, seed=settings.seed)
    latent = LatentMap(projection, gate, vectors, frame, embeddings.encoder, embeddings.preprocessing, quality.plain())
    som = _som_of(latent, name, beside)
    if som:
        latent.quality["som"] = som.quality.plain()
    return Drawn(kind, name, latent, quality, reliability(vectors, positions), som=som)


def gate_of(embeddings: Embeddings) -> Gate:
    """The gate before every map of these films. Raises `ArgumentError` where they are too few."""
    if len(embeddings) < FEWEST:
        raise ArgumentError(f"wanted {FEWEST} films or more to draw a map of, got {len(embeddings)}; name more")
    return Gate().fit(embeddings.vectors, embeddings.frame["case"].to_numpy())


def drawn_again(latent: LatentMap) -> Drawn:
    """A map from a disk, as it was measured when it was made."""
    name = "with new ones"
    numbers = {name: math.nan if value is None else value for name, value in latent.quality.items() if name != "som"}
    quality = Quality(**numbers)  # type: ignore[arg-type]  # k and scored are whole numbers in the file too
    kept = reliability(latent.vectors, latent.positions)
    return Drawn(latent.projection.kind, name, latent, quality, kept, som=_som_of(latent, name, Pictured()))


def with_stars(drawn: Drawn, names: Sequence[str], placed: Placed) -> Drawn:
    """The map with new films on it."""
    return replace(drawn, stars=Stars(names, placed.positions, placed.strange))


def title_of(kind: str, films: int, name: str) -> str:
    """What a map is, and of how many films."""
    return f"{TITLES[kind]} of {films:,} films, {name}"


def seen_count(frame: pd.DataFrame) -> int:
    """How many films were in training."""
    return int(frame["split"].isin(SEEN).sum())


def seen_sentence(name: str, frame: pd.DataFrame) -> list[str]:
    """How many of the films the encoder of this name has learnt from, where it has."""
    seen = 0 if name == UNTRAINED else seen_count(frame)
    return [f"Training has seen {seen:,} of these films, which lie better apart than new ones."] if seen else []


def _som_of(latent: LatentMap, name: str, beside: Pictured) -> SomView | None:
    """A self-organising map as it is drawn, None for another kind."""
    if not isinstance(latent.projection, SelfOrganisingMap):
        return None
    frame = latent.frame
    return view_som(
        title_of(latent.projection.kind, len(frame), name), latent.projection, latent.vectors, frame["label"].tolist(),
        frame["source"].tolist(), frame["case"].to_numpy(), *beside,
    )  # fmt: skip


def _asked(kind: str, settings: Visualize) -> dict[str, Any]:
    """The settings of the projection that the flags name."""
    asked: dict[str, Any] = {"seed": settings.seed}
    if kind == "umap" and settings.neighbours is not None:
        asked["n_neighbors"] = settings.neighbours
    if kind == "tsne" and settings.perplexity is not None:
        asked["perplexity"] = settings.perplexity
    return asked
