"""A pool's embeddings by one encoder, and the inner products that its episodes need.

Distances are k(a,a) - 2k(a,b) + k(b,b): once the products of all pairs are known, an episode is a gather of numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.blas import ssyrk

from embedlearn.arrays import checked_matrix
from embedlearn.episodes import kernels
from embedlearn.episodes.record import Episodes
from embedlearn.errors import ArgumentError, MismatchError

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
WHOLE_UP_TO = 8_192  # films: the products of all pairs then take 256 MB at the most
EPISODES_AT_ONCE = 50  # where the products of each episode are computed for themselves


@dataclass(frozen=True, eq=False)
class Products:
    """The inner products of the queries of e episodes with their supports.

    `matrix`: float32, a row a query film and a column a support film. `start`, `place`: where each row's queries are
    among the e * T (`kernels.by_row`). `support`: columns, uint32 [e, S]. `first`: int [W + 1], where each slot's
    support begins. Squared lengths: `query_length` by row, `column_length` by column or [e, S], `prototype_length` [e,
    W].
    """

    matrix: Singles
    start: NDArray[np.uint32]
    place: NDArray[np.uint32]
    support: NDArray[np.uint32]
    first: NDArray[np.int64]
    query_length: Singles
    column_length: Singles
    prototype_length: Singles

    @property
    def support_length(self) -> Singles:
        """Squared lengths of the support films, float32 [e, S]."""
        return self.column_length[self.support] if self.column_length.ndim == 1 else self.column_length


class Space:
    """The embeddings of N films by one encoder.

    `rows`: float32 [N, D]. `center`: float32 [D], the mean embedding of the encoder's training films; None where it is
    not known. Raises `ArgumentError` where they are not finite or do not fit together.

    Products are taken of rows in a view: `shifted` (about their mean, which changes no distance and loses fewer
    digits), `raw`, or `cl2n` (about `center`, or the mean where there is none, and brought to length 1).
    """

    def __init__(self, rows: ArrayLike, center: ArrayLike | None = None) -> None:
        self.rows: Singles = checked_matrix(rows, np.float32)
        self.center: Singles | None = None
        self._gram: dict[str, Singles] = {}
        if center is not None:
            self.center = checked_matrix(np.atleast_2d(np.asarray(center)), np.float32).ravel()
            if self.center.size != self.rows.shape[1]:
                raise ArgumentError(f"center: wanted {self.rows.shape[1]} numbers, got {self.center.size}")

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def mean(self) -> Singles:
        """The mean of the rows, float32 [D]."""
        return np.asarray(self.rows.mean(axis=0, dtype=np.float64), np.float32)

    def view(self, name: str, films: NDArray[np.int64] | slice = slice(None)) -> Singles:
        """The rows of some films in a view, float32 [..., D]."""
        rows = self.rows[films]
        if name == "raw":
            return rows
        if name == "shifted":
            return rows - self.mean
        if name == "cl2n":
            return normalized(rows - (self.mean if self.center is None else self.center))
        raise ValueError(f"view: wanted shifted, raw or cl2n, got {name!r}")

    def products(self, view: str, episodes: Episodes) -> Iterator[Products]:
        """The products of the episodes in their order: at once from those of all pairs, or some episodes at a time.

        Raises `MismatchError` where the episodes name films that are not here.
        """
        films = np.concatenate([episodes.support, episodes.query], axis=1)
        if films.size and not 0 <= films.min() <= films.max() < len(self):  # the compiled loops check no bounds
            raise MismatchError(
                f"episodes: wanted films 0 to {len(self) - 1} of the space, got {films.min()} to {films.max()}"
            )
        first = np.append(0, np.cumsum(episodes.shots))
        if len(self) <= WHOLE_UP_TO:
            yield self._gathered(self.gram(view), episodes, first)
            return
        for start in range(0, len(episodes), EPISODES_AT_ONCE):
            yield self._computed(view, episodes[start : start + EPISODES_AT_ONCE], first)

    def gram(self, view: str) -> Singles:
        """The inner products of all pairs of rows in a view, float32 [N, N]; the last view asked for is kept."""
        if view not in self._gram:
            rows = self.view(view)
            matrix = np.asarray(ssyrk(1.0, rows.T, trans=1, lower=1)).T
            kernels.mirror(matrix)
            self._gram = {view: matrix}
        return self._gram[view]

    @staticmethod
    def _gathered(gram: Singles, episodes: Episodes, first: NDArray[np.int64]) -> Products:
        support = episodes.support.astype(np.uint32)
        start, place = kernels.by_row(episodes.query.astype(np.uint32).ravel(), len(gram))
        own = np.ascontiguousarray(gram.diagonal())
        lengths = kernels.prototype_lengths(gram, support, first)
        return Products(gram, start, place, support, first, own, own, lengths)

    def _computed(self, view: str, episodes: Episodes, first: NDArray[np.int64]) -> Products:
        support, query = self.view(view, episodes.support), self.view(view, episodes.query)
        matrix = (query @ support.transpose(0, 2, 1)).reshape(-1, support.shape[1])
        numbers = np.arange(len(matrix) + 1, dtype=np.uint32)
        columns = np.tile(np.arange(support.shape[1], dtype=np.uint32), (len(support), 1))
        prototypes = np.add.reduceat(support, first[:-1], axis=1) / np.diff(first)[:, None].astype(np.float32)
        lengths = (np.einsum("...d,...d->...", rows, rows) for rows in (query, support, prototypes))
        query_length, support_length, prototype_length = lengths
        return Products(
            matrix, numbers, numbers[:-1], columns, first, query_length.ravel(), support_length, prototype_length
        )


def normalized(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows, float [..., D], at unit length; a row of zeros stays so."""
    length = np.sqrt(np.einsum("...d,...d->...", rows, rows))[..., None]
    return np.asarray(rows / np.where(length > 0, length, 1))


def joined(parts: list[NDArray[np.floating]]) -> NDArray[np.floating]:
    """The parts one after the other; one alone is not copied."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
