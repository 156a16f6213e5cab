"""Arrays as text that stands in the page: their bytes in base64, thumbnails as JPEG sheets, maps as small integers."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

SHEET = 256  # thumbnails a sheet: few enough that the first one is there at once
COLUMNS = 16
BLOCK = 8  # pixels: JPEG mixes what shares a block
QUALITY = 55
LARGEST = 127  # of a signed byte
SPREAD = 0.42  # of the distance between two places: films of one do not reach into the next


def packed(values: NDArray[Any], dtype: DTypeLike) -> str:
    """The little-endian bytes of `values` as `dtype`, in base64."""
    return base64.b64encode(np.ascontiguousarray(values, np.dtype(dtype).newbyteorder("<")).tobytes()).decode()


def evenly(films: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the rows 0..films - 1, spread evenly."""
    return np.linspace(0, films - 1, min(films, max(most, 0))).round().astype(np.int64)


def sheets(thumbnails: NDArray[np.uint8]) -> Iterator[str]:
    """JPEG data URIs of `SHEET` thumbnails each ([N, s, s]), `COLUMNS` a row, on a grid of whole blocks."""
    pitch = pitch_of(thumbnails.shape[1])
    for start in range(0, len(thumbnails), SHEET):
        block = thumbnails[start : start + SHEET]
        rows = -(-len(block) // COLUMNS)
        margin = pitch - block.shape[1]
        padded = np.zeros((rows * COLUMNS, pitch, pitch), np.uint8)
        padded[: len(block)] = np.pad(block, ((0, 0), (0, margin), (0, margin)), mode="edge")
        sheet = padded.reshape(rows, COLUMNS, pitch, pitch).swapaxes(1, 2).reshape(rows * pitch, COLUMNS * pitch)
        written = io.BytesIO()
        Image.fromarray(sheet).save(written, format="JPEG", quality=QUALITY, optimize=True)
        yield f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"


def pitch_of(side: int) -> int:
    """Pixels from one thumbnail of a sheet to the next."""
    return -(-side // BLOCK) * BLOCK


def as_bytes(maps: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """`maps` [N, h, w] as signed bytes and one scale a film, float32 [N]: map = bytes * scale."""
    flat = maps.reshape(len(maps), -1)
    scale = np.abs(flat).max(axis=1) / np.float32(LARGEST)
    steps = np.divide(flat, scale[:, None], out=np.zeros_like(flat), where=scale[:, None] > 0)
    return np.rint(steps).astype(np.int8), scale.astype(np.float32)


def spread(positions: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """Positions [N, 2] where films that share a place stand around it as the seeds of a sunflower; and whether they do.

    Only where more than half share one, as on the nodes of a self-organising map. H. Vogel, "A better way to construct
    the sunflower head", Mathematical Biosciences 44, 1979.
    """
    places, inverse, counts = np.unique(positions, axis=0, return_inverse=True, return_counts=True)
    if 2 * counts[counts > 1].sum() <= len(positions) or len(places) < 2:
        return positions, False
    inverse = inverse.reshape(-1)
    order = np.argsort(inverse, kind="stable")
    rank = np.empty(len(positions), np.int64)
    rank[order] = np.arange(len(positions)) - np.repeat(np.cumsum(counts) - counts, counts)
    reach = SPREAD * _nearest(places)
    radius = reach * np.sqrt(rank / counts.max())
    angle = rank * np.pi * (3 - np.sqrt(5))
    return (positions + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)).astype(np.float32), True


def _nearest(places: NDArray[np.float32]) -> float:
    """The smallest distance between two different places."""
    from scipy.spatial import KDTree

    distances, _ = KDTree(places).query(places, k=2)
    return float(distances[:, 1].min())
