"""Films of the gallery's cases: as an encoder reads them, and to be shown beside another."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ImageError
from embedlearn.gallery.pictures import Pictures
from embedlearn.radiographs.opening import FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.web.decoding.decoders import Decoders
from embedlearn.web.face import SlowError

SHOWN = 1_024  # pixels of the longer side of a case's film that is shown


@dataclass(frozen=True, eq=False)
class CaseFilm:
    """A case's film of `height` x `width` pixels: `shown` uint8 [h, w], perhaps smaller, and `square` uint8 [S, S].

    `preprocessing` led from the film to the square, which the encoder reads.
    """

    square: NDArray[np.uint8]
    shown: NDArray[np.uint8]
    height: int
    width: int
    preprocessing: Preprocessing


@dataclass(frozen=True, eq=False)
class AtHand:
    """What there is of a case's film: its file's bytes, and the square as it was decoded before; either may be None."""

    file: FilmBytes | None
    square: NDArray[np.uint8] | None


def look_up(pictures: Pictures | None, token: str | None) -> AtHand:
    """What there is of the film with this token; reads its file."""
    if pictures is None or token is None:
        return AtHand(None, None)
    return AtHand(pictures.file_of(token), pictures.of(token) if token in pictures.places else None)


async def case_film(there: AtHand, decoders: Decoders) -> CaseFilm | None:
    """The film itself where it can be decoded, else the square alone; None without either."""
    if there.file:
        try:
            found = await decoders.decode(there.file.data, name=there.file.name, shown=SHOWN)
            assert found.shown is not None
            return CaseFilm(found.square, found.shown, found.height, found.width, decoders.preprocessing)
        except (ImageError, SlowError):
            pass
    if there.square is None:
        return None
    side = len(there.square)
    return CaseFilm(there.square, there.square, side, side, Preprocessing(size=side))


def as_png(film: NDArray[np.uint8], longest: int = SHOWN) -> bytes:
    """A film uint8 [H, W] as a PNG, shrunk where it is longer than `longest`."""
    image = Image.fromarray(np.ascontiguousarray(film))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    image.save(packed, "PNG", compress_level=1)
    return packed.getvalue()
