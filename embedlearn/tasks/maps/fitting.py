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
from embedlearn.maps.figures import Stars, View
from embedlearn.maps.gate import Gate
from embedlearn.maps.latent import LatentMap, Placed
from embedlearn.maps.projections import create_projection
from embedlearn.maps.projections.base import FEWEST
from embedlearn.maps.quality import Quality, map_quality, reliability
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.view import SomView, view_som
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.maps.flags import UNTRAINED, Visualize

Floats = NDArray[np.float32]
TITLES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA", "som": "Self-organising map"}
LOOSE = 0.35  # of a node's side: how far from its middle the films of a node are scattered


@dataclass(frozen=True, eq=False)
class Drawn:
    """One map of the space called `name`, with its `quality`, and the `reliability` of each film's place [N].

    `positions`, float32 [N, 2], are where films are drawn: of a self-organising map, scattered about their node.
    `stars` are new films; `som` is the self-organising map as it is drawn, None for another kind.
    """

    kind: str
    name: str
    latent: LatentMap
    positions: Floats
    quality: Quality
    reliability: Floats
    stars: Stars | None = None
    som: SomView | None = None

    def view(self, sentences: Sequence[str] = (), *, pale: bool = False) -> View:
        """As a scatter figure, with more sentences below its own."""
        frame = self.latent.frame
        title = title_of(self.kind, len(frame), self.name)
        return View(
            title, self.positions, frame["label"].tolist(), frame["source"].tolist(),
            [*self.quality.sentences(), *sentences], self.reliability if pale else None, self.stars,
        )  # fmt: skip


class Pictured(NamedTuple):
    """What is at hand beside embeddings: decoded films, and explanations float32 [N, h, w] of what `explained` says."""

    films: Films | None = None
    explanations: Floats | None = None
    explained: str = ""


def draw_map_of(
    kind: str, name: str, embeddings: Embeddings, gate: Gate, settings: Visualize, beside: Pictured
) -> Drawn:
    """Fit a map and measure it. Raises `ArgumentError` where a setting or the films are of no use."""
    frame, vectors = embeddings.frame, embeddings.vectors
    projection = create_projection(kind, **_asked(kind, settings))
    with progress(f"{TITLES[kind]}, {name}") as report:
        projection.fit(vectors, report)
    positions = positions_of(kind, projection.embedding_, settings.seed)
    labels, sources, cases = (frame[column].to_numpy() for column in ("label", "source", "case"))
    quality = map_quality(vectors, positions, labels, sources, cases, seed=settings.seed)
    numbers, som = quality.plain(), None
    if isinstance(projection, SelfOrganisingMap):
        title = title_of(kind, len(frame), name)
        som = view_som(title, projection, vectors, labels.tolist(), sources.tolist(), cases, *beside)
        numbers["som"] = som.quality.plain()
    latent = LatentMap(projection, gate, vectors, frame, embeddings.encoder, embeddings.preprocessing, numbers)
    return Drawn(kind, name, latent, positions, quality, reliability(vectors, positions), som=som)


def gate_of(embeddings: Embeddings) -> Gate:
    """The gate before every map of these films. Raises `ArgumentError` where they are too few."""
    if len(embeddings) < FEWEST:
        raise ArgumentError(f"--data: wanted {FEWEST} films or more to draw a map of, got {len(embeddings)}")
    return Gate().fit(embeddings.vectors, embeddings.frame["case"].to_numpy())


def drawn_again(latent: LatentMap) -> Drawn:
    """A map from a disk, as it was measured when it was made."""
    kind = latent.projection.kind
    positions = positions_of(kind, latent.positions, latent.projection.settings()["seed"])
    numbers = {name: math.nan if value is None else value for name, value in latent.quality.items() if name != "som"}
    quality = Quality(**numbers)  # type: ignore[arg-type]  # k and scored are whole numbers in the file too
    return Drawn(kind, "with new ones", latent, positions, quality, reliability(latent.vectors, positions))


def with_stars(drawn: Drawn, names: Sequence[str], placed: Placed) -> Drawn:
    """The map with new films on it."""
    return replace(drawn, stars=Stars(names, placed.positions, placed.strange))


def positions_of(kind: str, positions: Floats, seed: int) -> Floats:
    """Where films are drawn, float32 [N, 2]: of a self-organising map about their node, so that all can be seen."""
    if kind != "som":
        return positions
    loose = np.random.default_rng(seed).uniform(-LOOSE, LOOSE, positions.shape)
    return (positions + loose).astype(np.float32)


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


def _asked(kind: str, settings: Visualize) -> dict[str, Any]:
    """The settings of the projection that the flags name."""
    asked: dict[str, Any] = {"seed": settings.seed}
    if kind == "umap" and settings.neighbours is not None:
        asked["n_neighbors"] = settings.neighbours
    if kind == "tsne" and settings.perplexity is not None:
        asked["perplexity"] = settings.perplexity
    return asked
