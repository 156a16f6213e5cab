"""Is it none of these? A class is left out of the support, and its queries should be found strange."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.evaluate import BaseFilms, answers
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.intervals import replicate_means
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.rejection import FROM_PROTOTYPES, STRANGENESS, Rejection, episode_auroc, rejection, threshold
from embedlearn.episodes.resampling import bootstrap_episodes
from embedlearn.episodes.results import Estimate
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import EPISODES_AT_ONCE, Floats, Space
from embedlearn.errors import ArgumentError, EpisodeError

BASE_EPISODES = 200
EPISODES_EACH = 20  # of a bootstrap replicate


class UnknownSetting(NamedTuple):
    """Which embeddings, which measure of strangeness, how many support films a class."""

    space: str
    measure: str
    shots: int


@dataclass(frozen=True, eq=False)
class UnknownScores:
    """How well the class that was left out was told from the others.

    `pooled`: over the films of all episodes, with the bound from base films where there are any, `bound`. `auroc`: the
    mean over episodes with both intervals.
    """

    pooled: Rejection
    bound: float | None
    auroc: Estimate


def evaluate_unknown(
    spaces: Mapping[str, Space],
    classes: ArrayLike,
    groups: ArrayLike,
    *,
    unknown: str,
    shots: Sequence[int],
    n_query: int = 15,
    episodes: int = 1000,
    shots_of: Mapping[str, int] | None = None,
    base: BaseFilms | None = None,
    seed: int = 0,
    bootstrap: int = 200,
) -> tuple[dict[UnknownSetting, UnknownScores], list[str]]:
    """Every measure of `rejection.STRANGENESS` in every space, with class `unknown` left out of the support; and notes.

    Episodes are those that `evaluate_episodes` draws of all classes, balanced, with the same numbers and seed, less the
    support of the unknown class. The bound beyond which a film counts as unknown accepts 95 % of the queries in
    episodes of the base films, which have as many classes as the run learnt. `shots_of`: as `EpisodeSampler` has it.
    Raises `EpisodeError` where the pool does not allow the episodes, `ArgumentError` where there is no such class.
    """
    if unknown not in set(np.asarray(classes).astype(str)):
        raise ArgumentError(f"unknown: wanted a class of the pool, got {unknown!r}")
    found: dict[UnknownSetting, UnknownScores] = {}
    notes: list[str] = []
    for n_shot in shots:
        sampler = EpisodeSampler(None, n_shot, n_query, episodes, seed, shots_of or {})
        drawn, resampled = sampler.sample(classes, groups), None
        of_base = None
        try:
            of_base = base.sample(n_shot, n_query, BASE_EPISODES, seed) if base else None
        except EpisodeError as error:
            notes.append(f"{n_shot} shots: no bound for the unknown from base films ({error})")
        try:
            if bootstrap:
                resampled = bootstrap_episodes(sampler, classes, groups, replicates=bootstrap, episodes=EPISODES_EACH)
        except EpisodeError as error:
            notes.append(f"{n_shot} shots, unknown: {error}")
        for name, space in spaces.items():
            for measure in STRANGENESS:
                bound = None
                if base is not None and of_base is not None and name in base.spaces:
                    bound = threshold(strangeness_of(measure, base.spaces[name], of_base))
                strange, is_unknown = _judged(measure, space, drawn, unknown)
                replicates = None
                if resampled is not None:
                    replicates = replicate_means(episode_auroc(*_judged(measure, space, resampled, unknown)), bootstrap)
                found[UnknownSetting(name, measure, n_shot)] = UnknownScores(
                    rejection(strange, is_unknown, bound),
                    bound,
                    Estimate.of(episode_auroc(strange, is_unknown), replicates),
                )
    return found, notes


def without_support(episodes: Episodes, name: str) -> tuple[Episodes, NDArray[np.bool_]]:
    """The episodes less the support of class `name`, which keeps its queries: bool [E, T] says which those are.

    All classes take part in every episode. The slots of the other classes move up; that of the queries left alone is
    behind them.
    """
    slot = episodes.classes.index(name)
    is_unknown = episodes.query_label == slot
    label = np.where(is_unknown, episodes.n_way - 1, episodes.query_label - (episodes.query_label > slot))
    shots = tuple(number for other, number in enumerate(episodes.shots) if other != slot)
    kept = episodes.support_label != slot
    way = np.delete(episodes.way, slot, axis=1)
    return Episodes(episodes.classes, way, shots, episodes.support[:, kept], episodes.query, label), is_unknown


def _judged(measure: str, space: Space, episodes: Episodes, unknown: str) -> tuple[Floats, NDArray[np.bool_]]:
    rest, is_unknown = without_support(episodes, unknown)
    return strangeness_of(measure, space, rest), is_unknown


def strangeness_of(measure: str, space: Space, episodes: Episodes) -> Floats:
    """The strangeness of every query, float64 [E, T]; by class means from the products that prototypes need anyway."""
    if measure in FROM_PROTOTYPES:
        head, own = PrototypeClassifier(), ((space.rows - space.mean).astype(np.float64) ** 2).sum(axis=1)
        parts = [
            own[part.query][:, :, None] - scores  # a score is minus the squared distance, less the query's own length
            for part, scores in answers(space, head, episodes)
        ]
        return FROM_PROTOTYPES[measure](np.maximum(np.concatenate(parts), 0))
    rows = []
    for start in range(0, len(episodes), EPISODES_AT_ONCE):
        part = episodes[start : start + EPISODES_AT_ONCE]
        support, query = space.rows[part.support], space.rows[part.query]
        rows.append(STRANGENESS[measure](support, part.support_label, query, part.n_way))
    return np.concatenate(rows)
