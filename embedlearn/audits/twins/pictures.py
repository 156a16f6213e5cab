"""The same picture under several names, within a data set and across: exact copies, and near ones proved locally."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.twins.candidates import find_candidates
from embedlearn.audits.twins.confirming import Progress, confirm, levelled_planes, shows_enough
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cases import components

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SAME = 0.81  # correlation in the gap between one picture and two films that are only alike


class Pictures(NamedTuple):
    """Which of N films are the same picture.

    `pairs` int64 [P, 2], first < second, in order; `exact` bool [P], whether they are the same at 192 pixels;
    `correlation` float32 [P], how well their detail agrees (1 where exact). `group` int64 [N] numbers the pictures in
    order of appearance; films that a chain of pairs joins are one picture. Of exact copies each is paired with the
    first, and only the first with near ones, so that pairs are counted from the groups. `digests` str [N] are the
    SHA-1 of the pixels that were compared.
    """

    pairs: NDArray[np.int64]
    exact: NDArray[np.bool_]
    correlation: NDArray[np.float32]
    group: NDArray[np.int64]
    digests: tuple[str, ...] = ()


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
    digests = pixel_digests(audited)
    first = first_copies(audited, digests)
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
    return Pictures(pairs[order], exact[order], correlation[order], components(pairs, len(audited)), digests)


def _each_once(
    pairs: NDArray[np.int64], agreeing: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The pairs that agree by more than `SAME`, the earlier film first, each with the best of its correlations."""
    pairs, agreeing = np.sort(pairs[agreeing > SAME], axis=1), agreeing[agreeing > SAME]
    pairs, of = np.unique(pairs, axis=0, return_inverse=True)
    best = np.zeros(len(pairs), np.float32)
    np.maximum.at(best, of, agreeing)
    return pairs, best


def pixel_digests(audited: AuditedFilms) -> tuple[str, ...]:
    """The SHA-1 of each film's shape and of the pixels that the audit sees, before any margin is cut: str [N]."""
    found = []
    for row in range(len(audited)):
        shape = np.ascontiguousarray(audited.shapes[row], np.int64).tobytes()
        pixels = np.ascontiguousarray(audited.films[np.array([row])][0]).tobytes()
        found.append(hashlib.sha1(shape + pixels, usedforsecurity=False).hexdigest())
    return tuple(found)


def first_copies(audited: AuditedFilms, digests: Sequence[str]) -> NDArray[np.int64]:
    """The first film of the same digest as each, int64 [N]; its own row if none.

    Films that are blank, or nearly, are copies of nothing: they would join the patients of all such films.
    """
    seen: dict[str, int] = {}
    first = np.array([seen.setdefault(digest, row) for row, digest in enumerate(digests)], np.int64)
    for row in np.unique(first[first != np.arange(len(first))]).tolist():
        if not shows_enough(audited.content(row)):
            first[first == row] = np.flatnonzero(first == row)
    return first
