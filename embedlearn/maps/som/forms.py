"""The forms in which a self-organising map is drawn: each a picture of the grid, and keys to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.figures import Theme
from embedlearn.maps.cells import LINE, SIZE, Cell, legend_cell, words_cell
from embedlearn.maps.groups import Group, grouped
from embedlearn.maps.som.grids import Scale, Sizes, extent_at, films_key, grid_in, marks, picture, pies, squares, tiles
from embedlearn.maps.som.measures import u_matrix
from embedlearn.maps.som.view import SomView
from embedlearn.maps.stars import draw_stars, star_marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Doubles = NDArray[np.float64]
PLANES = 4
GAP = 0.1  # between planes, in inches
TILE = 0.3  # of an exemplar film, in inches, at least


class Paper(NamedTuple):
    """What is drawn on: colours, inches of width, and `views`, the maps that are drawn to one scale."""

    look: Theme
    wide: float
    views: Sequence[SomView]

    def sizes(self) -> Sizes:
        """Of marks, on all maps."""
        grids = [grid_in(view.sides, self.wide) for view in self.views]
        return Sizes.fitting(grids, [view.hits.ravel() for view in self.views])


class Form(NamedTuple):
    """What is shown, in words; the picture; what its colours and sizes mean."""

    words: str
    picture: Cell
    keys: Sequence[Cell]


def u_matrix_form(view: SomView, paper: Paper) -> Form:
    """How far each node lies from its neighbours: ridges part groups."""
    values, grid = u_matrix(view.weights), grid_in(view.sides, paper.wide)
    every = np.concatenate([u_matrix(one.weights).ravel() for one in paper.views])
    scale = Scale.rising(every, paper.look)
    key = scale.key("mean distance to the neighbouring nodes", paper.wide)
    return Form("U-matrix", Cell(lambda axes: squares(axes, grid, values, scale), grid.height), [key])


def hits_form(view: SomView, paper: Paper) -> Form:
    """How many films each node holds."""
    hits, grid, sizes = view.hits.ravel(), grid_in(view.sides, paper.wide), paper.sizes()

    def draw(axes: Axes) -> None:
        marks(axes, grid, hits, sizes, paper.look.colours[0], paper.look)

    return Form("films at each node", Cell(draw, grid.height), [films_key(hits, sizes, paper.look, "s")])


def labels_form(view: SomView, paper: Paper) -> Form:
    """The labels of each node's films, as a pie, and new films."""
    return _pies_form("labels", view, pie_groups(view.labels, paper.look), paper)


def sources_form(view: SomView, paper: Paper) -> Form:
    """The sources of each node's films, as a pie, in other colours than the labels as far as there are any."""
    groups = pie_groups(view.sources, paper.look, first=len(pie_groups(view.labels, paper.look)))
    return _pies_form("sources", view, groups, paper)


def _pies_form(words: str, view: SomView, groups: Sequence[Group], paper: Paper) -> Form:
    look, grid, sizes = paper.look, grid_in(view.sides, paper.wide), paper.sizes()
    hits = view.hits.ravel()
    counts = np.stack([np.bincount(view.nodes[group.rows], minlength=len(hits)) for group in groups], axis=1)

    def draw(axes: Axes) -> None:
        pies(axes, grid, counts, sizes, [group.colour for group in groups], look)
        if view.new:
            draw_stars(axes, view.new, grid.inches(view.new.positions), grid.inches(view.positions), look)

    legend = legend_cell(groups, star_marks([view.new], look))
    return Form(words, Cell(draw, grid.height), [films_key(hits, sizes, look, "o"), legend])


def pie_groups(names: Sequence[str], look: Theme, first: int = 0) -> list[Group]:
    """The names by frequency, no two of one colour: what is beyond the colours there are is one grey group."""
    groups = [group._replace(marker="o") for group in grouped(names, look, first)]
    most = len(look.colours)
    if len(groups) <= most:
        return groups
    own, rest = groups[: most - 1], groups[most - 1 :]
    count = len(set(map(str, names))) - len(own)
    return [*own, Group(f"{count} others", look.muted, "o", np.concatenate([group.rows for group in rest]))]


