"""Randomisation: a map that explains the network must change when the network's weights are drawn anew (Adebayo 2018).

Layers are replaced by those of a new network from the top down, in a cascade, in a copy: the network that is checked
is never written to. The class means are made again by each network, for they are a part of what is explained, as the
last layer's weights are in a classifier. The sign of a random network's map is arbitrary all the same, so that what is
judged is the size of the correlation, less what two maps that know nothing of each other reach.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.encoder import Encoder
from embedlearn.explanations.checks.places import Floats, grid_of, is_blank, rank_correlations
from embedlearn.explanations.checks.question import Asked, Question, with_encoder
from embedlearn.explanations.checks.verdict import Verdict, judged
from embedlearn.explanations.methods import Method

CHECK = "randomisation"
# With the 0.1 that chance gives on a grid of 7 x 7, ranks that share less than a tenth of their variance.
WANTED = "< 0.2"
STAGES = (0.0, 0.25, 0.5, 0.75, 1.0)  # share of the backbone's layers, from the top; the projection goes first
DRAWS, FEWER = 8, 2  # random networks at the last stage, which is judged, and at those before, which are told
SEEDS = 2**32  # from here on: no run is trained with a seed so large, so that no random network is where one began


def check_randomisation(
    asked: Asked, maps: Mapping[str, Floats], methods: Mapping[str, Method], question: Question, *, seed: int = 0
) -> list[Verdict]:
    """The size of Spearman's correlation of the network's maps with those of wholly random networks, beyond chance.

    Near 0 if all is well. The interval is over films and random networks; the sentence says how it falls, stage by
    stage. A map that is blank to begin with fails: it has nothing to lose.
    """
    falls: dict[str, list[NDArray[np.float64]]] = {name: [] for name in methods}
    for share in STAGES:
        draws = DRAWS if share == STAGES[-1] else FEWER
        found = randomised_correlations(asked, maps, methods, question, share, draws, seed)
        for name, values in found.items():
            falls[name].append(values)
    return [_verdict(name, maps[name], falls[name], asked) for name in methods]


def _verdict(name: str, drawn: Floats, fall: list[NDArray[np.float64]], asked: Asked) -> Verdict:
    words = ", ".join(f"{share:.0%}: {values.mean():.2f}" for share, values in zip(STAGES, fall, strict=True))
    sentence = (
        "likeness, whatever its sign and beyond chance, to the maps of a network whose projection and top layers are "
        f"random, by their share: {words}"
    )
    blank = is_blank(drawn)
    if blank.any():
        sentence = f"{blank.sum()} of {len(drawn)} maps are blank before anything is randomised, and count as unchanged"
    return judged(CHECK, name, np.where(blank, 1 - chance_of(drawn), fall[-1]), asked.cases, WANTED, sentence)


def randomised_correlations(
    asked: Asked,
    maps: Mapping[str, Floats],
    methods: Mapping[str, Method],
    question: Question,
    share: float,
    draws: int,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """How alike each film's maps are before and after, |rho| beyond chance, by method: float64 [draws, N].

    A randomised network whose map is blank says nothing any more: that is no likeness beyond chance.
    """
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in methods}
    for draw in range(draws):
        encoder = randomised(asked.network.encoder, asked.network.random(SEEDS + 1000 * seed + draw), share)
        again = question.put_to(with_encoder(asked.network, encoder))
        for name, method in methods.items():
            sizes = np.abs(rank_correlations(maps[name], again.maps(method)))
            found[name].append(np.nan_to_num(sizes - chance_of(maps[name])))
    return {name: np.stack(values) for name, values in found.items()}


def chance_of(maps: Floats) -> float:
    """The mean |rho| of two independent maps of the grid of `maps` [N, h, w] whose cells are independent.

    Of n cells rho has the variance 1 / (n - 1), and is nearly normal. Smooth maps reach more, which errs on the strict
    side.
    """
    return math.sqrt(2 / (math.pi * max(math.prod(grid_of(maps)) - 1, 1)))


def randomised(trained: Encoder, fresh: Encoder, share: float) -> Encoder:
    """A copy of `trained` whose projection and topmost `share` of the backbone's layers are those of `fresh`."""
    state = trained.backbone.state_dict()
    layers = [list(names) for _, names in groupby(state, lambda name: name.rpartition(".")[0])]
    kept = len(layers) - round(share * len(layers))
    below = {name: state[name] for names in layers[:kept] for name in names}
    mixed = copy.deepcopy(fresh)
    mixed.backbone.load_state_dict({**mixed.backbone.state_dict(), **below})
    return mixed.eval()
