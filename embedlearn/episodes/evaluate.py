"""Every head on every space, on the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.episodes.calibration import fit_temperature, reliability, tempered
from embedlearn.episodes.heads import build_head
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.intervals import replicate_means
from embedlearn.episodes.metrics import (
    Scores,
    confusion_matrix,
    episode_metrics,
    operating_curve,
    positive_slots,
)
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.replay import checked_replay, sampler_like
from embedlearn.episodes.resampling import bootstrap_episodes
from embedlearn.episodes.results import Calibration, FewShotResult, HeadScores, Setting
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.episodes.space import Floats, Space, joined
from embedlearn.errors import ArgumentError, EpisodeError

CALIBRATION_EPISODES = 200
Progress = Callable[[int, int], None]
Tick = Callable[[int], None]


class BaseFilms(NamedTuple):
    """M films of the classes that the encoder learnt, none of them in the pool: what may be fitted is fitted on them.

    `spaces`: their embeddings in spaces of the pool's names. `classes`: str [M]. `groups`: [M], patients.
    """

    spaces: Mapping[str, Space]
    classes: NDArray[Any]
    groups: NDArray[Any]

    def sample(self, n_shot: int, n_query: int, episodes: int, seed: int) -> Episodes:
        """Episodes of all base classes. Raises `EpisodeError` where the films do not allow them."""
        return EpisodeSampler(None, n_shot, n_query, episodes, seed).sample(self.classes, self.groups)


def evaluate_episodes(
    spaces: Mapping[str, Space | NDArray[np.floating]],
    classes: ArrayLike,
    groups: ArrayLike,
    *,
    heads: Sequence[str],
    shots: Sequence[int],
    n_query: int = 15,
    episodes: int = 1000,
    n_way: int | None = None,
    shots_of: Mapping[str, int] | None = None,
    prevalence: str | Mapping[str, float] = "balanced",
    roles: ArrayLike | None = None,
    k: int | None = None,
    center: Mapping[str, ArrayLike] | None = None,
    base: BaseFilms | None = None,
    positive: str | None = None,
    seed: int = 0,
    bootstrap: int = 200,
    bootstrap_each: int = 50,
    replay: Mapping[int, Episodes] | None = None,
    own: Mapping[tuple[str, str], EpisodeHead] | None = None,
    progress: Progress | None = None,
) -> FewShotResult:
    """Evaluate `heads` by name on embeddings of one pool of N films, for each number of `shots`.

    `spaces`: embeddings of the same films by different encoders, float [N, D] each, or `Space`s. `classes`: str [N].
    `groups`: [N], patients. `n_way`, `n_query`, `shots_of`, `prevalence`, `roles`: as `EpisodeSampler` has them. `k`:
    neighbours of the k-NN heads (see `heads.build_head`). `center`: float [D] for each space that is no `Space`, needed
    by `simpleshot`. `base`: films to fit the temperature of every head's probabilities on. `positive`: the class whose
    AUC, sensitivity and specificity are wanted. `bootstrap`: replicates of the patient bootstrap, 0 for none, of
    `bootstrap_each` episodes.
    `replay`: for some of the shots, the episodes to use (`record.load_episodes`) instead of drawing them; their ways,
    shots and number of queries then hold, for the bootstrap too. `own`: heads that are not in the table, by the space
    they are for and the name they go by. `progress` is called with episodes done and in all.

    All heads and spaces see the same episodes and replicates, so that differences are paired. Where no resampled pool
    allows an episode the patient interval is None, where the base films allow none the temperature is, and a note says
    why. Raises `ArgumentError` where the arguments do not fit together, `EpisodeError` where the pool does not allow
    the episodes, `MismatchError` where replayed ones are of another pool.
    """
    spaces = _checked_spaces(spaces, len(np.asarray(classes)), center or {})
    if bootstrap < 0 or bootstrap_each < 1:
        raise ArgumentError(f"bootstrap: wanted 0+ replicates of 1+ episodes, got {bootstrap} of {bootstrap_each}")
    own = own or {}
    if not heads or not shots:
        raise ArgumentError(f"heads and shots: wanted at least one of each, got {list(heads)} and {list(shots)}")
    in_all = sum(len(replay[n_shot]) if replay and n_shot in replay else episodes for n_shot in set(shots))
    tick = _ticker(
        progress, (in_all + len(set(shots)) * bootstrap * bootstrap_each) * (len(spaces) * len(heads) + len(own))
    )
    scores: dict[Setting, HeadScores] = {}
    drawn: dict[int, Episodes] = {}
    notes: list[str] = []
    for n_shot in dict.fromkeys(shots):
        sampler = EpisodeSampler(n_way, n_shot, n_query, episodes, seed, shots_of or {}, prevalence)
        if replay and n_shot in replay:
            drawn[n_shot] = checked_replay(replay[n_shot], n_shot, classes, groups)
            sampler = sampler_like(sampler, drawn[n_shot])
        else:
            drawn[n_shot] = sampler.sample(classes, groups, roles=roles)
        if positive is not None:
            positive_slots(drawn[n_shot], positive)
        built = {
            Setting(space, name, n_shot): build_head(name, drawn[n_shot].shots, k=k, center=spaces[space].center)
            for space in spaces
            for name in heads
        } | {Setting(space, name, n_shot): head for (space, name), head in own.items()}
        temperatures: dict[Setting, float] = {}
        if base is not None:
            try:
                temperatures = _temperatures(base, n_shot, n_query, heads, k, seed)
            except EpisodeError as error:
                notes.append(f"{n_shot} shots: no temperature fitted on base films ({error})")
        replicates: dict[Setting, dict[str, Floats]] = {}
        if bootstrap:
            try:
                resampled = bootstrap_episodes(
                    sampler, classes, groups, replicates=bootstrap, episodes=bootstrap_each, roles=roles
                )
                replicates = _replicates(spaces, built, resampled, bootstrap, positive, tick)
            except EpisodeError as error:
                notes.append(f"{n_shot} shots: {error}")
                tick(bootstrap * bootstrap_each * len(built))
        for setting, head in built.items():
            answered = all_scores(spaces[setting.space], head, drawn[n_shot], tick)
            scores[setting] = _scored(
                answered, drawn[n_shot], replicates.get(setting), positive, temperatures.get(setting)
            )
    return FewShotResult(scores, drawn, drawn[shots[0]].classes, positive, tuple(notes))


def answers(
    space: Space, head: EpisodeHead, episodes: Episodes, tick: Tick | None = None
) -> Iterator[tuple[Episodes, Scores]]:
    """A head's scores, float [e, T, W], for as many episodes at a time as it likes."""
    for start in range(0, len(episodes), head.episodes_at_once):
        part = episodes[start : start + head.episodes_at_once]
        yield part, head.episode_scores(space, part)
        if tick is not None:
            tick(len(part))


