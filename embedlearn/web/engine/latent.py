"""The latent map of the page: where the gallery's cases lie, and where a new film falls among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embedlearn.errors import MismatchError
from embedlearn.gallery.face import Store
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.where import And
from embedlearn.maps.gate import Gate
from embedlearn.maps.latent import LatentMap, load_map
from embedlearn.maps.projections import create_projection
from embedlearn.maps.projections.base import FEWEST
from embedlearn.maps.quality import Quality
from embedlearn.web.engine.examples import case_groups
from embedlearn.web.forms import LatentPoints, Place

AT_MOST = 5_000  # points that are shown, and cases that a map of our own is made of


class Latent:
    """A map with the cases that its films are in the gallery, `ids`, None where a film is none."""

    def __init__(self, latent: LatentMap, ids: Sequence[str | None], sentences: Sequence[str]) -> None:
        self.latent, self.ids, self.sentences = latent, list(ids), list(sentences)
        positions = latent.positions.tolist()
        self.drawn = self._points()
        self._places = {name: place for name, place in zip(self.ids, positions, strict=True) if name}

    def place(self, vectors: ArrayLike) -> list[Place]:
        """Where films (float [M, D]) lie."""
        placed = self.latent.place(vectors)
        pairs = zip(placed.positions.tolist(), placed.strange.tolist(), strict=True)
        return [Place(x=x, y=y, strange=strange) for (x, y), strange in pairs]

    def place_of(self, id: str) -> Place | None:
        """Where a case of the gallery lies; None where the map has it not."""
        found = self._places.get(id)
        return Place(x=found[0], y=found[1], strange=False) if found else None

    def _points(self, seed: int = 0) -> LatentPoints:
        """The map to be drawn, of at most `AT_MOST` films."""
        count = len(self.ids)
        rows = np.arange(count)
        if count > AT_MOST:
            rows = np.sort(np.random.default_rng(seed).choice(count, AT_MOST, replace=False))
        labels = [str(label) for label in self.latent.frame["label"].to_numpy()[rows]]
        names = sorted(set(labels))
        positions = self.latent.positions[rows]
        return LatentPoints(
            kind=self.latent.projection.kind, sentences=self.sentences, labels=names,
            x=[round(float(value), 4) for value in positions[:, 0]],
            y=[round(float(value), 4) for value in positions[:, 1]],
            label=[names.index(label) for label in labels], id=[self.ids[row] for row in rows],
        )  # fmt: skip


def stored_latent(folder: Path, store: Store, names: Identities | None, encoder: str) -> Latent:
    """A map that `visualize` made. Raises `StorageError`, or `MismatchError` where it is another encoder's."""
    latent = load_map(folder)
    if latent.encoder != encoder:
        raise MismatchError(f"--map {folder}: wanted a map of this run's encoder, got another's; make it again")
    digests = latent.frame["sha256"] if "sha256" in latent.frame else [None] * len(latent.frame)
    films = [names.film(str(digest)) if names and digest else None for digest in digests]
    cases = store.take(store.matching(And(())))
    called = dict(zip(cases["film"].to_pylist(), cases["id"].to_pylist(), strict=True)) if names else {}
    return Latent(latent, [called.get(film) for film in films], _words(latent))


def own_latent(store: Store, encoder: str, preprocessing: str, seed: int) -> Latent | None:
    """The principal components of the gallery's cases; None where there are too few of them."""
    rows = store.matching(And(()))
    if len(rows) > AT_MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, AT_MOST, replace=False))
    if len(rows) < FEWEST:
        return None
    vectors, cases = store.vectors_of(rows), store.take(rows)
    groups = case_groups(cases)
    if len(set(groups.tolist())) < 2:
        return None
    projection = create_projection("pca", seed=seed).fit(vectors)
    frame = cases.select([name for name in ("id", "label", "source") if name in cases.column_names]).to_pandas()
    frame["label"] = frame["label"].fillna("") if "label" in frame else ""
    latent = LatentMap(projection, Gate().fit(vectors, groups), vectors, frame, encoder, preprocessing, {})
    sentences = ["The two directions in which the gallery's cases differ most; other differences cannot be seen here."]
    return Latent(latent, cases["id"].to_pylist(), sentences)


def _words(latent: LatentMap) -> list[str]:
    """What a stored map is worth."""
    values: dict[str, Any] = {name: math.nan if value is None else value for name, value in latent.quality.items()}
    try:
        return Quality(**values).sentences()
    except TypeError:  # made by another version
        return []
