"""How far a self-organising map can be trusted: its errors, its dead nodes, and what its nodes sort by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError
from embedlearn.maps.neighbours import case_numbers, column_codes
from embedlearn.maps.projections.base import Floats
from embedlearn.maps.quality import verdict
from embedlearn.maps.som.som import SelfOrganisingMap
from embedlearn.maps.som.training import BLOCK, Doubles, Nodes, best_nodes, squared_distances

ADJACENT = 1.42  # nodes, as MiniSom has it: the eight around a node are its neighbours
AROUND = ((0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1))


class Agreement(NamedTuple):
    """How well nodes tell a label: balanced accuracy, what guessing reaches (1 / classes), share of films answered."""

    accuracy: float
    chance: float
    answered: float


@dataclass(frozen=True)
class SomQuality:
    """What every figure of a self-organising map states.

    `quantization_error`: mean distance of a film to its node; `spread`: to the mean of all films. `topographic_error`:
    share of films whose two best nodes are not neighbours. `used`: share of nodes that hold a film. `label_node`,
    `source_node`: balanced accuracy of the majority of the other cases at a film's node, nan where there is one class;
    `answered`: share of films whose node holds another case.
    """

    rows: int
    columns: int
    films: int
    quantization_error: float
    spread: float
    topographic_error: float
    used: float
    answered: float
    label_node: float
    label_chance: float
    source_node: float
    source_chance: float

    def plain(self) -> dict[str, Any]:
        """As plain data for JSON, None where a number is not defined."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}

    def sentences(self) -> list[str]:
        """The numbers in words; the last says plainly what nodes sort by."""
        told = [
            f"{self.rows} x {self.columns} nodes, {self.used:.0%} in use by {self.films:,} films; quantization error "
            f"{self.quantization_error:.2f} (one node for all: {self.spread:.2f}), topographic error "
            f"{_number(self.topographic_error)}."
        ]
        label, source = (
            f"{name} {value:.2f} (chance {chance:.2f})" if not math.isnan(value) else ""
            for name, value, chance in (
                ("label", self.label_node, self.label_chance), ("source", self.source_node, self.source_chance)
            )
        )  # fmt: skip
        if label or source:
            alone = f"; {1 - self.answered:.0%} of films have no other case there" if self.answered < 0.995 else ""
            known = " and ".join(filter(None, (label, source)))
            told.append(f"Told by the other cases at a film's node, balanced accuracy: {known}{alone}.")
        sorts = (self.label_node, self.label_chance, self.source_node, self.source_chance)
        return told + verdict("Nodes sort", *sorts)


def som_quality(
    som: SelfOrganisingMap, X: ArrayLike, labels: ArrayLike, sources: ArrayLike, cases: ArrayLike | None = None
) -> SomQuality:
    """Measure a fitted map on its films, `X` float32 [N, D] in their order; without `cases` each film is one.

    Raises `ArgumentError` where lengths differ.
    """
    rows = checked_matrix(X, np.float32)
    if len(rows) != len(som.nodes_):
        raise ArgumentError(f"X: wanted the {len(som.nodes_)} films that the map was made from, got {len(rows)}")
    agreed = node_agreement(som.nodes_, labels, sources, cases)
    label, source = agreed["label"], agreed["source"]
    weights = som.weights_
    return SomQuality(
        rows=weights.shape[0], columns=weights.shape[1], films=len(rows),
        quantization_error=float(film_distances(rows, weights, som.nodes_).mean()),
        spread=float(np.linalg.norm(rows - rows.mean(axis=0, dtype=np.float64), axis=1).mean()),
        topographic_error=topographic_error(rows, weights), used=share_in_use(som.nodes_, weights.shape[:2]),
        answered=label.answered, label_node=label.accuracy, label_chance=label.chance,
        source_node=source.accuracy, source_chance=source.chance,
    )  # fmt: skip


def film_distances(X: Floats, weights: Floats | Doubles, nodes: Nodes) -> Doubles:
    """The distance of each film to its node, float64 [N]."""
    flat = weights.reshape(-1, weights.shape[2])
    distances = np.empty(len(X))
    for start in range(0, len(X), BLOCK):
        block = slice(start, start + BLOCK)
        distances[block] = np.linalg.norm(X[block] - flat[nodes[block]].astype(np.float64), axis=1)
    return distances


