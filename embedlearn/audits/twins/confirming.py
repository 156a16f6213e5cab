"""Whether two films are one picture: laid upon each other from coarse to fine, their fine structure must agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.twins.candidates import Candidates
from embedlearn.audits.twins.kernels import laid, laid_each, tile_correlations
from embedlearn.audits.twins.planes import levelled, squared, trimmed

Progress = Callable[[int, int], None]

COARSE, MIDDLE, FINE = 32, 64, 128  # pixels a side
REACH = {COARSE: 2.0, MIDDLE: 3.0, FINE: 4.0}  # of the levelling, in pixels
STEPS = {COARSE: 8, MIDDLE: 6, FINE: 6}
LEAST = {COARSE: 0.7, MIDDLE: 0.75}  # correlation with which a pair goes on
UNIT = 24  # of a levelled plane, kept as int8
TILE = 16  # pixels
DETAIL = 2.0  # pixels: what is slower is no detail
FAINT = 0.5  # grey levels
SHARE = 0.6  # of the tiles, that correlate at least as well as a pair's correlation says
FEWEST = 16  # tiles of 64 that must lie on both films and show something
KEPT = 1024  # films whose detail is kept at hand
BLOCK = 256  # films prepared at a time
PAIRS = 4_096  # between two calls of `progress`


class Planes(NamedTuple):
    """Every film trimmed, stretched and levelled: int8 [N, 32, 32] and [N, 64, 64], five kilobytes a film."""

    coarse: NDArray[np.int8]
    middle: NDArray[np.int8]


class Prepared(NamedTuple):
    """A film stretched to `FINE` pixels: levelled, and its detail in grey levels; float32 [S, S] each."""

    levelled: NDArray[np.float32]
    detail: NDArray[np.float32]


def levelled_planes(audited: AuditedFilms) -> Planes:
    """The planes of all films."""
    planes = Planes(*(np.empty((len(audited), side, side), np.int8) for side in (COARSE, MIDDLE)))
    for start in range(0, len(audited), BLOCK):
        films = [trimmed(audited.content(row)) for row in range(start, min(start + BLOCK, len(audited)))]
        for kept, side in zip(planes, (COARSE, MIDDLE), strict=True):
            level = levelled(np.stack([squared(film, side) for film in films]), REACH[side])
            kept[start : start + len(films)] = np.rint(np.clip(UNIT * level, -127, 127))
    return planes


def confirm(
    audited: AuditedFilms, planes: Planes, candidates: Candidates, progress: Progress | None = None
) -> NDArray[np.float32]:
    """How well each candidate pair agrees, float32 [P]: `local_correlation`, 0 where it was given up earlier."""

    @lru_cache(KEPT)
    def fine(row: int) -> Prepared:
        return prepared(audited.content(row))

    found = np.zeros(len(candidates.first), np.float32)
    for start in range(0, len(found), PAIRS):
        pairs, maps = np.arange(start, min(start + PAIRS, len(found))), candidates.starts[start : start + PAIRS]
        for plane, side in zip(planes, (COARSE, MIDDLE), strict=True):
            maps, near = laid_each(plane, candidates.first[pairs], candidates.second[pairs], maps, STEPS[side])
            pairs, maps = pairs[near > LEAST[side]], maps[near > LEAST[side]]
        for pair, between in zip(pairs, maps, strict=True):
            films = int(candidates.first[pair]), int(candidates.second[pair])
            found[pair] = local_correlation(fine(films[0]), fine(films[1]), between)
        if progress:
            progress(min(start + PAIRS, len(found)), len(found))
    return found


def prepared(film: NDArray[np.uint8]) -> Prepared:
    """A film [H, W], trimmed and stretched, as `local_correlation` takes it."""
    from scipy.ndimage import gaussian_filter

    plane = squared(trimmed(film), FINE)
    return Prepared(levelled(plane[None], REACH[FINE])[0], plane - gaussian_filter(plane, DETAIL, mode="nearest"))


def shows_enough(film: NDArray[np.uint8]) -> bool:
    """Whether the greys vary in `FEWEST` tiles of a film [H, W], its margins cut off."""
    tiles = squared(trimmed(film), FINE).reshape(FINE // TILE, TILE, FINE // TILE, TILE)
    return int((tiles.std(axis=(1, 3)) > FAINT).sum()) >= FEWEST


def local_correlation(first: Prepared, second: Prepared, start: NDArray[np.float64]) -> float:
    """The correlation that `SHARE` of the tiles of two films reach in their detail, once laid upon each other.

    Marks, arrows and margins spoil some tiles of one picture; two films of one patient share hardly any. 0 where fewer
    than `FEWEST` tiles lie on both films and show detail.
    """
    between, _ = laid(first.levelled, second.levelled, start, STEPS[FINE])
    tiles = tile_correlations(first.detail, second.detail, between, TILE, FAINT)
    there = np.sort(tiles[~np.isnan(tiles)])
    return float(there[int((1 - SHARE) * len(there))]) if len(there) >= FEWEST else 0.0
