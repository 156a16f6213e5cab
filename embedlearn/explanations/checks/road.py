"""ROAD (Rong 2022): take away the most and the least relevant pixels, and fill the holes so that they do not show.

A missing pixel is the weighted mean of its eight neighbours, all of them solved for at once, with a little noise: a
network cannot read the shape of the hole, which a blurred or a grey patch gives away.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array, eye_array
from scipy.sparse.linalg import splu
from torch import Tensor

from embedlearn.explanations.checks.places import Floats, centre_maps, first_cells, grid_of, ordered
from embedlearn.explanations.checks.question import Asked
from embedlearn.explanations.checks.verdict import Verdict, beside_middle

CHECK = "ROAD"
WANTED = "> 0"  # what random maps get on average, and what a map of the middle gains over itself
SHARES = (0.2, 0.4, 0.6, 0.8)
NOISE = 0.01  # of the inputs' unit
# A pixel's neighbours and their weights, as in the paper: 1/6 beside it, 1/12 across the corner.
NEIGHBOURS = {(row, column): 1 / (6 * (row * row + column * column)) for row in (-1, 0, 1) for column in (-1, 0, 1)
              if row or column}  # fmt: skip


def check_road(asked: Asked, maps: Mapping[str, Floats], *, seed: int = 0) -> list[Verdict]:
    """The score without the least relevant pixels less that without the most relevant, averaged over `SHARES`.

    Random maps get 0, as an order of the cells and its reverse have opposite gaps. The gain over a map that falls from
    the film's middle outwards, which no film can change, is a verdict of its own.
    """
    middle: dict[tuple[int, int], NDArray[np.float64]] = {}
    verdicts = []
    for name, drawn in maps.items():
        grid = grid_of(drawn)
        if grid not in middle:  # one map for all films, whose holes are solved for together
            middle[grid] = road_gaps(asked, centre_maps((1, *grid), asked.network.lag), seed)
        mine = road_gaps(asked, drawn, seed)
        words = "least minus most relevant removed"
        verdicts += beside_middle(CHECK, name, mine, middle[grid], asked.cases, WANTED, words)
    return verdicts


def road_gaps(asked: Asked, maps: Floats, seed: int = 0) -> NDArray[np.float64]:
    """The mean over `SHARES` of the score less its least relevant cells minus that less its most relevant, float64 [N].

    `maps` [N, h, w], or [1, h, w] for one map that all films share, which is much cheaper.
    """
    most, size = ordered(maps, seed), asked.inputs.shape[-1]
    gap = np.zeros(len(asked))
    for share in SHARES:
        for order, sign in ((most[:, ::-1], 1), (most, -1)):
            missing = first_cells(order, share, grid_of(maps), size, asked.network.lag)[:, 0].numpy()
            gap += sign * asked.scores(imputed(asked.inputs, missing, seed))
    return gap / len(SHARES)


def imputed(inputs: Tensor, missing: NDArray[np.bool_], seed: int = 0, noise: float = NOISE) -> Tensor:
    """Films float [N, 1, S, S] whose `missing` pixels, bool [N, S, S] or [1, S, S] for all, are filled in."""
    films = inputs[:, 0].cpu().numpy()
    filled = films.copy()
    groups = [slice(None)] if len(missing) == 1 else [slice(row, row + 1) for row in range(len(films))]
    for rows, hole in zip(groups, missing, strict=True):
        filled[rows, hole] = _solved(films[rows].reshape(-1, hole.size).T, hole.ravel()).T
    grain = np.random.default_rng(seed).standard_normal(films.shape, np.float32) * np.float32(noise)
    return torch.from_numpy(np.where(missing, filled + grain, films))[:, None].to(inputs)


def _solved(films: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The values in the hole [P] of films [P, K], float32 [M, K]: there x = mean of neighbours, elsewhere as it is."""
    rows = _means(round(hole.size**0.5))[hole]
    inside = (eye_array(int(hole.sum())) - rows[:, hole]).tocsc()
    known = rows[:, ~hole] @ films[~hole].astype(np.float64)
    options = {"SymmetricMode": True}  # the pattern is symmetric, which orders the elimination
    solver = splu(inside, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)
    return np.asarray(solver.solve(known), np.float32)


@functools.lru_cache(maxsize=2)
def _means(size: int) -> csr_array:
    """The weighted mean of each pixel's neighbours on the film, as a matrix [P, P] over P = size * size pixels."""
    down, across = (axis.ravel() for axis in np.indices((size, size)))
    rows, columns, weights = [], [], []
    for (below, beside), weight in NEIGHBOURS.items():
        there = (down + below >= 0) & (down + below < size) & (across + beside >= 0) & (across + beside < size)
        rows.append(np.flatnonzero(there))
        columns.append(rows[-1] + below * size + beside)
        weights.append(np.full(len(rows[-1]), weight))
    where = (np.concatenate(rows), np.concatenate(columns))
    matrix = csr_array((np.concatenate(weights), where), shape=(size * size, size * size))
    return csr_array(diags_array(1 / matrix.sum(axis=1)) @ matrix)
