"""Which films an episode or a support was made of, by class, with their pictures where these are wanted."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.episodes.page.blocks import Film, Films
from embedlearn.episodes.record import Episodes
from embedlearn.errors import ImageError
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film

SIDE = 96  # pixels of a picture
QUALITY = 70


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
            picture = _picture(Path(path)) if self.thumbnails else ""
            self._shown[film] = Film(os.path.relpath(path, self.folder) if self.folder else path, picture)
        return self._shown[film]


def _picture(path: Path) -> str:
    """The film as a small JPEG in a data URI; empty where it cannot be read."""
    try:
        pixels = load_film(path, Preprocessing(size=SIDE, fit="pad"))
    except ImageError:
        return ""
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, format="JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
