"""Which films an episode or a support was made of, by class, with their pictures where these are wanted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.record import Episodes
from embedlearn.pages.blocks import Film, Films
from embedlearn.pages.pictures import film_picture


class FilmLister:
    """Lists films of a pool by the paths of its rows; `thumbnails`: whether to show them.

    A film that cannot be read any more is listed without its picture.
    """

    def __init__(self, paths: Sequence[str], thumbnails: bool) -> None:
        self.paths = paths
        self.thumbnails = thumbnails
        self._shown: dict[int, Film] = {}

    @cached_property
    def folder(self) -> str:
        """The folder that all films lie in; empty where there is none."""
        try:
            return os.path.commonpath([os.path.dirname(path) for path in self.paths])
        except ValueError:
            return ""

    def of_episode(self, episodes: Episodes, number: int) -> Films:
        """The support and the queries of one episode, class by class."""
        names = [episodes.classes[index] for index in episodes.way[number]]
        roles = (("support", episodes.support_label, episodes.support[number]),
                 ("queries", episodes.query_label[number], episodes.query[number]))  # fmt: skip
        return Films(
            tuple(
                (f"{name}, {role}", self._list(films[label == slot]))
                for slot, name in enumerate(names)
                for role, label, films in roles
                if (label == slot).any()
            )
        )

    def of_support(
        self, title: str, classes: Sequence[str], label: NDArray[np.int64], films: NDArray[np.int64]
    ) -> Films:
        """One support (films int [S], slots `label` int [S]), class by class."""
        return Films(tuple((f"{title}: {name}", self._list(films[label == slot])) for slot, name in enumerate(classes)))

    def _list(self, films: NDArray[np.int64]) -> tuple[Film, ...]:
        return tuple(self._film(int(film)) for film in films)

    def _film(self, film: int) -> Film:
        if film not in self._shown:
            path = self.paths[film]
            picture = film_picture(Path(path)) if self.thumbnails else ""
            self._shown[film] = Film(os.path.relpath(path, self.folder) if self.folder else path, picture)
        return self._shown[film]
