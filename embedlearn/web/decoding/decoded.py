"""One film that was sent, from its bytes to what the page and the encoder need of it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.radiographs.dicom import dicom_patient, is_dicom
from embedlearn.radiographs.opening import HEAD, FilmBytes
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess, read_film, upright_sides, wanted_side


@dataclass(frozen=True, eq=False)
class Decoded:
    """A film that was sent.

    `square`: what the encoder reads, uint8 [S, S]; `height` and `width`: the film's own sides, upright, in pixels;
    `shown`: the film made smaller for the eye, uint8 [H, W], where that was wanted; `digest`: SHA-256 of its bytes;
    `patient`: whom a DICOM file names.
    """

    square: NDArray[np.uint8]
    height: int
    width: int
    shown: NDArray[np.uint8] | None
    digest: str
    patient: str | None


def decode_film(film: FilmBytes, preprocessing: Preprocessing, *, pixels: int, shown: int = 0) -> Decoded:
    """A film of at most `pixels` pixels, and, unless `shown` is 0, its picture of at most `shown` pixels a side.

    `square` is what `load_film` makes of a file with these bytes. Raises `ImageError`, naming the film.
    """
    values = read_film(film, target=wanted_side(preprocessing), most=pixels)
    sides = upright_sides(film)
    return Decoded(
        square=preprocess(values, preprocessing),
        height=sides[0],
        width=sides[1],
        shown=_shown(film, values, sides, shown) if shown else None,
        digest=hashlib.sha256(film.data).hexdigest(),
        patient=dicom_patient(film) if is_dicom(film, film.data[:HEAD]) else None,
    )


def _shown(film: FilmBytes, values: NDArray[np.uint8], sides: tuple[int, int], side: int) -> NDArray[np.uint8]:
    """A film made smaller, uint8 [H, W] of at most `side` a side; `values` may be a JPEG that came too small for it."""
    if max(values.shape) < min(side, max(sides)):
        values = read_film(film, target=math.ceil(side * min(sides) / max(sides)))
    image = Image.fromarray(values)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.array(image)
