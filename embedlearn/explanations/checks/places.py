"""Regions of a film by the order of a map, and the map that knows nothing, against which others are held."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from embedlearn.explanations.geometry import nearest_cells

Floats = NDArray[np.float32]


def ordered(maps: Floats, seed: int = 0) -> NDArray[np.int64]:
    """The cells of each map [N, h, w] from the greatest value down, int64 [N, h * w].

    Equal values are put in a random order, so that a map which is blank is no better than a random one.
    """
    flat = np.asarray(maps).reshape(len(maps), -1)
    lots = np.random.default_rng(seed).permuted(np.tile(np.arange(flat.shape[1]), (len(flat), 1)), axis=1)
    return np.lexsort((lots, -flat), axis=1)


def first_cells(order: NDArray[np.int64], share: float, grid: tuple[int, int], size: int, lag: float = 0.0) -> Tensor:
    """The pixels under the first `share` of the cells of a grid, in `order` [N, h * w]: bool [N, 1, size, size].

    A pixel is of the cell that its middle lies in, as the encoder sees it.
    """
    count = round(share * order.shape[1])
    chosen = np.zeros(order.shape, np.bool_)
    np.put_along_axis(chosen, order[:, :count], True, axis=1)
    rows, columns = (nearest_cells(np.arange(0.5, size) * side / size, side, lag) for side in grid)
    pixels = chosen.reshape(-1, 1, *grid)[:, :, rows[:, None], columns]
    return torch.from_numpy(np.ascontiguousarray(pixels))


def grid_of(maps: Floats) -> tuple[int, int]:
    """Rows and columns of maps [N, h, w]."""
    return maps.shape[1], maps.shape[2]


def centre_maps(shape: tuple[int, ...], lag: float = 0.0) -> Floats:
    """Maps [N, h, w] that fall from the film's middle outwards, whatever the film."""
    rows, columns = ((np.arange(side) + 0.5 - lag) / side - 0.5 for side in shape[1:])
    hill = -np.hypot(rows[:, None], columns)
    return np.broadcast_to(hill, shape).astype(np.float32)


def rank_correlations(first: Floats, second: Floats) -> NDArray[np.float64]:
    """Spearman's correlation of each map [N, h, w] with its partner, float64 [N]; NaN where one of them is blank."""
    a, b = (rankdata(np.asarray(maps).reshape(len(maps), -1), axis=1) for maps in (first, second))
    a -= a.mean(1, keepdims=True)
    b -= b.mean(1, keepdims=True)
    scale = np.sqrt((a * a).sum(1) * (b * b).sum(1))
    return np.asarray(np.divide((a * b).sum(1), scale, out=np.full(len(a), np.nan), where=scale > 0))


def positive_shares(maps: Floats, coverage: Floats) -> NDArray[np.float64]:
    """The share of the positive values of maps [N, h, w] under `coverage` [N, h, w]; NaN where there are none."""
    positive = np.maximum(np.asarray(maps, np.float64), 0)
    total = positive.sum((1, 2))
    inside = (positive * coverage).sum((1, 2))
    return np.asarray(np.divide(inside, total, out=np.full(len(total), np.nan), where=total > 0))


def is_blank(maps: Floats) -> NDArray[np.bool_]:
    """Which of the maps [N, h, w] are the same everywhere, or not finite."""
    flat = np.asarray(maps).reshape(len(maps), -1)
    return np.asarray(~np.isfinite(flat).all(1) | (np.ptp(np.nan_to_num(flat), axis=1) == 0))
