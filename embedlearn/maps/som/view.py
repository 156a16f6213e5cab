"""A self-organising map as it is drawn: the nodes, what is known of their films, and what the map is worth."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.errors import ArgumentError
from embedlearn.maps.projections.base import Floats
from embedlearn.maps.som.exemplars import node_exemplars, node_means
from embedlearn.maps.som.measures import SomQuality, som_quality
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.training import Nodes
from embedlearn.maps.stars import Stars


@dataclass(frozen=True, eq=False)
class SomView:
    """`weights` float32 [rows, columns, D], `nodes` int64 [N], N `labels` and `sources`, the sentences of the quality.

    `exemplars`, int64 [rows * columns], is the film that stands for a node, -1 where there is none. `films`, uint8
    [N, S, S], perhaps a memory map, and `explanations`, float32 [rows * columns, h, w] (a node's mean; NaN where it has
    no film), are None where they are not at hand; `explained` says what the explanations are of. `most` is how many
    films may be shown. `new` are new films, at columns and rows; `sentences` stand below what the quality says.
    """

    title: str
    weights: Floats
    nodes: Nodes
    labels: Sequence[str]
    sources: Sequence[str]
    exemplars: NDArray[np.int64]
    quality: SomQuality
    films: Any = None
    explanations: Floats | None = None
    explained: str = "the score"
    most: int | None = None
    new: Stars | None = None
    sentences: Sequence[str] = ()

    @property
    def said(self) -> list[str]:
        """What stands below every figure."""
        return [*self.quality.sentences(), *self.sentences]

    @property
    def positions(self) -> Floats:
        """Column and row of each film's node, float32 [N, 2]."""
        row, column = np.divmod(self.nodes, self.sides[1])
        return np.stack([column, row], axis=1).astype(np.float32)

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.weights.shape[0], self.weights.shape[1]

    @property
    def hits(self) -> NDArray[np.int64]:
        """How many films each node holds, int64 [rows, columns]."""
        rows, columns = self.sides
        return np.bincount(self.nodes, minlength=rows * columns).reshape(rows, columns)

    def turned(self, *, upside_down: bool, mirrored: bool) -> SomView:
        """The same map with its rows, its columns or both in the other order; its neighbours stay neighbours."""
        rows, columns = self.sides
        steps = (slice(None, None, -1 if upside_down else 1), slice(None, None, -1 if mirrored else 1))
        order = np.arange(rows * columns).reshape(rows, columns)[steps].ravel()  # the old number at each new place
        new = self.new
        if new is not None:
            ends, turned = np.array([columns - 1, rows - 1], np.float32), np.array([mirrored, upside_down])
            new = dataclasses.replace(new, positions=np.where(turned, ends - new.positions, new.positions))
        return dataclasses.replace(
            self,
            weights=self.weights[steps],
            nodes=np.argsort(order)[self.nodes],
            exemplars=self.exemplars[order],
            explanations=None if self.explanations is None else self.explanations[order],
            new=new,
        )

    def turned_like(self, other: SomView) -> SomView:
        """The map turned so that its films, the same as the other's, lie as much as may be where they lie there.

        Raises `ArgumentError` where there are not as many.
        """
        if len(self.nodes) != len(other.nodes):
            raise ArgumentError(
                f"{self.title}: wanted the {len(other.nodes)} films of {other.title}, got {len(self.nodes)}"
            )
        own, theirs = (
            np.stack(np.divmod(view.nodes, view.sides[1])).astype(float) - [[(side - 1) / 2] for side in view.sides]
            for view in (self, other)
        )
        upside_down, mirrored = (own * theirs).sum(axis=1) < 0
        return self.turned(upside_down=bool(upside_down), mirrored=bool(mirrored))


def view_som(
    title: str,
    som: SelfOrganisingMap,
    X: Floats,
    labels: Sequence[str],
    sources: Sequence[str],
    cases: ArrayLike | None = None,
    films: Any = None,
    explanations: Floats | None = None,
    explained: str = "the score",
    most: int | None = None,
) -> SomView:
    """Measure a fitted map on the films it was made from, `X` float32 [N, D], and find what stands for each node.

    `explanations` is float32 [N, h, w], a map a film. Raises `ArgumentError` where lengths differ.
    """
    if films is not None and len(films) != len(X):
        raise ArgumentError(f"films: wanted {len(X)}, one for each vector, got {len(films)}")
    rows, columns = som.weights_.shape[:2]
    return SomView(
        title=title, weights=som.weights_, nodes=som.nodes_, labels=labels, sources=sources,
        exemplars=node_exemplars(X, som.weights_, som.nodes_, cases)[:, 0],
        quality=som_quality(som, X, labels, sources, cases), films=films,
        explanations=None if explanations is None else node_means(som.nodes_, explanations, rows * columns),
        explained=explained, most=most,
    )  # fmt: skip
