"""The same picture under several names, within a data set and across: exact copies, and near ones proved locally."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.twins.candidates import find_candidates
from embedlearn.audits.twins.confirming import Progress, confirm, levelled_planes
from embedlearn.errors import ArgumentError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

SAME = 0.81  # correlation in the gap between one picture and two films that are only alike


class Pictures(NamedTuple):
    """Which of N films are the same picture.

    `pairs` int64 [P, 2], first < second, in order; `exact` bool [P], whether they are the same pixel for pixel;
    `correlation` float32 [P], how well their detail agrees (1 where exact). `group` int64 [N] numbers the pictures in
    order of appearance; films that a chain of pairs joins are one picture. Of exact copies each is paired with the
    first, and only the first with near ones.
    """

    pairs: NDArray[np.int64]
    exact: NDArray[np.bool_]
    correlation: NDArray[np.float32]
    group: NDArray[np.int64]


def find_pictures(
    audited: AuditedFilms, *, vectors: ArrayLike | None = None, progress: Progress | None = None
) -> Pictures:
    """The films of `audited` that are one picture: resized, cropped, re-encoded, brightened, marked or not.

    `vectors`, embeddings float32 [N, D], propose further pairs to look at. `progress(done, total)` counts pairs looked
    at. Raises `ArgumentError` where `vectors` are not a finite row for each film.
    """
    given = None if vectors is None else checked_matrix(vectors, np.float32)
    if given is not None and len(given) != len(audited):
        raise ArgumentError(f"vectors: wanted a row for each of {len(audited)} films, got {len(given)}; embed them all")
    first = first_copies(audited)
    alone = first == np.arange(len(audited))
    own, copies = np.flatnonzero(alone), np.flatnonzero(~alone)
    single = audited if alone.all() else audited.where(alone)
    planes = levelled_planes(single)
    candidates = find_candidates(planes.coarse, None if given is None else given[own])
    agreeing = confirm(single, planes, candidates, progress)
    near, agreeing = _each_once(own[np.stack([candidates.first, candidates.second], 1)], agreeing)
    pairs = np.concatenate([np.stack([first[copies], copies], 1), near])
    exact = np.arange(len(pairs)) < len(copies)
    correlation = np.concatenate([np.ones(len(copies), np.float32), agreeing])
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    return Pictures(pairs[order], exact[order], correlation[order], _groups(pairs, len(audited)))


def _each_once(
    pairs: NDArray[np.int64], agreeing: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The pairs that agree by more than `SAME`, the earlier film first, each with the best of its correlations."""
    pairs, agreeing = np.sort(pairs[agreeing > SAME], axis=1), agreeing[agreeing > SAME]
    pairs, of = np.unique(pairs, axis=0, return_inverse=True)
    best = np.zeros(len(pairs), np.float32)
    np.maximum.at(best, of, agreeing)
    return pairs, best


def first_copies(audited: AuditedFilms) -> NDArray[np.int64]:
    """The first film with the same shape and the same pixels as each, by SHA-1: int64 [N]; its own row if none.

    The pixels are those that the audit sees, of a film shrunk to its square, before any margin is cut.
    """
    seen: dict[bytes, int] = {}
    first = np.empty(len(audited), np.int64)
    for row in range(len(audited)):
        shape = np.ascontiguousarray(audited.shapes[row], np.int64).tobytes()
        pixels = np.ascontiguousarray(audited.films[np.array([row])][0]).tobytes()
        first[row] = seen.setdefault(hashlib.sha1(shape + pixels, usedforsecurity=False).digest(), row)
    return first


def with_pictures(frame: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """`frame` with a column `picture`: the picture's name where several films share it, missing where it stands once."""
    import pandas as pd

    counts = np.bincount(pictures.group, minlength=1)
    named = [f"picture {group}" if counts[group] > 1 else None for group in pictures.group.tolist()]
    return frame.assign(picture=pd.array(named, dtype="string"))


def deduplicated(frame: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """`with_pictures`, and the first film of each picture alone. That a film comes first does not make it the original."""
    kept = np.zeros(len(frame), bool)
    kept[np.unique(pictures.group, return_index=True)[1]] = True
    return with_pictures(frame, pictures)[kept].reset_index(drop=True)


def _groups(pairs: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Connected components of the pairs, int64 [count], numbered in order of appearance."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    _, where, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(where))[inverse].astype(np.int64)
