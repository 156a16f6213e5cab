"""Planted lesions: on phantoms the diseased pixels are known, and a map should lie on them.

The pointing game asks where the greatest value lies (Zhang 2018), the energy is that of Score-CAM's (Wang 2020). An
encoder of real films can be asked too; phantoms are then foreign to it, and where it does not tell ill from healthy
ones its maps are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.checks.places import Floats, grid_of, positive_shares
from embedlearn.explanations.checks.question import Asked, CheckedNetwork, Pixels, Question
from embedlearn.explanations.checks.verdict import Interval, Verdict, judged, mean_interval, not_asked
from embedlearn.explanations.geometry import to_grid, to_square
from embedlearn.radiographs.labels import HEALTHY
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_with_mask
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

ENERGY, POINTING, OWN = "lesions, energy", "lesions, pointing", "lesions, own place"
WANTED = "> 0"  # more than the lesion's share of the area, which is what a random map gets
CHANCE = 0.5  # of two answers
SUPPORT, QUERIES = 24, 24  # patients; of each disease
SIDE = 256  # pixels, before preprocessing, at least
SEED = 20_260  # of the phantoms: another than those that people train on
DISEASES = tuple(label for label in LABELS if label != HEALTHY)


@dataclass(frozen=True, eq=False)
class Lesions:
    """Diseased phantoms put to a network, and what their lesions cover of each film, float32 [N, S, S].

    `told` holds, for each film and then for the same patients' healthy films, whether the network's answer is right.
    """

    asked: Asked
    masks: Floats
    diseases: list[str]
    told: NDArray[np.float64]

    @property
    def told_interval(self) -> Interval:
        return mean_interval(self.told, np.tile(self.asked.cases, 2))


def plant_lesions(network: CheckedNetwork, *, seed: int = SEED) -> Lesions:
    """Phantoms of three diseases, why each is ill and not healthy; class means from phantoms of other patients."""
    rng = np.random.default_rng(seed)
    sources = rng.choice(SOURCES, SUPPORT + QUERIES)
    support = {label: _draw(network.preprocessing, label, sources, range(SUPPORT), seed)[0] for label in LABELS}
    patients = range(SUPPORT, SUPPORT + QUERIES)
    drawn = [_draw(network.preprocessing, label, sources, patients, seed) for label in DISEASES]
    healthy, _ = _draw(network.preprocessing, HEALTHY, sources, patients, seed)
    diseases = [label for label in DISEASES for _ in patients]
    cases = np.tile(np.arange(QUERIES), len(DISEASES))
    films = np.concatenate([pixels for pixels, _ in drawn])
    asked = Question(films, cases, diseases, [HEALTHY] * len(diseases), support).put_to(network)
    same = network.inputs(np.tile(healthy, (len(DISEASES), 1, 1)))
    told = np.concatenate([asked.scores(asked.inputs) > 0, asked.scores(same) < 0]).astype(np.float64)
    return Lesions(asked, np.concatenate([masks for _, masks in drawn]), diseases, told)


def check_lesions(lesions: Lesions, maps: Mapping[str, Floats], *, foreign: bool = False) -> list[Verdict]:
    """The share of positive evidence inside the lesion beyond its share of the area; the same of the greatest value.

    Third, the evidence inside a film's own lesion beyond that inside the same disease's lesions in other patients,
    which a map that lights up the lungs of every film does not get. `foreign`: whether to say that the encoder was
    made from other films than phantoms.
    """
    told = lesions.told_interval
    skill = f"the encoder tells {told.mean:.0%} of ill and healthy phantoms apart"
    skill += ", which are foreign to it" if foreign else ""
    if told.low is None or told.low <= CHANCE:
        reason = f"not asked: {skill}, no better than chance, so that its maps have nothing to show"
        return [not_asked(check, name, WANTED, reason) for check in (ENERGY, POINTING, OWN) for name in maps]
    found = [verdict for name, drawn in maps.items() for verdict in _judged(lesions, name, drawn, skill)]
    return sorted(found, key=lambda verdict: (ENERGY, POINTING, OWN).index(verdict.check))


def _judged(lesions: Lesions, name: str, maps: Floats, skill: str) -> list[Verdict]:
    lag = lesions.asked.network.lag
    covered = np.stack([to_grid(mask, *grid_of(maps), lag) for mask in lesions.masks])
    area, cases = covered.mean((1, 2)), lesions.asked.cases
    inside, best = np.nan_to_num(positive_shares(maps, covered)), at_maximum(maps, covered)
    elsewhere = np.array(list(_elsewhere(maps, covered, lesions.diseases)))
    beside = f"of a random map {area.mean():.2f} (the lesion's area); {skill}"
    energy = f"positive evidence in the lesion {inside.mean():.2f}, {beside}"
    pointing = f"greatest value in the lesion {best.mean():.2f}, {beside}"
    own = f"positive evidence in the film's own lesion {inside.mean():.2f}, in other patients' {elsewhere.mean():.2f}"
    return [
        judged(ENERGY, name, inside - area, cases, WANTED, energy),
        judged(POINTING, name, best - area, cases, WANTED, pointing),
        judged(OWN, name, inside - elsewhere, cases, WANTED, own),
    ]


def at_maximum(maps: Floats, covered: Floats) -> NDArray[np.float64]:
    """How much of the cell with the greatest value is covered, float64 [N]: a random cell's mean is the area.

    Where several cells share the greatest value, as in a blank map, their mean.
    """
    top = maps == maps.max((1, 2), keepdims=True)
    return np.asarray((top * covered).sum((1, 2)) / top.sum((1, 2)), np.float64)


def _elsewhere(maps: Floats, covered: Floats, diseases: Sequence[str]) -> Iterator[float]:
    """The share of each map's positive values inside the lesions of the other films of its disease."""
    names = np.array(diseases)
    for row, map_ in enumerate(maps):
        others = np.flatnonzero((names == names[row]) & (np.arange(len(maps)) != row))
        yield float(np.nan_to_num(positive_shares(map_[None], covered[others].mean(0)[None]))[0])


def _draw(
    settings: Preprocessing, label: str, sources: NDArray[np.str_], patients: Sequence[int], seed: int
) -> tuple[Pixels, Floats]:
    """One film a patient, uint8 [P, S, S], and what disease covers of each pixel, float32 [P, S, S]."""
    films, masks = [], []
    side = max(SIDE, settings.size)
    for patient in patients:
        film, mask = draw_with_mask(label, seed=seed, patient=patient, source=str(sources[patient]), size=side)
        films.append(preprocess(film, settings))
        masks.append(to_square(mask, settings))
    return np.stack(films), np.stack(masks)
