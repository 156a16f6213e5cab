"""New films on a map: stars, hollow where the map knows nothing like them, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import Theme
from embedlearn.maps.cells import Mark
from embedlearn.maps.names import write_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HALF = 0.07  # of a mark's side, in inches


@dataclass(frozen=True, eq=False)
class Stars:
    """New films: names, `positions` float32 [M, 2] on the map, and `strange` bool [M] as the gate says."""

    names: Sequence[str]
    positions: NDArray[np.float32]
    strange: NDArray[np.bool_]


def draw_stars(
    axes: Axes, new: Stars, places: NDArray[np.float64], films: NDArray[np.float64], look: Theme
) -> NDArray[np.float64]:
    """Draw new films at `places` [M, 2], in inches, with their names; the boxes, float64 [T, 4], taken then."""
    for hollow in (False, True):
        some = places[new.strange == hollow]
        axes.scatter(some[:, 0], some[:, 1], s=130, marker="*", color=look.paper, linewidths=0, zorder=3)
        face = "none" if hollow else look.ink
        rim = {"edgecolors": look.ink, "linewidths": 0.9, "zorder": 3}
        axes.scatter(some[:, 0], some[:, 1], s=70, marker="*", facecolors=face, **rim)  # type: ignore[arg-type]
    taken = np.hstack([places - HALF, places + HALF])
    return write_names(axes, [(name, look.ink) for name in new.names], places, films, taken, look, gap=HALF)


def star_marks(new: Sequence[Stars | None], look: Theme) -> list[Mark]:
    """The legend's lines for new films, as far as there are any."""
    strange = np.concatenate([np.empty(0, bool), *(stars.strange for stars in new if stars)])
    marks = []
    if (~strange).any():
        marks.append(Mark("*", look.ink, look.ink, "new film", 40))
    if strange.any():
        marks.append(Mark("*", "none", look.ink, "new film, unlike any on the map", 40))
    return marks