def quantization_error(X: Floats, weights: Floats | Doubles) -> float:
    """The mean distance of `X`, float32 [N, D], to the best nodes of `weights` [rows, columns, D]."""
    return float(film_distances(X, weights, best_nodes(X, weights)).mean())


def topographic_error(X: Floats, weights: Floats | Doubles) -> float:
    """The share of films whose two best nodes are not among each other's eight neighbours; nan for one node."""
    flat = weights.reshape(-1, weights.shape[2]).astype(np.float64)
    if len(flat) == 1:
        return math.nan
    apart = 0
    for start in range(0, len(X), BLOCK):
        rows = X[start : start + BLOCK].astype(np.float64)
        best = best_nodes(X[start : start + BLOCK], weights)
        squared, _ = squared_distances(rows, flat)
        squared[np.arange(len(rows)), best] = np.inf
        row, column = np.divmod(best, weights.shape[1])
        next_row, next_column = np.divmod(squared.argmin(axis=1), weights.shape[1])
        apart += int((np.hypot(row - next_row, column - next_column) > ADJACENT).sum())
    return apart / len(X)


def share_in_use(nodes: Nodes, sides: tuple[int, ...]) -> float:
    """The share of nodes that hold at least one film."""
    return len(np.unique(nodes)) / math.prod(sides)


def u_matrix(weights: Floats | Doubles) -> Doubles:
    """The mean distance of each node's weight to those of its neighbours (8; fewer at a border), [rows, columns].

    The unified distance matrix of Ultsch and Siemon (1990), in the units of the embedding; 0 for a map of one node.
    """
    rows, columns = weights.shape[:2]
    padded = np.full((rows + 2, columns + 2, weights.shape[2]), np.nan)
    padded[1:-1, 1:-1] = weights
    shifted = [padded[1 + down : 1 + down + rows, 1 + over : 1 + over + columns] for down, over in AROUND]
    distances = np.linalg.norm(np.stack(shifted) - weights, axis=-1)
    there = np.isfinite(distances)
    return np.asarray(np.where(there, distances, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1))


def node_agreement(
    nodes: Nodes, labels: ArrayLike, sources: ArrayLike, cases: ArrayLike | None = None
) -> dict[str, Agreement]:
    """How well the majority of the films of OTHER cases at a film's node tells its `label` and its `source`.

    `nodes`, int64 [N]; a film without a label or source neither votes nor is scored by it, and one without a case is
    its own, as all are where `cases` is None. Where several classes are equally frequent, the answer counts by the
    share of them that is right. Films alone with their own case have no answer and are left out. Raises
    `ArgumentError` where lengths differ.
    """
    own = case_numbers(cases, len(nodes))
    return {
        name: _agreement(nodes, *column_codes(f"{name}s", values, len(nodes)), own)
        for name, values in (("label", labels), ("source", sources))
    }


def _agreement(nodes: Nodes, codes: Nodes, names: Sequence[str], cases: Nodes) -> Agreement:
    """Of numbered classes, -1 for none, and numbered cases."""
    known = codes >= 0
    there, node = np.unique(nodes[known], return_inverse=True)
    codes, cases = codes[known], cases[known]
    groups, group = np.unique(node * (cases.max(initial=0) + 1) + cases, return_inverse=True)
    all_films = _counts(node, codes, len(there), len(names))[node]
    votes = all_films - _counts(group, codes, len(groups), len(names))[group]
    answered = votes.sum(axis=1) > 0
    share = float(answered.mean()) if len(codes) else math.nan
    if len(names) < 2 or not answered.any():
        return Agreement(math.nan, math.nan, share)
    most = votes == votes.max(axis=1, keepdims=True)
    right = most[np.arange(len(codes)), codes] / most.sum(axis=1)
    recalls = [right[answered & (codes == code)].mean() for code in np.unique(codes[answered])]
    return Agreement(float(np.mean(recalls)), 1 / len(names), share)


def _counts(groups: NDArray[np.intp], codes: Nodes, many: int, classes: int) -> NDArray[np.int64]:
    """How many of each group are of each class, int64 [many, classes]."""
    return np.bincount(groups * classes + codes, minlength=many * classes).reshape(many, classes)


def _number(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3f}"
