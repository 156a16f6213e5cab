"""Insertion and deletion (Petsiuk 2018): the score must fall fast without what a map points at, and rise with it alone.

Regions are cells of the map's grid. What is taken away is replaced by a blurred film, or by the film's mean grey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.explanations.checks.places import Floats, centre_maps, first_cells, grid_of, ordered
from embedlearn.explanations.checks.question import Asked
from embedlearn.explanations.checks.verdict import Verdict, beside_middle

CHECK = "insertion-deletion"
WANTED = "> 0"  # what random maps get on average, and what a map of the middle gains over itself
STEPS = 8  # of a curve, its two ends aside
BLUR = 1 / 12  # of the film's side: what a feature cell sees is gone


def blurred(inputs: Tensor) -> Tensor:
    """Films float [N, 1, S, S] under a Gaussian of `BLUR` times their side."""
    from scipy.ndimage import gaussian_filter

    sigma = BLUR * inputs.shape[-1]
    soft = gaussian_filter(inputs.cpu().numpy(), (0, 0, sigma, sigma), mode="nearest")
    return torch.from_numpy(soft).to(inputs)


def mean_grey(inputs: Tensor) -> Tensor:
    """Films float [N, 1, S, S] without anything but their own mean."""
    return inputs.mean((-2, -1), keepdim=True).expand_as(inputs)


SUBSTITUTES: Mapping[str, Callable[[Tensor], Tensor]] = {"blur": blurred, "mean": mean_grey}


def check_deletion(asked: Asked, maps: Mapping[str, Floats], *, seed: int = 0) -> list[Verdict]:
    """How far apart the insertion and the deletion curve of a map lie, in units of the score, averaged over the curve.

    Random maps get 0, as an order of the cells and its reverse have opposite gaps. The gain over a map that falls from
    the film's middle outwards, which no film can change, is a verdict of its own.
    """
    verdicts = []
    for substitute, replaced in SUBSTITUTES.items():
        other = replaced(asked.inputs)
        middle: dict[tuple[int, int], NDArray[np.float64]] = {}
        for name, drawn in maps.items():
            grid = grid_of(drawn)
            if grid not in middle:
                middle[grid] = curve_gaps(asked, centre_maps(drawn.shape, asked.network.lag), other, seed)
            mine = curve_gaps(asked, drawn, other, seed)
            words = "insertion minus deletion"
            verdicts += beside_middle(f"{CHECK}, {substitute}", name, mine, middle[grid], asked.cases, WANTED, words)
    return verdicts


def curve_gaps(asked: Asked, maps: Floats, other: Tensor, seed: int = 0) -> NDArray[np.float64]:
    """Area under the insertion curve less that under the deletion curve, over the share of cells, float64 [N].

    `other` [N, 1, S, S] is what stands where the film is not. The curves' ends are the same two films and cancel.
    """
    order, size = ordered(maps, seed), asked.inputs.shape[-1]
    gap = np.zeros(len(asked))
    for step in range(1, STEPS + 1):
        top = first_cells(order, step / (STEPS + 1), grid_of(maps), size, asked.network.lag).to(asked.inputs.device)
        inserted, deleted = torch.where(top, asked.inputs, other), torch.where(top, other, asked.inputs)
        gap += asked.scores(inserted) - asked.scores(deleted)
    return gap / (STEPS + 1)
