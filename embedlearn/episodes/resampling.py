"""Episodes on pools whose patients were drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.record import Episodes
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import EpisodeError

REDRAWS = 20


@dataclass(frozen=True, eq=False)
class ResampledPool:
    """`rows`: int [M], films of the pool, with repeats. `draws`: int [M], which drawing of a patient each came with."""

    rows: NDArray[np.int64]
    draws: NDArray[np.int64]


def resample_patients(classes: ArrayLike, groups: ArrayLike, rng: np.random.Generator) -> ResampledPool:
    """Draw patients with replacement, as many as there are, each with all of their films (Efron 1979; by cluster).

    Patients are drawn among those with films of the same classes, so that every class keeps its number of patients.
    `classes`, `groups`: [N], each film's class and patient.
    """
    label, _ = pd.factorize(np.asarray(classes, dtype=object), sort=True)
    group, _ = pd.factorize(np.asarray(groups, dtype=object))
    has = np.zeros((group.max() + 1, label.max() + 1), dtype=bool)
    has[group, label] = True
    _, stratum = np.unique(has, axis=0, return_inverse=True)
    patients = [np.flatnonzero(stratum == number) for number in range(stratum.max() + 1)]
    drawn = np.concatenate([rng.choice(members, len(members)) for members in patients])
    films, count = np.argsort(group, kind="stable"), np.bincount(group)
    first = np.cumsum(count) - count
    draws = np.repeat(np.arange(len(drawn)), count[drawn])
    place = np.arange(len(draws)) - np.repeat(np.cumsum(count[drawn]) - count[drawn], count[drawn])
    return ResampledPool(films[first[drawn][draws] + place], draws)


def bootstrap_episodes(
    sampler: EpisodeSampler,
    classes: ArrayLike,
    groups: ArrayLike,
    *,
    replicates: int,
    episodes: int,
    roles: ArrayLike | None = None,
) -> Episodes:
    """`replicates` resampled pools with `episodes` episodes each, as one set of B*m, replicate after replicate.

    Films are rows of the pool itself, so that whatever was computed for it is only indexed. Support and query stay
    disjoint by patient; a patient drawn twice counts twice. `roles` as `EpisodeSampler.sample` has them. A resampled
    pool too poor for an episode is drawn again, up to 20 times. Raises `EpisodeError` where that does not help, and as
    `EpisodeSampler.sample` does.
    """
    classes, groups = np.asarray(classes, dtype=object), np.asarray(groups, dtype=object)
    rng = np.random.default_rng((sampler.seed, replicates, episodes))
    allowed = None if roles is None else np.asarray(roles, dtype=bool)
    part = replace(sampler, episodes=episodes)
    parts = [_replicate(part, classes, groups, allowed, rng) for _ in range(replicates)]
    return Episodes.joined(parts)


def _replicate(
    sampler: EpisodeSampler,
    classes: NDArray[np.object_],
    groups: NDArray[np.object_],
    roles: NDArray[np.bool_] | None,
    rng: np.random.Generator,
) -> Episodes:
    for _ in range(REDRAWS):
        pool = resample_patients(classes, groups, rng)
        seeded = replace(sampler, seed=int(rng.integers(2**62)))
        try:
            mine = None if roles is None else roles[pool.rows]
            drawn = seeded.sample(classes[pool.rows], groups[pool.rows], pool.draws, mine)
        except EpisodeError as error:
            reason = error
            continue
        return drawn.of(pool.rows)
    raise EpisodeError(f"no patient interval: {REDRAWS} resampled pools were too poor for an episode ({reason})")
