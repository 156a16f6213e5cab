"""Which films must stay together: those of one patient, and near-identical pictures whatever their names.

A case is what a split or an episode never tears apart. Public sets repeat each other's pictures, resized and renamed,
so patients alone do not keep a test film out of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.manifest import Manifest
from embedlearn.radiographs.thumbnails import thumbnails

PICTURE = "picture"  # the column that names what several films show alike
THUMBNAIL = 24  # pixels a side
ALIKE = 0.97  # correlation of two thumbnails above which two films count as one picture; erring here costs only films
BLOCK = 4096


def find_cases(
    manifest: Manifest, films: NDArray[np.uint8] | Films, *, against: int = 0
) -> tuple[NDArray[np.int64], int]:
    """Number the cases of the manifest's films, N of them, S x S pixels each, uint8; `against` as in `find_twins`.

    Returns case numbers int64 [N], in order of first appearance, and how many pairs of near-identical films were
    found across different patients. A film without a patient is its own unless a twin joins it to another.
    """
    patients = join_cases(manifest, [])
    twins = [(a, b) for a, b in find_twins(films, against=against) if patients[a] != patients[b]]
    return join_cases(manifest, twins), len(twins)


def join_cases(manifest: Manifest, pairs: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Number the cases where `pairs` of rows are one picture each, int64 [N], in order of first appearance.

    Films of one patient of a source are one case, and so are films that share a name in the column `picture`, where
    there is one: an audit gives it to films that it found to be the same.
    """
    frame, edges = manifest.frame, list(pairs)
    named = [zip(frame["source"], frame["patient"].fillna(""), strict=True)]
    if PICTURE in frame:
        named.append(zip(repeat(PICTURE), frame[PICTURE].fillna("")))
    for keys in named:
        first_of: dict[tuple[str, str], int] = {}
        edges += [(first_of.setdefault(key, row), row) for row, key in enumerate(keys) if key[1]]
    return components(edges, len(manifest))


def twin_groups(films: NDArray[np.uint8] | Films) -> NDArray[np.int64]:
    """A number for each of N films, int64 [N], that near-identical pictures share."""
    return components(find_twins(films), len(films))


def find_twins(films: NDArray[np.uint8] | Films, alike: float = ALIKE, *, against: int = 0) -> list[tuple[int, int]]:
    """Pairs (a < b) of N films, S x S pixels, uint8, whose thumbnails correlate above `alike`, block by block.

    `against`: films are compared with those from this row on only, which is linear in the number of the others.
    """
    rows = _unit_thumbnails(films)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(rows), BLOCK):
        for other in range(max(start, against), len(rows), BLOCK):
            near = rows[start : start + BLOCK] @ rows[other : other + BLOCK].T > alike
            first, second = np.nonzero(near)
            keep = first + start < second + other
            pairs.extend(zip((first[keep] + start).tolist(), (second[keep] + other).tolist(), strict=True))
    return pairs


def _unit_thumbnails(films: NDArray[np.uint8] | Films) -> NDArray[np.float32]:
    """Thumbnails as rows of zero mean and unit length, float32 [N, F]; a blank film is all zeros."""
    flat = thumbnails(films, THUMBNAIL).reshape(len(films), -1)
    flat -= flat.mean(1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.where(length > 1e-3, length, np.inf), np.float32)


def components(edges: ArrayLike, count: int) -> NDArray[np.int64]:
    """Number what `edges`, pairs of rows int64 [E, 2], join of `count` rows, int64 [count], in order of appearance."""
    first, second = np.asarray(edges, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    _, where, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(where))[inverse].astype(np.int64)
