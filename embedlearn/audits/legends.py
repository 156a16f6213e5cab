"""Legends under axes, where they hide nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2
LINE = 0.19  # inches


def legend_height(entries: int) -> float:
    """The inches that a legend of so many entries takes under the label of the axis."""
    return LINE * math.ceil(entries / COLUMNS) + 0.1 if entries else 0.0


def legend_below(axes: Axes) -> None:
    """A legend a fixed way below the axes, whatever their height."""
    from matplotlib.transforms import ScaledTranslation

    moved = axes.transAxes + ScaledTranslation(-0.45, -0.45, axes.figure.dpi_scale_trans)
    axes.legend(
        loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=moved, borderaxespad=0, ncols=COLUMNS, fontsize=8
    )
