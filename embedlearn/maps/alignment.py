"""Two maps of the same films turned alike, so that they can be compared side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError

Places = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Alignment:
    """A shift, a turn or mirroring, and one scale: x goes to scale * (x - start) @ turn + goal.

    `start` and `goal` float64 [2], `turn` an orthogonal matrix float64 [2, 2].
    """

    start: Places
    goal: Places
    turn: Places
    scale: float

    def apply(self, positions: ArrayLike) -> NDArray[np.float32]:
        """Positions [M, 2] of the moved map, of any of its films, as float32 [M, 2] on the other one."""
        moved = (checked_matrix(positions, np.float64) - self.start) @ self.turn * self.scale + self.goal
        return moved.astype(np.float32)


def align(moved: ArrayLike, fixed: ArrayLike) -> Alignment:
    """How to lay the map `moved` [N, 2] over the map `fixed` [N, 2] of the same films in the same order.

    Orthogonal Procrustes (Schönemann 1966): of all turns and mirrorings the one with the least squared distance. The
    scale makes both maps equally wide. (That of least squares would shrink a map to a point the less it agrees.)
    Raises `ArgumentError` where the maps are not of the same films.
    """
    source, target = checked_matrix(moved, np.float64), checked_matrix(fixed, np.float64)
    if source.shape != target.shape or source.shape[1:] != (2,) or not len(source):
        raise ArgumentError(f"maps to align: wanted two of the same films, got {source.shape} and {target.shape}")
    start, goal = source.mean(0), target.mean(0)
    left, _, right = np.linalg.svd((source - start).T @ (target - goal))
    spread, wanted = np.linalg.norm(source - start), np.linalg.norm(target - goal)
    return Alignment(start, goal, left @ right, float(wanted / spread) if spread and wanted else 1.0)
