"""Borders and corners: where hospitals leave their marks and no lung lies, there should be little evidence.

Networks for chest films are known to read laterality markers and borders (Zech 2018; DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.checks.places import Floats, grid_of
from embedlearn.explanations.checks.question import Asked
from embedlearn.explanations.checks.verdict import Verdict, judged
from embedlearn.explanations.geometry import to_grid

WANTED = "< 0"  # less than the region's share of the area, which is what a map that shows nothing gets
RING = 0.1  # of the film's side, at each edge
CORNER = 0.2  # of the film's side: where L, R and AP are burned in


def check_borders(asked: Asked, maps: Mapping[str, Floats]) -> list[Verdict]:
    """The share of |evidence| in the border ring, and in the four corners, beyond their share of the area."""
    size = asked.inputs.shape[-1]
    verdicts = []
    for check, words, region in (("border", "border ring", ring(size)), ("corners", "four corners", corners(size))):
        for name, drawn in maps.items():
            covered = to_grid(region, *grid_of(drawn), asked.network.lag)
            shares = absolute_shares(drawn, covered)
            found = f"{shares.mean():.2f} of all evidence lies in the {words}, {covered.mean():.2f} of the area"
            verdicts.append(judged(check, name, shares - covered.mean(), asked.cases, WANTED, found))
    return verdicts


def absolute_shares(maps: Floats, covered: Floats) -> NDArray[np.float64]:
    """The share of |maps| [N, h, w] under `covered` [h, w], float64 [N]; a blank map counts as spread evenly."""
    size = np.abs(np.asarray(maps, np.float64))
    total = size.sum((1, 2))
    even = np.full(len(maps), float(covered.mean()))
    return np.asarray(np.divide((size * covered).sum((1, 2)), total, out=even, where=total > 0))


def ring(size: int) -> NDArray[np.float32]:
    """The outer `RING` of a film, float32 [size, size], 1 inside the ring; a pixel cut in two counts by its area."""
    inner = _span(size, RING, 1 - RING)
    return 1 - inner[:, None] * inner


def corners(size: int) -> NDArray[np.float32]:
    """The four squares of `CORNER` times the side, float32 [size, size]."""
    outer = 1 - _span(size, CORNER, 1 - CORNER)
    return outer[:, None] * outer


def _span(size: int, start: float, stop: float) -> NDArray[np.float32]:
    """How much of each of `size` pixels lies between two shares of the side, float32 [size]."""
    edges = np.linspace(0, size, size + 1).clip(start * size, stop * size)
    return np.diff(edges).astype(np.float32)
