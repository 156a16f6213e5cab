"""How much of a classifier's evidence lies in the lungs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.encoders.inputs import BATCH, FilmSource, standardise
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import estimate_lungs
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.network import Classifier, evidence

Floats = NDArray[np.float64]


def evidence_in_lungs(
    network: Classifier, films: Films, wanted: NDArray[np.int64], settings: Preprocessing, device: torch.device
) -> Floats:
    """The share of what speaks for class `wanted` [N] that lies in the box around the lungs, less the box's area.

    Float64 [N], NaN where nothing speaks for the class. The lungs are estimated, see `estimate_lungs`.
    """
    source, found = FilmSource(films, device), np.empty(len(films))
    network.to(device)
    for start in range(0, len(films), BATCH):
        rows = np.arange(start, min(start + BATCH, len(films)))
        maps = evidence(network, standardise(source.greys(rows), settings), torch.from_numpy(wanted[rows]).to(device))
        for row, made in zip(rows, maps.clamp_min(0).cpu().numpy().astype(np.float64), strict=True):
            box = estimate_lungs(films[np.array([row])][0])
            inside, total = covered(box, *made.shape), made.sum()
            found[row] = (made * inside).sum() / total - inside.mean() if total > 0 else np.nan
    return found


def covered(box: Box, height: int, width: int) -> Floats:
    """How much of each cell of a grid lies in a box (top, left, bottom, right, as shares): float64 [height, width]."""
    top, left, bottom, right = box
    return np.outer(_overlap(top, bottom, height), _overlap(left, right, width))


def _overlap(low: float, high: float, cells: int) -> Floats:
    edges = np.clip(np.arange(cells + 1) / cells, low, high)
    return np.diff(edges) * cells
