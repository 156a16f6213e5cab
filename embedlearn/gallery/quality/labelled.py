"""Cases with what is known of each, and the same as numbers: who may answer whom, and which answers are right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """N vectors and what is known of each case.

    `X`: float [N, D], finite. `columns`: by name N strings or whole numbers (label, source, view...); a missing one
    (None, NaN) is right for nobody. `groups`: N names of patients or cases, a missing one stands for a patient of its
    own; None where none is known. Raises `ArgumentError` where these do not fit together.
    """

    X: NDArray[np.float32]
    columns: Mapping[str, ArrayLike]
    groups: ArrayLike | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "X", checked_matrix(self.X, np.float32))
        for name, values in {**self.columns, **({} if self.groups is None else {"groups": self.groups})}.items():
            if (length := len(_values(values))) != len(self.X):
                raise ArgumentError(f"{name}: wanted a value for each of {len(self.X)} vectors, got {length}")

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: Codes) -> Labelled:
        """The cases in these rows, in this order."""
        columns = {name: _values(values)[rows] for name, values in self.columns.items()}
        return Labelled(self.X[rows], columns, None if self.groups is None else _values(self.groups)[rows])


@dataclass(frozen=True, eq=False)
class Sides:
    """One column of the queries and of the cases in numbers, int64 [M] and [N]; -1 where a value is missing."""

    asked: Codes
    there: Codes

    def likeness(self, rows: Codes) -> NDArray[np.bool_]:
        """Whether each query has the value of the cases in `rows` (int64 [M, K], -1 for none), bool [M, K]."""
        asked = self.asked[:, None]
        return np.asarray((rows >= 0) & (asked >= 0) & (self.there[rows] == asked))


def joint_sides(asked: ArrayLike, there: ArrayLike) -> Sides:
    """Two lists of values as numbers that are equal where the values are."""
    asked, there = _values(asked), _values(there)
    codes = pd.factorize(np.concatenate([asked, there]))[0].astype(np.int64)
    return Sides(codes[: len(asked)], codes[len(asked) :])


def group_sides(queries: Labelled, gallery: Labelled, own: Codes) -> Sides:
    """Whose each query and case is: a query may be answered by all cases but those of its own number.

    `own`, int64 [M]: the row in the gallery that a query is, -1 where it is none; it then has that row's number. A
    case without a group has a number of its own, a query without one has -1.
    """
    asked, there = (np.full(len(each), None) if each.groups is None else each.groups for each in (queries, gallery))
    named = joint_sides(asked, there)
    alone = max(named.asked.max(initial=-1), named.there.max(initial=-1)) + 1 + np.arange(len(gallery))
    codes = np.where(named.there < 0, alone, named.there)
    return Sides(np.where(own < 0, named.asked, codes[own]), codes)


def count_equal(columns: Sequence[Sides]) -> Codes:
    """How many cases are like each query in all of some columns, int64 [M]; what is missing is like nothing."""
    both = reduce(_packed, columns)
    counts = np.bincount(both.there[both.there >= 0], minlength=int(both.asked.max(initial=0)) + 1)
    return np.where(both.asked < 0, 0, counts[both.asked])


def joined_groups(*names: ArrayLike) -> Codes:
    """Numbers int64 [N] of the groups of cases that share a name in any of some lists, such as patients and twins.

    Missing names join nothing. For `Labelled.groups`, so that neither a patient's other film nor a near-identical
    picture counts as an answer.
    """
    size = len(_values(names[0]))
    rows, others = [], []
    for each in names:
        codes, values = pd.factorize(_values(each))
        named = np.flatnonzero(codes >= 0)
        first = np.zeros(len(values), np.int64)
        first[codes[named[::-1]]] = named[::-1]
        rows.append(named)
        others.append(first[codes[named]])
    edges = np.concatenate(rows), np.concatenate(others)
    graph = coo_array((np.ones(len(edges[0]), bool), edges), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def _packed(one: Sides, two: Sides) -> Sides:
    """Two columns as one: equal where both are."""
    first, second = (np.concatenate([side.asked, side.there]) for side in (one, two))
    both = np.where((first < 0) | (second < 0), -1, first * (second.max(initial=-1) + 1) + second)
    codes = np.where(both < 0, -1, pd.factorize(both)[0]).astype(np.int64)
    return Sides(codes[: len(one.asked)], codes[len(one.asked) :])


def _values(values: ArrayLike) -> NDArray[np.object_]:
    return np.asarray(values, dtype=object)
