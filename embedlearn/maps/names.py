"""Names on a map, each in a box with a rim of its colour, joined by a line to what it names where it stands apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import Theme
from embedlearn.maps.cells import SIZE
from embedlearn.maps.labels import Frame, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Text

Places = NDArray[np.float64]
FAR = 0.06  # from a point to its name, in inches, beyond which a line joins them


def write_names(
    axes: Axes, names: Sequence[tuple[str, str]], anchors: Places, films: Places, taken: Places, look: Theme,
    gap: float = 0,
) -> Places:  # fmt: skip
    """Write names, each with the colour of its rim, where they cover little, and join them to the points `anchors`.

    `anchors` [L, 2] and `films` [N, 2] in inches, `taken` [T, 4] boxes that no name may cover; lines end `gap` before
    their point. Returns the boxes taken then.
    """
    drawn: Any = axes.figure
    texts, sizes = [_text(axes, name, look, edge) for name, edge in names], []
    for text in texts:
        text.get_window_extent(drawn.canvas.get_renderer())
        patch: Any = text.get_bbox_patch()
        text.update_bbox_position_size(drawn.canvas.get_renderer())
        extent = patch.get_window_extent()
        sizes.append([extent.width / drawn.dpi + 0.02, extent.height / drawn.dpi + 0.02])
    size = np.array(sizes).reshape(-1, 2)
    centres = place_labels(anchors, size, films, Frame(0, 0, axes.get_xlim()[1], axes.get_ylim()[1]), taken)
    for text, centre, anchor, extent in zip(texts, centres, anchors, size, strict=True):
        if np.isnan(centre).any():
            text.remove()
            continue
        text.set_position(tuple(centre))
        if (np.abs(centre - anchor) - extent / 2).max() > FAR:
            end = anchor + (centre - anchor) * gap / np.linalg.norm(centre - anchor)
            axes.plot(*np.stack([centre, end]).T, color=look.ink, linewidth=0.6, zorder=4)
            if not gap:
                axes.plot(*anchor, color=look.ink, marker=".", markersize=3, zorder=4)
    kept = ~np.isnan(centres[:, 0])
    return np.vstack([taken, np.hstack([centres - size / 2, centres + size / 2])[kept]])


def _text(axes: Axes, words: str, look: Theme, edge: str) -> Text:
    ground = {"boxstyle": "round,pad=0.18", "facecolor": look.paper, "edgecolor": edge, "linewidth": 0.9, "alpha": 0.85}
    return axes.text(0, 0, words, fontsize=SIZE, ha="center", va="center", bbox=ground, zorder=5)
