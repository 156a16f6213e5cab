"""Class means that borrow from the queries."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from embedlearn.episodes.heads.base import Ints, TransductiveHead
from embedlearn.episodes.space import Floats, normalized
from embedlearn.errors import ArgumentError

Rows = NDArray[np.floating]


class BDCSPNClassifier(TransductiveHead):
    """Prototype rectification, BD-CSPN (Liu 2020, arXiv 1911.10713), on a frozen encoder.

    Queries are shifted so that their mean is that of the support, get the label of the nearest class mean by cosine,
    and join the support. A rectified prototype is the mean of its films, weighed by exp(`sharpness` * cosine to the
    class mean). The scores are `scale` * cosine to the rectified prototypes.
    `shift`: whether the scores, too, see the queries where the shift has put them, for queries from another source than
    the support; where both come from one, it only adds the noise of two means.
    The defaults are those of easyfsl. As there every query joins, not only the surest of each class.
    """

    def __init__(self, scale: float = 10.0, sharpness: float = 1.0, shift: bool = False) -> None:
        self.scale = scale
        self.sharpness = sharpness
        self.shift = shift

    def check(self) -> None:
        for name, value in (("scale", self.scale), ("sharpness", self.sharpness)):
            if not 0 < value < np.inf:
                raise ArgumentError(f"{name}: wanted a number above 0, got {value}")

    def answer(self, support: Rows, label: Ints, query: Rows, n_way: int) -> Floats:
        prototypes, shift = rectified(support, label, query, n_way, self.sharpness)
        return self.scale * _cosines(query + shift if self.shift else query, normalized(prototypes))


def rectified(support: Rows, label: Ints, query: Rows, n_way: int, sharpness: float) -> tuple[Rows, Rows]:
    """Rectified prototypes [e, W, D] and the shift of the queries [e, 1, D], from the arguments of `answer`."""
    member = np.eye(n_way, dtype=support.dtype)[label]
    directions = normalized((member / member.sum(axis=0)).T @ support)
    shift = support.mean(axis=1, keepdims=True) - query.mean(axis=1, keepdims=True)
    return _weighted_means(support, label, query, shift, directions, sharpness), shift


@njit(cache=True, fastmath=True)
def _weighted_means(support: Rows, label: Ints, query: Rows, shift: Rows, directions: Rows, sharpness: float) -> Rows:
    """The weighed mean of each class's films and of the shifted queries nearest to it, [e, W, D].

    `directions`: the class means at length 1 or 0, [e, W, D].
    """
    given, (asked, width), ways = len(label), query.shape[1:], directions.shape[1]
    prototypes = np.zeros_like(directions)
    films, weight = np.empty((given + asked, width), query.dtype), np.empty(given + asked, query.dtype)
    slot, peak, total, cosine = np.empty(given + asked, np.int64), np.empty(ways), np.empty(ways), np.empty(ways)
    slot[:given] = label
    for e in range(len(support)):
        films[:given] = support[e]
        for t in range(asked):
            films[given + t] = shift[e, 0]
            _add(1, query[e, t], films[given + t])
        peak[:] = -2 * sharpness
        for i in range(given + asked):
            _cosine(films[i], directions[e], cosine)
            if i >= given:
                slot[i] = cosine.argmax()
            weight[i] = sharpness * cosine[slot[i]]
            peak[slot[i]] = max(peak[slot[i]], weight[i])
        total[:] = 0
        for i in range(given + asked):
            weight[i] = np.exp(weight[i] - peak[slot[i]])
            total[slot[i]] += weight[i]
            _add(weight[i], films[i], prototypes[e, slot[i]])
        for way in range(ways):
            prototypes[e, way] /= total[way]
    return prototypes


@njit(cache=True, fastmath=True)
def _cosines(rows: Rows, directions: Rows) -> Floats:
    """The cosine of each row, [e, n, D], to each of `directions` (length 1 or 0, [e, W, D]): float64 [e, n, W]."""
    cosine = np.empty((len(rows), rows.shape[1], directions.shape[1]))
    for e in range(len(rows)):
        for i in range(rows.shape[1]):
            _cosine(rows[e, i], directions[e], cosine[e, i])
    return cosine


@njit(cache=True, fastmath=True)
def _cosine(row: Rows, directions: Rows, cosine: Floats) -> None:
    """The cosine of a row, [D], to each of `directions` (length 1 or 0, [W, D]), into `cosine` [W]."""
    squared = _inner(row, row)
    for way in range(len(directions)):
        cosine[way] = _inner(row, directions[way]) / np.sqrt(squared) if squared > 0 else 0.0


@njit(cache=True, fastmath=True)
def _inner(left: Rows, right: Rows) -> float:
    """The inner product of two rows, [D]."""
    total = np.float32(0)
    for d in range(len(left)):
        total += left[d] * right[d]
    return total  # type: ignore[return-value]  # in the rows' dtype


@njit(cache=True, fastmath=True)
def _add(weight: float, row: Rows, total: Rows) -> None:
    """Add weight * row to `total`, both [D]."""
    for d in range(len(row)):
        total[d] += weight * row[d]
