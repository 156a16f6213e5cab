"""Every head on every space, on the same episodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.episodes.gram import VIEWS, Floats, GramBlocks, PoolGram
from embedlearn.episodes.heads import build_head
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.intervals import replicate_means
from embedlearn.episodes.metrics import confusion_matrix, episode_metrics, positive_slots, roc_curve
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.resampling import bootstrap_episodes
from embedlearn.episodes.results import FewShotResult, HeadScores, Setting
from embedlearn.episodes.sampling import EpisodeSampler
from embedlearn.errors import ArgumentError, EpisodeError, MismatchError

EPISODES_AT_ONCE = 50  # the blocks of as many stay in a core's cache
Progress = Callable[[int, int], None]
Tick = Callable[[int], None]


def evaluate_episodes(
    spaces: Mapping[str, NDArray[np.floating]],
    classes: ArrayLike,
    groups: ArrayLike,
    *,
    heads: Sequence[str],
    shots: Sequence[int],
    n_query: int = 15,
    episodes: int = 1000,
    n_way: int | None = None,
    k: int | None = None,
    center: Mapping[str, ArrayLike] | None = None,
    positive: str | None = None,
    seed: int = 0,
    bootstrap: int = 200,
    bootstrap_each: int = 50,
    replay: Mapping[int, Episodes] | None = None,
    progress: Progress | None = None,
) -> FewShotResult:
    """Evaluate `heads` by name on embeddings of one pool of N films, for each number of `shots`.

    `spaces`: embeddings of the same films by different encoders, float [N, D] each. `classes`: str [N].
    `groups`: [N], patients. `n_way`: classes an episode, None for all. `k`: neighbours of the k-NN heads (see
    `heads.build_head`). `center`: float [D] for each space, needed by `simpleshot`. `positive`: the class whose AUC,
    sensitivity and specificity are wanted. `bootstrap`: replicates of the patient bootstrap, 0 for none, of
    `bootstrap_each` episodes.
    `replay`: for some of the shots, the episodes to use (`record.load_episodes`) instead of drawing them; their ways
    and queries then hold, for the bootstrap too. `progress` is called with episodes done and episodes in all.

    All heads and spaces see the same episodes and replicates, so that differences are paired. Where no resampled pool
    allows an episode the patient interval is None and a note says why.
    Raises `ArgumentError` where the arguments do not fit together, `EpisodeError` where the pool does not allow the
    episodes, `MismatchError` where replayed ones are of another pool.
    """
    rows, centers = _checked_spaces(spaces, len(np.asarray(classes)), center or {})
    if bootstrap < 0 or bootstrap_each < 1:
        raise ArgumentError(f"bootstrap: wanted 0+ replicates of 1+ episodes, got {bootstrap} of {bootstrap_each}")
    if not heads or not shots:
        raise ArgumentError(f"heads and shots: wanted at least one of each, got {list(heads)} and {list(shots)}")
    grams = _Grams(rows, centers)
    in_all = sum(len(replay[n_shot]) if replay and n_shot in replay else episodes for n_shot in set(shots))
    tick = _ticker(progress, in_all + len(set(shots)) * bootstrap * bootstrap_each)
    scores: dict[Setting, HeadScores] = {}
    drawn: dict[int, Episodes] = {}
    notes: list[str] = []
    for n_shot in dict.fromkeys(shots):
        sampler = EpisodeSampler(n_way, n_shot, n_query, episodes, seed)
        if replay and n_shot in replay:
            drawn[n_shot] = _checked_replay(replay[n_shot], n_shot, np.asarray(classes))
            sampler = replace(sampler, n_way=drawn[n_shot].n_way, n_query=drawn[n_shot].n_query)
        else:
            drawn[n_shot] = sampler.sample(classes, groups)
        if positive is not None:
            positive_slots(drawn[n_shot], positive)
        built = {
            Setting(space, name, n_shot): build_head(
                name, n_way=drawn[n_shot].n_way, n_shot=n_shot, k=k, center=centers.get(space)
            )
            for space in rows
            for name in heads
        }
        replicates: dict[Setting, dict[str, Floats]] = {}
        if bootstrap:
            try:
                resampled = bootstrap_episodes(sampler, classes, groups, replicates=bootstrap, episodes=bootstrap_each)
                replicates = _replicates(grams, built, resampled, bootstrap, positive, tick)
            except EpisodeError as error:
                notes.append(f"{n_shot} shots: {error}")
                tick(bootstrap * bootstrap_each)
        scores |= _scores(grams, built, drawn[n_shot], replicates, positive, tick)
    return FewShotResult(scores, drawn, drawn[shots[0]].classes, positive, tuple(notes))


def _scores(
    grams: _Grams,
    built: Mapping[Setting, EpisodeHead],
    episodes: Episodes,
    replicates: Mapping[Setting, Mapping[str, Floats]],
    positive: str | None,
    tick: Tick,
) -> dict[Setting, HeadScores]:
    parts: dict[Setting, list[Floats]] = {setting: [] for setting in built}
    for setting, _, proba in _answers(grams, built, episodes, tick):
        parts[setting].append(proba)
    scores = {}
    for setting in built:
        proba = np.concatenate(parts.pop(setting))
        scores[setting] = HeadScores(
            values=episode_metrics(proba, episodes, positive),
            replicates=replicates.get(setting),
            confusion=confusion_matrix(proba, episodes),
            roc=None if positive is None else roc_curve(proba, episodes, positive),
        )
    return scores


def _replicates(
    grams: _Grams,
    built: Mapping[Setting, EpisodeHead],
    episodes: Episodes,
    replicates: int,
    positive: str | None,
    tick: Tick,
) -> dict[Setting, dict[str, Floats]]:
    """The mean of each metric in each replicate, float64 [B]; the answers themselves are not kept."""
    parts: dict[Setting, list[dict[str, Floats]]] = {setting: [] for setting in built}
    for setting, part, proba in _answers(grams, built, episodes, tick):
        parts[setting].append(episode_metrics(proba, part, positive))
    return {setting: _means(found, replicates) for setting, found in parts.items()}


def _means(parts: list[dict[str, Floats]], replicates: int) -> dict[str, Floats]:
    return {name: replicate_means(np.concatenate([part[name] for part in parts]), replicates) for name in parts[0]}


def _answers(
    grams: _Grams, built: Mapping[Setting, EpisodeHead], episodes: Episodes, tick: Tick
) -> Iterator[tuple[Setting, Episodes, Floats]]:
    """Each head's probabilities, float64 [e, T, W], a few episodes at a time; heads of one view share the gather."""
    for start in range(0, len(episodes), EPISODES_AT_ONCE):
        part = episodes[start : start + EPISODES_AT_ONCE]
        gathered: dict[tuple[str, str], GramBlocks] = {}
        for setting, head in built.items():
            key = (setting.space, head.view)
            if key not in gathered:
                gathered[key] = grams.of(*key).blocks(part)
            yield setting, part, head.episode_proba(gathered[key])
        tick(len(part))


