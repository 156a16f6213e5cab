"""How often pictures are shared: between sources, classes, patients and splits."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.twins.pictures import Pictures
from embedlearn.radiographs.cases import components

if TYPE_CHECKING:
    import pandas as pd

OTHER = "other"


class Shared(NamedTuple):
    """Pictures and films by what shares them.

    `sources` are the names in order. Of `pairs`, `exact` (pairs that are the same at 192 pixels) and `pictures`, int64
    [S, S], the diagonal counts what stands twice or more within a source, the rest what stands in both. `films` int64
    [S] are the films of a source, `repeated` int64 [S] those whose picture stands elsewhere too.
    """

    sources: tuple[str, ...]
    pairs: NDArray[np.int64]
    exact: NDArray[np.int64]
    pictures: NDArray[np.int64]
    films: NDArray[np.int64]
    repeated: NDArray[np.int64]


def count_shared(sources: Iterable[str], pictures: Pictures) -> Shared:
    """The counts for films of these sources, str [N]. A picture that three films share has three pairs."""
    names, code = np.unique(np.array(list(sources), dtype=str), return_inverse=True)
    many = len(names)
    pairs, found = _count_groups(code, many, pictures.group)
    repeated = np.bincount(pictures.group)[pictures.group] > 1
    return Shared(
        tuple(names.tolist()), pairs, _count_groups(code, many, exact_groups(pictures))[0], found,
        np.bincount(code, minlength=many), np.bincount(code, weights=repeated, minlength=many).astype(np.int64),
    )  # fmt: skip


def _count_groups(
    code: NDArray[np.int64], many: int, group: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of films within groups, and groups of several films, by the sources that hold them: int64 [S, S] each."""
    pairs, found = np.zeros((many, many), np.int64), np.zeros((many, many), np.int64)
    for films in _of_several(group):
        held = np.bincount(code[films], minlength=many)
        for a, b in combinations(np.flatnonzero(held), 2):
            pairs[[a, b], [b, a]] += held[a] * held[b]
            found[[a, b], [b, a]] += 1
        own = np.flatnonzero(held > 1)
        pairs[own, own] += held[own] * (held[own] - 1) // 2
        found[own, own] += 1
    return pairs, found


def exact_groups(pictures: Pictures) -> NDArray[np.int64]:
    """A number int64 [N] that films share which are the same at 192 pixels."""
    return components(pictures.pairs[pictures.exact], len(pictures.group))


def shared_groups(pictures: Pictures) -> list[NDArray[np.int64]]:
    """The films, int64, of each picture that several share, in order of appearance."""
    return _of_several(pictures.group)


def _of_several(group: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    order = np.argsort(group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(group))[:-1]) if len(order) else []
    return [films for films in parts if len(films) > 1]


def divided(column: pd.Series, pictures: Pictures) -> list[NDArray[np.int64]]:
    """The shared pictures whose films differ in a column; films without a value are not asked."""
    values = column.astype(object).where(column.notna(), None).tolist()
    return [films for films in shared_groups(pictures) if len({values[film] for film in films} - {None}) > 1]


def class_names(frame: pd.DataFrame) -> pd.Series:
    """The class of each film; `OTHER` where it has none."""
    return frame["class"].astype("string").fillna(OTHER)


def contradicting(frame: pd.DataFrame, pictures: Pictures) -> list[NDArray[np.int64]]:
    """The shared pictures whose films are labelled differently, finer kinds aside ("pneumonia/viral" is "pneumonia").

    A film of no class is asked for its own label.
    """
    labels = frame["class"].astype("string").fillna(frame["label"])
    return divided(labels.str.partition("/")[0], pictures)
