"""Which pairs of films are worth laying upon each other: a few for each film, whatever their number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.twins.hashes import (
    FREQUENCIES,
    WHOLE,
    Crop,
    alike_hashes,
    frequencies,
    hash_bits,
    whitening,
)
from embedlearn.gallery.exact import exact_neighbours

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

SIDES = (0.92, 0.84, 0.76, 0.68)  # of the crops that are looked for among whole films
OF_WHOLE, OF_CROP, OF_VECTOR = 4, 1, 4  # neighbours taken
LEAST_ALIKE = 0.33  # cosine of two whitened vectors below which nobody looks further
FEW = 5_000  # films up to which all distances are computed
VISITS = 8  # lists of the index that are searched: one picture's films lie in one list, or in two that touch
TRAINING = 40  # films a list that place the lists


class Candidates(NamedTuple):
    """Pairs of films, `first` and `second` int64 [P], and maps float64 [P, 6] to start laying `first` on `second`."""

    first: Rows
    second: Rows
    starts: NDArray[np.float64]


def crops() -> list[Crop]:
    """The whole film; then, of each of `SIDES`, the middle and the four corners."""
    found = [WHOLE]
    for side in SIDES:
        rest = 1 - side
        found += [Crop(rest / 2, rest / 2, side)]
        found += [Crop(top, left, side) for top in (0.0, rest) for left in (0.0, rest)]
    return found


def find_candidates(planes: NDArray[np.int8], vectors: Floats | None = None) -> Candidates:
    """Pairs of `planes` int8 [N, S, S] by hash, by nearness of low frequencies, and of `vectors` [N, D] where given.

    A crop of one film is looked for among the others whole, and then the second film is the one that is larger. A pair
    that is found in several ways is a candidate in each of them.
    """
    if len(planes) < 2:
        return Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 6)))
    pairs, parts = alike_hashes(hash_bits(planes)), crops()
    ways = [_ways(pairs[:, 0], pairs[:, 1], 0)]
    if vectors is not None:
        ways.append(_ways(*_neighbours(_Index(vectors), vectors, OF_VECTOR, -np.inf), 0))
    whole = frequencies(planes, WHOLE, FREQUENCIES)
    level = whitening(whole)
    index = _Index(level(whole))
    for number, crop in enumerate(parts):
        asked = level(frequencies(planes, crop, FREQUENCIES)) if number else index.base
        ways.append(_ways(*_neighbours(index, asked, OF_CROP if number else OF_WHOLE, LEAST_ALIKE), number))
    found = np.unique(np.concatenate(ways), axis=0)
    shows = np.asarray(planes.any(axis=(1, 2)))
    first, second, crop = found[shows[found[:, :2]].all(1)].T
    starts = np.array([_start(part) for part in parts])
    return Candidates(np.ascontiguousarray(first), np.ascontiguousarray(second), starts[crop])


def _neighbours(index: _Index, asked: Floats, count: int, alike: float) -> tuple[Rows, Rows]:
    """What is nearest to each row of `asked` but itself, and more like it than `alike`; and these rows' numbers."""
    squared, near = index.nearest(asked, count + 1)
    asking = np.repeat(np.arange(len(asked)), near.shape[1])
    found = near.reshape(-1)
    kept = (found >= 0) & (found != asking) & (1 - squared.reshape(-1) / 2 > alike)
    return found[kept], asking[kept]


def _ways(first: Rows, second: Rows, crop: int) -> Rows:
    """Candidates as rows int64 [W, 3]; of two whole films the earlier comes first."""
    if not crop:
        first, second = np.minimum(first, second), np.maximum(first, second)
    return np.stack([first, second, np.full(len(first), crop, np.int64)], 1)


def _start(crop: Crop) -> list[float]:
    """The map that lays a whole film on a crop of another."""
    down, right = crop.top + crop.side / 2 - 0.5, crop.left + crop.side / 2 - 0.5
    return [down, crop.side, 0.0, right, 0.0, crop.side]


class _Index:
    """The rows of a matrix float32 [N, D]: exact neighbours for a few films, else FAISS's inverted lists."""

    def __init__(self, base: Floats) -> None:
        self.base = np.ascontiguousarray(base, np.float32)
        self.lists = None
        if len(base) > FEW:
            import faiss

            many = int(4 * np.sqrt(len(base)))
            self.lists = faiss.IndexIVFFlat(faiss.IndexFlatL2(base.shape[1]), base.shape[1], many)
            self.lists.cp.max_points_per_centroid = TRAINING
            self.lists.cp.min_points_per_centroid = 1
            self.lists.train(self.base)
            self.lists.add(self.base)
            self.lists.nprobe = VISITS

    def nearest(self, asked: Floats, count: int) -> tuple[Floats, Rows]:
        """Squared distances float32 [M, count] and rows int64 [M, count] (-1 where there are fewer)."""
        asked = np.ascontiguousarray(asked, np.float32)
        if self.lists is None:
            return exact_neighbours(asked, self.base, count)
        return self.lists.search(asked, count)  # type: ignore[no-any-return]
