"""Which films are looked at for markers, what is found on them, and how much of a film it covers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.markers.detection import LONGEST, Marker, find_markers
from embedlearn.radiographs.reading import read_film

if TYPE_CHECKING:
    import pandas as pd

MOST = 600  # films that are looked at, half a minute: of so many cases a share is known to 4 points or better


def sample_films(frame: pd.DataFrame, *, most: int = MOST, seed: int = 0) -> NDArray[np.int64]:
    """Rows of at most `most` films, int64, in their order: of each class of each source alike many, as far as it has.

    `frame` has the columns `class` and `source`; a film without a class is not drawn.
    """
    rows = np.flatnonzero(frame["class"].notna())
    lot = np.random.default_rng(seed).permutation(rows)
    cells = frame["class"].astype(str).iloc[lot] + "\n" + frame["source"].astype(str).iloc[lot]
    turn = cells.groupby(cells.to_numpy()).cumcount().to_numpy()  # the how manieth of its cell
    return np.sort(lot[np.argsort(turn, kind="stable")[:most]])


def find_all(paths: Sequence[Path], progress: Callable[[int, int], None] | None = None) -> list[tuple[Marker, ...]]:
    """The markers of the film at each path. Raises `ImageError` for one that cannot be read.

    `progress(done, total)` is called while films are looked at.
    """
    found: list[tuple[Marker, ...]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for markers in pool.map(_look, paths):
            found.append(markers)
            if progress:
                progress(len(found), len(paths))
    return found


def coverage(markers: Iterable[Marker], height: int, width: int) -> NDArray[np.float64]:
    """How much of each of `height` x `width` tiles of a film its markers cover, float64 [height, width], 0 to 1."""
    covered = np.zeros((height, width))
    for marker in markers:
        covered += np.outer(_span(marker.top, marker.bottom, height), _span(marker.left, marker.right, width))
    return covered


def _span(start: float, stop: float, side: int) -> NDArray[np.float64]:
    """How much of each of `side` equal parts of 0..1 lies between two numbers, float64 [side]."""
    edges = np.linspace(0, 1, side + 1).clip(start, stop)
    return np.asarray(np.diff(edges) * side)


def _look(path: Path) -> tuple[Marker, ...]:
    return find_markers(read_film(path, target=LONGEST))
