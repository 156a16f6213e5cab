"""Films of a gallery's cases: a gallery holds tokens only, so they are found among the films that are at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError, ImageError, ManifestError
from embedlearn.files import cache_folder
from embedlearn.gallery.face import Store
from embedlearn.gallery.identities import Identities
from embedlearn.radiographs.cache import Films, cached_films, find_digests
from embedlearn.radiographs.layouts.listing import films_below
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film


class Pictures:
    """Pixels by token: of films that were decoded with `settings` before, and of those in `folders` and below.

    `known`: files of films, by the SHA-256 that they had.
    """

    def __init__(
        self,
        names: Identities,
        settings: Preprocessing,
        folders: Sequence[Path] = (),
        known: Mapping[str, Path] | None = None,
    ) -> None:
        self.names = names
        self.settings = settings
        self.folders = folders
        self.known = known or {}

    def of(self, token: str | None) -> NDArray[np.uint8] | None:
        """A film as uint8 [S, S]; None where it is not at hand, or cannot be read any more."""
        if token in self.places:
            return np.asarray(self.films[np.array([self.places[token]])][0])
        if file := self.file_of(token):
            try:
                return load_film(file, self.settings)
            except ImageError:
                return None
        return None

    def file_of(self, token: str | None) -> FilmBytes | None:
        """The bytes of a film's file; None where it is not at hand, or another film lies there now."""
        path = self._paths.get(token)
        try:
            data = path.read_bytes() if path else b""
        except OSError:
            return None
        is_it = bool(data) and self.names.film(hashlib.sha256(data).hexdigest()) == token
        return FilmBytes(data, "the case's film") if is_it else None

    def has(self, token: str | None) -> bool:
        """Whether a film is at hand, as far as can be told without looking at it."""
        return token in self.places or token in self._paths

    @cached_property
    def films(self) -> Films:
        """All films that were decoded before."""
        return cached_films(self.settings)

    @cached_property
    def places(self) -> dict[str | None, int]:
        """Where each of these stands among them, by token."""
        return {self.names.film(digest): place for place, digest in enumerate(self.films.digests)}

    @cached_property
    def _paths(self) -> dict[str | None, Path]:
        paths = [path for folder in self.folders for path in films_below(folder.absolute())]
        digests = find_digests(paths, cache_folder()) if paths else []
        found = {**self.known, **dict(zip(digests, paths, strict=True))}
        return {self.names.film(digest): path for digest, path in found.items()}


def pictures_of(
    gallery: Store,
    names: Identities | None,
    preprocessing: Preprocessing | None,
    folders: Sequence[Path] = (),
    known: Mapping[str, Path] | None = None,
) -> Pictures | None:
    """The films of a gallery, prepared as for its encoder; None where they cannot be told or it is not known how."""
    if preprocessing is None:
        try:
            preprocessing = Preprocessing(**gallery.extra["preprocessing"])
        except (KeyError, TypeError, ArgumentError):  # made from embeddings, or by a newer embedlearn
            return None
    return Pictures(names, preprocessing, folders, known) if names and "film" in gallery.columns else None


def require_folders(folders: Sequence[Path]) -> None:
    """Raise `ManifestError` unless all are folders."""
    for folder in folders:
        if not folder.is_dir():
            raise ManifestError(f"--pictures {folder}: wanted a folder of films, got none; check the path")
