"""Films of the gallery's cases: as an encoder reads them, and to be shown beside another."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ImageError
from embedlearn.gallery.pictures import Pictures
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess, read_film

SHOWN = 1_024  # pixels of the longer side of a film that is shown


@dataclass(frozen=True, eq=False)
class CaseFilm:
    """A case's film: `film` uint8 [H, W] to be shown, `square` uint8 [S, S] for the encoder, and what led there.

    Where only the square is at hand it is the film too, and nothing led there.
    """

    square: NDArray[np.uint8]
    film: NDArray[np.uint8]
    preprocessing: Preprocessing


def find_case_film(pictures: Pictures | None, token: str | None) -> CaseFilm | None:
    """The film with this token: its file where that is at hand, else what was decoded before; None without either."""
    if pictures is None or token is None:
        return None
    if path := pictures.path_of(token):
        try:
            film = read_film(path)
            return CaseFilm(preprocess(film, pictures.settings), film, pictures.settings)
        except ImageError:
            pass
    square = pictures.of(token)
    return None if square is None else CaseFilm(square, square, Preprocessing(size=len(square)))


def is_pictured(pictures: Pictures | None, token: str | None) -> bool:
    """Whether `find_case_film` will find one, but for files that have gone since."""
    return pictures is not None and token is not None and (token in pictures.places or bool(pictures.path_of(token)))


def as_png(film: NDArray[np.uint8], longest: int = SHOWN) -> bytes:
    """A film uint8 [H, W] as a PNG, shrunk where it is longer than `longest`."""
    image = Image.fromarray(np.ascontiguousarray(film))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    image.save(packed, "PNG", compress_level=1)
    return packed.getvalue()
