"""Nearest films of other cases, exact: those of one patient say nothing of how a map sorts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import exact_neighbours, padded

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
WIDE = 32  # films of one case that are looked past for all films at once


def neighbours_elsewhere(X: Floats, k: int, cases: ArrayLike | None = None) -> tuple[Floats, Rows]:
    """The `k` nearest films of other cases to each film of `X`, float32 [N, D].

    `cases` as in `case_numbers`. Returns squared distances, float32 [N, k], and rows, int64 [N, k], as
    `exact_neighbours` gives them: inf and -1 where there are fewer.
    """
    own = case_numbers(cases, len(X))
    widest = int(np.bincount(own).max(initial=0))
    squared, found = exact_neighbours(X, X, k + min(widest, WIDE))
    squared, found = _others(squared, found, own, k)
    short = np.flatnonzero((found < 0).any(axis=1))
    for case in np.unique(own[short]):  # a case of very many films, or of nearly all
        rows = short[own[short] == case]
        squared[rows], found[rows] = exact_neighbours(X[rows], X, k, allowed=own != case)
    return squared, found


def case_numbers(cases: ArrayLike | None, count: int) -> Rows:
    """A number for each film's case, int64 [N]; a film without a case is its own, as all are where `cases` is None."""
    if cases is None:
        return np.arange(count)
    codes, _ = column_codes("cases", cases, count)
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def column_codes(name: str, values: ArrayLike, count: int) -> tuple[Rows, list[str]]:
    """Each value's number, int64 [N], -1 where there is none, and the values as text, in order.

    Raises `ArgumentError` where there are not `count`.
    """
    column = pd.Series(np.asarray(values, object).reshape(-1))
    if len(column) != count:
        raise ArgumentError(f"{name}: wanted one for each of {count} films, got {len(column)}")
    codes, names = pd.factorize(column.where(column.isna(), column.astype(str)), sort=True)
    return codes.astype(np.int64), [str(name) for name in names]


def _others(squared: Floats, found: Rows, own: Rows, k: int) -> tuple[Floats, Rows]:
    """The first `k` of each film's neighbours, [N, K] each, that are of another case."""
    other = (own[found] != own[:, None]) & (found >= 0)
    order = np.argsort(~other, axis=1, kind="stable")[:, :k]
    taken = np.take_along_axis(other, order, 1)
    squared = np.where(taken, np.take_along_axis(squared, order, 1), np.float32(np.inf))
    return padded(squared, np.where(taken, np.take_along_axis(found, order, 1), -1), k)