def all_scores(space: Space, head: EpisodeHead, episodes: Episodes, tick: Tick | None = None) -> Scores:
    """A head's scores in all episodes, float [E, T, W]."""
    return joined([scores for _, scores in answers(space, head, episodes, tick)])


def _scored(
    scores: Scores,
    episodes: Episodes,
    replicates: Mapping[str, Floats] | None,
    positive: str | None,
    temperature: float | None,
) -> HeadScores:
    label = episodes.query_label
    takes_part = positive is not None and bool((positive_slots(episodes, positive) >= 0).any())
    mended = None if temperature is None else reliability(tempered(scores, temperature), label)
    return HeadScores(
        values=episode_metrics(scores, episodes, positive),
        replicates=replicates,
        confusion=confusion_matrix(scores, episodes),
        curve=None if positive is None or not takes_part else operating_curve(scores, episodes, positive),
        calibration=Calibration(reliability(tempered(scores, 1), label), temperature, mended),
    )


def _temperatures(
    base: BaseFilms, n_shot: int, n_query: int, heads: Sequence[str], k: int | None, seed: int
) -> dict[Setting, float]:
    """The temperature of every head in every space that the base films are seen in. Raises `EpisodeError`."""
    drawn = base.sample(n_shot, n_query, CALIBRATION_EPISODES, seed)
    found = {}
    for space, rows in base.spaces.items():
        for name in heads:
            head = build_head(name, drawn.shots, k=k, center=rows.center)
            scores = all_scores(rows, head, drawn)
            found[Setting(space, name, n_shot)] = fit_temperature(scores, drawn.query_label)
    return found


def _replicates(
    spaces: Mapping[str, Space],
    built: Mapping[Setting, EpisodeHead],
    episodes: Episodes,
    replicates: int,
    positive: str | None,
    tick: Tick,
) -> dict[Setting, dict[str, Floats]]:
    """The mean of each metric in each replicate, float64 [B]; the answers themselves are not kept."""
    means = {}
    for setting, head in built.items():
        parts = [
            episode_metrics(scores, part, positive)
            for part, scores in answers(spaces[setting.space], head, episodes, tick)
        ]
        means[setting] = {
            name: replicate_means(np.concatenate([part[name] for part in parts]), replicates) for name in parts[0]
        }
    return means


def _checked_spaces(
    spaces: Mapping[str, Space | NDArray[np.floating]], films: int, center: Mapping[str, ArrayLike]
) -> dict[str, Space]:
    """Each space with a row a film. Raises `ArgumentError`."""
    if not spaces:
        raise ArgumentError("spaces: wanted embeddings of at least one encoder, got none")
    checked = {}
    for name, space in spaces.items():
        try:
            checked[name] = space if isinstance(space, Space) else Space(space, center.get(name))
        except ArgumentError as error:
            raise ArgumentError(f"space {name!r}: {error}") from error
        if len(checked[name]) != films:
            raise ArgumentError(f"space {name!r}: wanted a row for each of the {films} films, got {len(checked[name])}")
    return checked


def _ticker(progress: Progress | None, total: int) -> Tick:
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return tick