def planes_form(view: SomView, paper: Paper) -> Form:
    """The nodes' weights along their first principal components: what the map follows from side to side."""
    planes, shares = principal_planes(view.weights, PLANES)
    scale = Scale.signed(planes, paper.look)
    half = (paper.wide - GAP) / 2
    one = grid_in(view.sides, half)
    step, lines = one.height + 1.6 * LINE, -(-len(planes) // 2)

    def draw(axes: Axes) -> None:
        for place, (plane, share) in enumerate(zip(planes, shares, strict=True)):
            left, bottom = place % 2 * (half + GAP) + one.left, (lines - 1 - place // 2) * step
            squares(axes, one._replace(left=left, bottom=bottom), plane, scale)
            words = f"component {place + 1} ({share:.0%} of variance)"
            axes.text(left, bottom + one.height + 0.35 * LINE, words, fontsize=SIZE)

    key = scale.key("weights along their principal components", paper.wide)
    return Form("component planes", Cell(draw, lines * step), [key])


def principal_planes(weights: NDArray[np.floating], count: int) -> tuple[Doubles, Doubles]:
    """Scores [P, rows, columns] of the weights on their first `count` principal components, and shares of variance."""
    flat = weights.reshape(-1, weights.shape[2]).astype(np.float64)
    left, values, axes = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    planes = (left * values * signs).T[:count].reshape(-1, *weights.shape[:2])
    return planes, values[:count] ** 2 / max((values**2).sum(), np.finfo(float).tiny)


def exemplars_form(view: SomView, paper: Paper) -> Form:
    """The film nearest to each node's weight; where tiles would be too small, one of the fullest node of a block."""
    block, rows = exemplar_tiles(view, paper.wide)
    grid = grid_in(rows.shape, paper.wide)
    drawn = Cell(lambda axes: tiles(axes, grid, view.films, rows, paper.look), grid.height)
    note = f"The film nearest to the weight of {_nodes(view, block, rows)}."
    return Form("exemplar films", drawn, [words_cell([note])])


def explanations_form(view: SomView, paper: Paper) -> Form:
    """The mean explanation of each node's films, over the film nearest to its weight."""
    block, rows = exemplar_tiles(view, paper.wide)
    grid = grid_in(rows.shape, paper.wide)
    means = {row: view.explanations[view.nodes[row]] for row in rows.ravel() if row >= 0}  # type: ignore[index]
    signed = Scale.signed(np.stack(list(means.values())), paper.look)
    scale = signed._replace(map="RdBu_r")  # over films, not the ground

    def draw(axes: Axes) -> None:
        tiles(axes, grid, view.films, rows, paper.look)
        for centre, row in zip(grid.centres(), rows.ravel(), strict=True):
            if row >= 0:
                strength = 0.8 * np.abs(means[row]) / scale.high
                picture(axes, means[row], extent_at(grid, centre), cmap=scale.map, vmin=scale.low, vmax=scale.high,
                        alpha=strength)  # fmt: skip

    key = scale.key("evidence (below 0: against)", paper.wide)
    note = (
        f"Evidence for {view.explained}: the mean of {_nodes(view, block, rows)}, over the film nearest to its weight."
    )
    return Form("mean explanations", Cell(draw, grid.height), [key, words_cell([note])])


def exemplar_tiles(view: SomView, wide: float) -> tuple[int, NDArray[np.int64]]:
    """How many nodes a side share a tile, and the film of the fullest of them, int64 [rows, columns], -1 for none.

    Where fewer films may be shown, those of the fullest nodes are.
    """
    grid = grid_in(view.sides, wide)
    block = max(1, int(np.ceil(TILE / grid.pitch - 1e-9)))
    exemplars = view.exemplars.reshape(view.sides)
    rows = np.full((-(-grid.rows // block), -(-grid.columns // block)), -1, np.int64)
    for place in np.ndindex(*rows.shape):
        part = tuple(slice(at * block, (at + 1) * block) for at in place)
        rows[place] = exemplars[part].ravel()[view.hits[part].argmax()]
    if view.most is not None:
        held = np.where(rows >= 0, view.hits.ravel()[view.nodes[rows]], 0).ravel()
        rows.ravel()[np.argsort(-held, kind="stable")[view.most :]] = -1
    return block, rows


def _nodes(view: SomView, block: int, rows: NDArray[np.int64]) -> str:
    some = "each node" if block == 1 else f"the fullest of each {block} x {block} nodes"
    capped = view.most is not None and (rows >= 0).sum() == view.most < rows.size
    return f"{some}, of the {view.most:,} fullest of these" if capped else some


FORMS: dict[str, Callable[[SomView, Paper], Form]] = {
    "u-matrix": u_matrix_form,
    "hits": hits_form,
    "labels": labels_form,
    "sources": sources_form,
    "planes": planes_form,
    "exemplars": exemplars_form,
    "explanations": explanations_form,
}
