"""Episodes that were drawn before, put to a pool again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.record import Episodes
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import MismatchError


def checked_replay(episodes: Episodes, n_shot: int, classes: ArrayLike, groups: ArrayLike) -> Episodes:
    """The episodes, if they have `n_shot` shots, their films the classes they had, and no patient is on both sides.

    Raises `MismatchError`.
    """
    names, patients = np.asarray(classes).astype(str), np.asarray(groups)
    if n_shot not in episodes.shots:
        had = " and ".join(str(number) for number in sorted(set(episodes.shots)))
        raise MismatchError(f"replay: wanted episodes of {n_shot} shots, got {had}")
    films = np.concatenate([episodes.support, episodes.query], axis=1)
    if any(len(set(support)) < len(support) for support in episodes.support):
        raise MismatchError("replay: a film is twice in a support; the file was changed, draw new ones")
    if (
        films.min() < 0
        or films.max() >= len(names)
        or set(episodes.classes) != set(names)
        or (_named(episodes) != names[films]).any()
    ):
        raise MismatchError("replay: the episodes are of a pool with other films or classes; draw new ones")
    for support, query in zip(patients[episodes.support], patients[episodes.query], strict=True):
        if both := set(support) & set(query):
            raise MismatchError(f"replay: case {min(both)} is on both sides of an episode; draw new ones")
    return episodes


def _named(episodes: Episodes) -> NDArray[np.object_]:
    """The class of every film, support first, str [E, S + T]."""
    support = np.tile(episodes.support_label, (len(episodes), 1))
    slots = np.concatenate([support, episodes.query_label], axis=1)
    return np.array(episodes.classes, dtype=object)[np.take_along_axis(episodes.way, slots, axis=1)]


def sampler_like(sampler: EpisodeSampler, episodes: Episodes) -> EpisodeSampler:
    """The sampler, for episodes of the same shape as these."""
    unequal = dict(zip(episodes.classes, episodes.shots, strict=True)) if len(set(episodes.shots)) > 1 else {}
    n_query = episodes.query.shape[1] // episodes.n_way
    return replace(sampler, n_way=episodes.n_way, n_query=n_query, shots_of=unequal)
