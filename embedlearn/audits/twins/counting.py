"""How often pictures are shared: between sources, classes, patients and splits."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.twins.pictures import Pictures

if TYPE_CHECKING:
    import pandas as pd


class Shared(NamedTuple):
    """Pictures and films by what shares them.

    `sources` are the names in order. Of `pairs` and `pictures`, int64 [S, S], the diagonal counts what stands twice or
    more within a source, the rest what stands in both; `exact` bool [P] and `across` bool [P] speak of the pairs.
    `films` int64 [S] are the films of a source, `repeated` int64 [S] those whose picture stands elsewhere too.
    """

    sources: tuple[str, ...]
    pairs: NDArray[np.int64]
    pictures: NDArray[np.int64]
    films: NDArray[np.int64]
    repeated: NDArray[np.int64]
    across: NDArray[np.bool_]


def count_shared(sources: Iterable[str], pictures: Pictures) -> Shared:
    """The counts for films of these sources, str [N]. A picture that three films share has three pairs."""
    names, code = np.unique(np.array(list(sources), dtype=str), return_inverse=True)
    many = len(names)
    pairs, found = np.zeros((many, many), np.int64), np.zeros((many, many), np.int64)
    for films in shared_groups(pictures):
        held = np.bincount(code[films], minlength=many)
        for a, b in combinations(np.flatnonzero(held), 2):
            pairs[[a, b], [b, a]] += held[a] * held[b]
            found[[a, b], [b, a]] += 1
        own = np.flatnonzero(held > 1)
        pairs[own, own] += held[own] * (held[own] - 1) // 2
        found[own, own] += 1
    repeated = np.bincount(pictures.group)[pictures.group] > 1
    across = code[pictures.pairs[:, 0]] != code[pictures.pairs[:, 1]]
    return Shared(
        tuple(names.tolist()), pairs, found,
        np.bincount(code, minlength=many), np.bincount(code, weights=repeated, minlength=many).astype(np.int64), across,
    )  # fmt: skip


def shared_groups(pictures: Pictures) -> list[NDArray[np.int64]]:
    """The films, int64, of each picture that several share, in order of appearance."""
    order = np.argsort(pictures.group, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(pictures.group))[:-1]) if len(order) else []
    return [films for films in parts if len(films) > 1]


def divided(column: pd.Series, pictures: Pictures) -> list[NDArray[np.int64]]:
    """The shared pictures whose films differ in a column; films without a value are not asked."""
    values = column.astype(object).where(column.notna(), None).tolist()
    return [films for films in shared_groups(pictures) if len({values[film] for film in films} - {None}) > 1]
