"""Maps as figures to be published: films coloured by label and by source, and what each map is worth below it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError
from embedlearn.figures import Theme, theme_of
from embedlearn.maps.alignment import align
from embedlearn.maps.cells import SIDE, Box, Cell, box_of, legend_cell, save_cells, words_cell
from embedlearn.maps.groups import Group, grouped
from embedlearn.maps.names import write_names
from embedlearn.maps.stars import Stars, draw_stars, star_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float32]
MANY = 5_000  # films above which they are pixels in an SVG, too
LAYERS = 16  # in which films are drawn, each a mixture of all
PALE = "Paler films have fewer of their nearest films beside them on the map: do not read much into their places."


@dataclass(frozen=True, eq=False)
class View:
    """A map as it is drawn: `positions` float32 [N, 2], N `labels` and `sources`, and the sentences below it.

    `reliability`, float32 [N] in 0..1, makes films pale that a map has torn from their neighbours.
    """

    title: str
    positions: Floats
    labels: Sequence[str]
    sources: Sequence[str]
    sentences: Sequence[str] = ()
    reliability: Floats | None = None
    new: Stars | None = None

    def __post_init__(self) -> None:
        for name in ("labels", "sources"):
            if len(getattr(self, name)) != len(self.positions):
                got = f"{len(getattr(self, name))} {name} for {len(self.positions)} positions"
                raise ArgumentError(f"{self.title}: wanted one of each for every film, got {got}")

    @property
    def places(self) -> Floats:
        """Where its films lie, and new ones, float32 [N + M, 2]."""
        return np.vstack([self.positions, self.new.positions]) if self.new else self.positions

    def laid_over(self, other: View) -> View:
        """The same map turned and scaled so that its films, the same as the other's, lie as near to them as may be."""
        alignment = align(self.positions, other.positions)
        new = self.new and dataclasses.replace(self.new, positions=alignment.apply(self.new.positions))
        return dataclasses.replace(self, positions=alignment.apply(self.positions), new=new)


def draw_map(path: Path, view: View, theme: str = "light") -> None:
    """Write one map, by label and, where there are several sources, by source beside it. Raises `StorageError`."""
    look = theme_of(theme)
    parts = _parts(view, look)
    box = box_of(view.places)
    rows = [
        [words_cell([view.title], len(parts), strong=True)],
        [words_cell([f"by {word}"]) for word in parts],
        [_map_cell(view, groups, look, box) for groups in parts.values()],
        [legend_cell(groups, star_marks([view.new], look)) for groups in parts.values()],
        [words_cell(_said(view), len(parts))],
    ]
    save_cells(path, rows, theme)


def draw_comparison(path: Path, views: Sequence[View], theme: str = "light") -> None:
    """Write maps of the same films side by side, all laid over the last one and drawn to one scale.

    Raises `ArgumentError` where they are not of the same films, `StorageError`.
    """
    look = theme_of(theme)
    laid = [*(view.laid_over(views[-1]) for view in views[:-1]), views[-1]]
    box = box_of(*(view.places for view in laid))
    rows = [[words_cell([view.title], strong=True) for view in laid]]
    for word, groups in _parts(laid[0], look).items():
        rows.append([words_cell([f"by {word}"], len(laid))])
        rows.append([_map_cell(view, groups, look, box) for view in laid])
        rows.append([legend_cell(groups, star_marks([view.new for view in laid], look), len(laid))])
    rows.append([words_cell(_said(view)) for view in laid])
    save_cells(path, rows, theme)


def _parts(view: View, look: Theme) -> dict[str, list[Group]]:
    """What films are coloured by; sources take other colours than labels, as far as there are any."""
    parts = {"label": grouped(view.labels, look)}
    if len(set(view.sources)) > 1:
        parts["source"] = grouped(view.sources, look, first=len(parts["label"]))
    return parts


def _said(view: View) -> list[str]:
    return [*view.sentences, *([PALE] if view.reliability is not None else [])]


def _map_cell(view: View, groups: Sequence[Group], look: Theme, box: Box) -> Cell:
    def draw(axes: Axes) -> None:
        from matplotlib.patches import Rectangle

        films = box.inches(view.positions)
        _draw_films(axes, films, groups, view.reliability)
        axes.add_patch(
            Rectangle((0, 0), SIDE, box.height, fill=False, edgecolor=look.muted, linewidth=0.6, clip_on=False)
        )
        taken = np.empty((0, 4))
        if view.new:  # their names come first: a group is also told by its colour
            taken = draw_stars(axes, view.new, box.inches(view.new.positions), films, look)
        middles = np.array([_middle(films[group.rows]) for group in groups])
        write_names(axes, [(group.short, group.colour) for group in groups], middles, films, taken, look)

    return Cell(draw, box.height)


def _middle(films: NDArray[np.float64]) -> NDArray[np.float64]:
    """The film nearest to the median of films [n, 2], which may itself lie where there is none."""
    return np.asarray(films[np.square(films - np.median(films, axis=0)).sum(axis=1).argmin()])


def _draw_films(axes: Axes, films: NDArray[np.float64], groups: Sequence[Group], reliability: Floats | None) -> None:
    """All films, layer by layer in a shuffled order, so that no group hides another."""
    size = float(np.clip(9_000 / len(films), 1.2, 14))
    alpha = np.full(len(films), np.clip(1.3 - 0.2 * np.log10(len(films)), 0.35, 0.9))
    if reliability is not None:
        alpha = 0.12 + (alpha - 0.12) * np.clip(reliability * 2, 0, 1)
    look = {"s": size, "linewidths": 0, "rasterized": len(films) > MANY, "clip_on": False}
    layer = np.random.default_rng(0).integers(LAYERS, size=len(films))
    for number in range(LAYERS):
        for group in groups:
            rows = group.rows[layer[group.rows] == number]
            if len(rows):
                x, y = films[rows].T
                axes.scatter(x, y, c=group.colour, marker=group.marker, alpha=alpha[rows], **look)  # type: ignore[arg-type]