class _Grams:
    """The inner products of every space in every view that was asked for, each computed once."""

    def __init__(self, rows: Mapping[str, Floats], centers: Mapping[str, Floats]) -> None:
        self._rows, self._centers = rows, centers
        self._grams: dict[tuple[str, str], PoolGram] = {}

    def of(self, space: str, view: str) -> PoolGram:
        """The inner products of `space` in `view`, a name in `gram.VIEWS`."""
        if (space, view) not in self._grams:
            self._grams[space, view] = PoolGram(VIEWS[view](self._rows[space], self._centers.get(space)))
        return self._grams[space, view]


def _checked_spaces(
    spaces: Mapping[str, NDArray[np.floating]], films: int, center: Mapping[str, ArrayLike]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Each space's embeddings, float64 [N, D], and the centres there are, float64 [D]. Raises `ArgumentError`."""
    if not spaces:
        raise ArgumentError("spaces: wanted embeddings of at least one encoder, got none")
    rows, centers = {}, {}
    for name, embeddings in spaces.items():
        try:
            rows[name] = checked_matrix(embeddings, np.float64)
            if name in center:
                centers[name] = checked_matrix(np.atleast_2d(np.asarray(center[name])), np.float64)[0]
        except ArgumentError as error:
            raise ArgumentError(f"space {name!r}: {error}") from error
        if len(rows[name]) != films:
            raise ArgumentError(f"space {name!r}: wanted a row for each of the {films} films, got {len(rows[name])}")
        if name in centers and centers[name].size != rows[name].shape[1]:
            wanted = rows[name].shape[1]
            raise ArgumentError(f"center of space {name!r}: wanted {wanted} numbers, got {centers[name].size}")
    return rows, centers


def _checked_replay(episodes: Episodes, n_shot: int, classes: NDArray[Any]) -> Episodes:
    """The episodes, if they have `n_shot` shots and their films the classes they had. Raises `MismatchError`."""
    if episodes.n_shot != n_shot:
        raise MismatchError(f"replay: wanted episodes of {n_shot} shots, got {episodes.n_shot}")
    films = np.concatenate([episodes.support, episodes.query], axis=1)
    slots = np.concatenate([episodes.support_label, episodes.query_label])
    wanted = np.array(episodes.classes, dtype=object)[episodes.way[:, slots]]
    if films.max() >= len(classes) or set(episodes.classes) != set(classes) or (classes[films] != wanted).any():
        raise MismatchError("replay: the episodes are of a pool with other films or classes; draw new ones")
    return episodes


def _ticker(progress: Progress | None, total: int) -> Tick:
    done = 0

    def tick(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    return tick
