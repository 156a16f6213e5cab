"""Films of a gallery's cases: a gallery holds tokens only, so they are found among the films that are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from embedlearn.console import say
from embedlearn.errors import ArgumentError, ImageError, ManifestError
from embedlearn.files import cache_folder
from embedlearn.gallery.face import Store
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.where import And
from embedlearn.radiographs.cache import Films, cached_films, find_digests
from embedlearn.radiographs.cases import twin_groups
from embedlearn.radiographs.layouts.listing import films_below
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film


class Pictures:
    """Pixels by token: of films that were decoded with `settings` before, and of those in `folders` and below."""

    def __init__(self, names: Identities, settings: Preprocessing, folders: Sequence[Path] = ()) -> None:
        self.names = names
        self.settings = settings
        self.folders = folders

    def of(self, token: str | None) -> NDArray[np.uint8] | None:
        """A film as uint8 [S, S]; None where it is not at hand, or cannot be read any more."""
        if token in self.places:
            return np.asarray(self.films[np.array([self.places[token]])][0])
        if token in self._paths:
            try:
                return load_film(self._paths[token], self.settings)
            except ImageError:
                return None
        return None

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
        return {self.names.film(digest): path for digest, path in zip(digests, paths, strict=True)}


def pictures_of(
    gallery: Store, names: Identities | None, preprocessing: Preprocessing | None, folders: Sequence[Path] = ()
) -> Pictures | None:
    """The films of a gallery, prepared as for its encoder; None where they cannot be told or it is not known how."""
    if preprocessing is None:
        try:
            preprocessing = Preprocessing(**gallery.extra["preprocessing"])
        except (KeyError, TypeError, ArgumentError):  # made from embeddings, or by a newer embedlearn
            return None
    return Pictures(names, preprocessing, folders) if names and "film" in gallery.columns else None


def joined_twins(gallery: Store, rows: pa.Table, preprocessing: Preprocessing | None) -> pa.Table:
    """Rows to be added, with the token `twin` of a case that is in the gallery already and looks the same.

    As far as the gallery's films are at hand; says where they are not.
    """
    pictures = pictures_of(gallery, gallery.names, preprocessing)
    if not (pictures and len(gallery) and len(rows) and "twin" in gallery.columns):
        return rows
    there = gallery.take(gallery.matching(And(())))
    old = dict(zip(there["film"].to_pylist(), there["twin"].to_pylist(), strict=True))
    new = dict(zip(rows["film"].to_pylist(), rows["twin"].to_pylist(), strict=True))
    shown = [film for film in (*old, *new) if film in pictures.places]
    if away := sum(film not in pictures.places for film in old):
        say(f"  note: {away:,} films of the gallery are not at hand; their near-identical pictures are not recognised")
    places = np.array([pictures.places[film] for film in shown], np.int64)
    groups = dict(zip(shown, twin_groups(pictures.films.take(places)).tolist(), strict=True))
    of_group = {groups[film]: twin for film, twin in old.items() if film in groups}
    twins = [of_group.get(groups.get(film, -1), twin) for film, twin in new.items()]
    return rows.set_column(rows.column_names.index("twin"), "twin", pa.array(twins, pa.string()))


def require_folders(folders: Sequence[Path]) -> None:
    """Raise `ManifestError` unless all are folders."""
    for folder in folders:
        if not folder.is_dir():
            raise ManifestError(f"--pictures {folder}: wanted a folder of films, got none; check the path")
