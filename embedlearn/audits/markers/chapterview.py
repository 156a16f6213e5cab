"""How the chapter on markers is shown: where they lie by class, and how often they do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Shown
from embedlearn.audits.judging import Judged, interval
from embedlearn.audits.markers.shares import Share
from embedlearn.figures import GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Cell, Group, Row, Table
from embedlearn.pages.numbers import number, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT = 2.7, 3.3  # inches
CAPTION = "Where letters, text and boxes lie, by class: the share of its films that have one there; all of one scale."


def heat_maps(where: Mapping[str, NDArray[np.float64]]) -> dict[str, Shown]:
    """A panel a class of the share of films with a marker on each tile, float64 [S, S]; all of one scale."""
    most = max(float(shares.max()) for shares in where.values()) or 1.0
    panels = [Panel(name, partial(_draw, shares=shares, most=most), HEIGHT) for name, shares in where.items()]
    return {"markers": Shown(CAPTION, Picture(tuple(panels), WIDTH, min(3, len(panels))))}


def share_tables(by_class: Mapping[str, Share], by_source: Mapping[str, Share], told: Judged | None) -> Iterator[Block]:
    """The share of marked films of each class and of each source, and how well the class is told by its markers."""
    columns = ("films with markers", "films", "cases", "markers a film", "told by them, AUC")
    groups = (
        Group("by class", tuple(_row(name, share, told) for name, share in by_class.items())),
        Group("by source", tuple(_row(name, share, None) for name, share in by_source.items())),
    )
    yield Table("Burned-in letters, text and boxes", ("", *columns), groups)


def _row(name: str, share: Share, told: Judged | None) -> Row:
    ends = f"[{percent(share.low)}, {percent(share.high)}]".replace(" %, ", ", ")
    auc = told.auc("markers", name) if told and name in told.classes else None
    return Row(
        name,
        (
            Cell(percent(share.value), "", ends, share.value),
            Cell(f"{share.films:,}"),
            Cell(f"{share.cases:,}"),
            Cell(f"{share.each:.1f}"),
            Cell(number(auc.value), "", interval(auc)) if auc else Cell("–"),
        ),
    )


def _draw(axes: Axes, shares: NDArray[np.float64], most: float) -> None:
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=most, extent=(0, 1, 1, 0), interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GREY, linewidth=0.8)
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(drawn, ax=axes, orientation="horizontal", fraction=0.05, pad=0.03, ticks=[0, most])
    bar.ax.set_xticklabels(["0", percent(most)])
    bar.outline.set_visible(False)
