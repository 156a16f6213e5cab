"""Shortcut probes: features that know nothing of disease, put through the same episodes as an encoder.

Where a probe scores as well as the encoder, the score may rest on where a film comes from (DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.reading import FilmHeader, film_header
from embedlearn.radiographs.thumbnails import thumbnails

RING = 1 / 8  # of the film's side: the width of the border that is looked at
SIDE = 32


def header_features(paths: Sequence[Path]) -> NDArray[np.float32]:
    """Of each file its width, height, ratio, bytes a pixel and colour mode, standardised: float32 [N, F].

    No pixel is decoded. Raises `ImageError` where a file cannot be read.
    """
    return _standardised(header_columns([film_header(path) for path in paths]))


def header_columns(headers: Sequence[FilmHeader]) -> NDArray[np.float32]:
    """The logarithms of width, height, their ratio and bytes a pixel, and each colour mode as 0 or 1: [N, 4 + M]."""
    modes = sorted({str(header["mode"]) for header in headers})
    rows = []
    for header in headers:
        width, height = float(header["width"]), float(header["height"])
        weight = float(header["bytes"]) / (width * height)
        mode = [float(header["mode"] == name) for name in modes]
        rows.append([np.log(width), np.log(height), np.log(width / height), np.log(weight), *mode])
    return np.array(rows, np.float32)


def border_features(films: NDArray[np.uint8] | Films) -> NDArray[np.float32]:
    """The outer eighth of N films, S x S pixels, uint8, shrunk to 32 px and standardised: float32 [N, F]."""
    small = thumbnails(films, SIDE)
    return _standardised(small[:, border_ring(small.shape[1])])


def border_ring(side: int) -> NDArray[np.bool_]:
    """Where a square of `side` pixels is border, bool [side, side]: its outer eighth."""
    ring = np.ones((side, side), bool)
    width = max(1, round(RING * side))
    ring[width:-width, width:-width] = False
    return ring


def _standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each column to zero mean and unit variance over the pool; columns that never change are dropped."""
    deviation = features.std(0)
    kept = deviation > 1e-6
    if not kept.any():
        return np.zeros((len(features), 1), np.float32)
    return np.asarray((features[:, kept] - features[:, kept].mean(0)) / deviation[kept], np.float32)
