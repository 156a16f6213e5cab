"""Films as audits look at them: whole, whatever their shape, and no larger than it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.thumbnails import thumbnails

if TYPE_CHECKING:
    import pandas as pd

SIDE = 192
WHOLE = Preprocessing(size=SIDE, fit="pad")


@dataclass(frozen=True, eq=False)
class AuditedFilms:
    """N films and what is known of them.

    `frame` has a row a film: the columns of a manifest, `class` (the label as it is judged), `case` (int64), `sha256`.
    `films` holds each on a black square, uint8 [N, S, S], as `WHOLE` makes it; `shapes` int64 [N, 2] are the height
    and the width of the films themselves, upright.
    """

    frame: pd.DataFrame
    films: Films | NDArray[np.uint8]
    shapes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, mask: ArrayLike) -> AuditedFilms:
        """The films for which the boolean array [N] holds."""
        kept = np.flatnonzero(np.asarray(mask, dtype=bool))
        films = self.films.take(kept) if isinstance(self.films, Films) else self.films[kept]
        return AuditedFilms(self.frame.iloc[kept].reset_index(drop=True), films, self.shapes[kept])

    def content(self, row: int) -> NDArray[np.uint8]:
        """One film without the black around it, uint8 [h, w]; its longer side is S."""
        square = self.films[np.array([row])][0]
        height, width = inner_shape(self.shapes[row], square.shape[0])
        top, left = (square.shape[0] - height) // 2, (square.shape[0] - width) // 2
        return np.asarray(square[top : top + height, left : left + width])

    def stretched(self, side: int) -> NDArray[np.float32]:
        """Mean greys of `side` x `side` tiles of each film, float32 [N, side, side]; its shape leaves no trace."""
        found = np.empty((len(self), side, side), np.float32)
        for row in range(len(self)):
            found[row] = thumbnails(at_least(self.content(row), side)[None], side)[0]
        return found


def inner_shape(shape: NDArray[np.int64], size: int) -> tuple[int, int]:
    """Height and width of a film of `shape` on a square of `size`, as `reading` pads it."""
    longest = int(max(shape))
    height, width = (max(1, round(int(side) * size / longest)) for side in shape)
    return height, width


def at_least(film: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The film [h, w], rows and columns repeated until there are `side` of each or more."""
    repeats = [-(-side // length) for length in film.shape]
    return film.repeat(repeats[0], 0).repeat(repeats[1], 1)
