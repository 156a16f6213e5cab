"""How far two properties of films go together, beyond what chance gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.replicates import REPLICATES, Estimate, Floats, case_weights, summed_up

if TYPE_CHECKING:
    import pandas as pd


def cramers_v(frame: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> Estimate:
    """Cramér's V of class and source over films, less what chance gives it, with its bootstrap interval over cases.

    0 where the source says no more of the class than chance would, 1 where it says all (Bergsma 2013).
    """
    rows, row = np.unique(frame["class"].to_numpy(dtype=str), return_inverse=True)
    columns, column = np.unique(frame["source"].to_numpy(dtype=str), return_inverse=True)
    _, case = np.unique(frame["case"].to_numpy(), return_inverse=True)
    cell, shape = row * len(columns) + column, (len(rows), len(columns))
    found = []
    for weight in case_weights(case, replicates, seed):
        table = np.bincount(cell, weight, shape[0] * shape[1]).reshape(shape)
        found.append(_association(table, _independent(np.bincount(case, weight).astype(float))))
    return summed_up(np.array(found))


def _independent(films: Floats) -> float:
    """As how many cases of one film each those of so many films [M] count (Kish 1965).

    A case that a replicate draws twice is no second one: of M cases drawn anew about M / 2 are left.
    """
    return float(films.sum() ** 2 / (films**2).sum())


def _association(table: NDArray[Any], trials: float) -> float:
    """Bergsma's V of a table of counts from so many trials; NaN where one row or column or too few trials are left."""
    table = table[table.sum(1) > 0][:, table.sum(0) > 0]
    sides = np.array(table.shape) - 1.0
    if sides.min() < 1 or trials <= 1 + sides.max():
        return float("nan")
    expected = np.outer(table.sum(1), table.sum(0)) / table.sum()
    squared = ((table - expected) ** 2 / expected).sum() / table.sum()
    corrected = max(0.0, squared - sides.prod() / (trials - 1))
    return min(1.0, float(np.sqrt(corrected / (sides - sides**2 / (trials - 1)).min())))
