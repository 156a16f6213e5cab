"""All that is asked of a pool: the heads, other queries, patients not heeded, the unknown, the supports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.evaluate import Progress, evaluate_episodes
from embedlearn.episodes.heads import TRANSDUCTIVE
from embedlearn.episodes.heads.base import EpisodeHead
from embedlearn.episodes.intervals import Interval
from embedlearn.episodes.pool import TRAINED, Pool
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.results import FewShotResult, Setting
from embedlearn.episodes.supports import SupportStudy, study_supports
from embedlearn.episodes.unknown import UnknownScores, UnknownSetting, evaluate_unknown
from embedlearn.errors import ArgumentError, EpisodeError

FINE_TUNE = "fine-tune"  # the name of the head that trains the encoder's last block
EXTREMES = 3
Watch = Callable[[str], AbstractContextManager[Progress]]


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """What to ask; the numbers as in `evaluate_episodes`.

    `support_from`, `query_from`: the sources that support and queries come from; none for all. `leakage_gap`: whether
    episodes that do not heed patients are evaluated too. `supports`: how many to compare, 0 for none. `unknown`:
    whether the positive class is left out of the support once. `fine_tune`: episodes for the head that is handed over.
    """

    heads: tuple[str, ...]
    shots: tuple[int, ...]
    n_query: int = 15
    episodes: int = 1000
    n_way: int | None = None
    shots_of: Mapping[str, int] = field(default_factory=dict)
    prevalence: str | Mapping[str, float] = "balanced"
    support_from: tuple[str, ...] = ()
    query_from: tuple[str, ...] = ()
    k: int | None = None
    positive: str
    seed: int = 0
    bootstrap: int = 200
    leakage_gap: bool = False
    supports: int = 200
    unknown: bool = True
    fine_tune: int = 0

    @property
    def support_head(self) -> str:
        """The first head that answers a film whatever is asked with it: supports are compared on all films at once."""
        return next((head for head in self.heads if head not in TRANSDUCTIVE), "prototype")

    def asked(self, shots: int) -> dict[str, Any]:
        """What a replay of the episodes of so many shots must know of how they were drawn."""
        prevalence = self.prevalence if isinstance(self.prevalence, str) else dict(self.prevalence)
        return {
            "shots": shots, "shots_of": dict(self.shots_of), "prevalence": prevalence, "ways": self.n_way,
            "queries": self.n_query, "episodes": self.episodes, "support_from": list(self.support_from),
            "query_from": list(self.query_from),
        }  # fmt: skip

    def words(self) -> str:
        """How queries and sources were asked for, in a few words."""
        told = f"{self.prevalence_name} queries"
        if not isinstance(self.prevalence, str):
            told += f" ({', '.join(f'{name} {share:g}' for name, share in self.prevalence.items())})"
        if self.shots_of:
            told += f", {', '.join(f'{count} of {name}' for name, count in self.shots_of.items())} in the support"
        if self.support_from:
            told += f", support from {', '.join(self.support_from)}"
        if self.query_from:
            told += f", queries from {', '.join(self.query_from)}"
        return told

    @property
    def prevalence_name(self) -> str:
        """The prevalence in one word."""
        return self.prevalence if isinstance(self.prevalence, str) else "weighed"

    @property
    def other_prevalence(self) -> str:
        """How queries fall on the classes where those of the plan may favour a head that looks at all of them."""
        return "dirichlet" if self.prevalence == "balanced" else "balanced"


@dataclass(frozen=True, eq=False)
class FewShotStudy:
    """What was found.

    `result`: the heads on the queries that the plan asks for. `beside`: the same with Dirichlet queries (balanced ones
    where the plan's are not), where a head looks at all queries together and may live on their balance. `naive`: the
    trained space in episodes that do not heed patients. `fine_tuned`: the first of the episodes again, with the
    encoder's last block trained on each support, without a patient interval. `unknown` and `supports`: by their
    settings and shots.
    """

    plan: StudyPlan
    result: FewShotResult
    beside: FewShotResult | None
    naive: FewShotResult | None
    fine_tuned: FewShotResult | None
    unknown: Mapping[UnknownSetting, UnknownScores]
    supports: Mapping[int, SupportStudy]
    notes: tuple[str, ...]

    def extremes(self, shots: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The episodes that the first head answered best and worst, trained, three each, most extreme first."""
        accuracy = self.result.scores[Setting(TRAINED, self.plan.heads[0], shots)].values["accuracy"]
        order = accuracy.argsort(kind="stable")
        return order[::-1][:EXTREMES], order[:EXTREMES]

    def leakage(self) -> dict[tuple[str, int], Interval]:
        """Accuracy of naive minus that of patient-disjoint episodes in the trained space, by (head, shots).

        The 95 % interval is over episodes, and unpaired: the episodes are others. Empty where it was not asked for.
        """
        if self.naive is None:
            return {}
        gaps = {}
        for setting, naive in self.naive.scores.items():
            sides = [scores.values["accuracy"] for scores in (naive, self.result.scores[setting])]
            mean = float(sides[0].mean() - sides[1].mean())
            half = 1.96 * float(np.sqrt(sum(values.var(ddof=1) / len(values) for values in sides)))
            gaps[setting.head, setting.shots] = Interval(mean, mean - half, mean + half)
        return gaps


def run_study(
    pool: Pool,
    plan: StudyPlan,
    watch: Watch,
    replay: Mapping[int, Episodes] | None = None,
    tuned: EpisodeHead | None = None,
) -> FewShotStudy:
    """Ask the pool what the plan says; `watch(what)` is entered for each piece of work and gives its progress.

    `replay`: as in `evaluate_episodes`. `tuned`: the head that trains the encoder's last block, for the pool's films.
    What the pool does not allow beside the main result is left out, and a note says why. Raises as `evaluate_episodes`
    does.
    """
    asker = _Asker(pool, plan, watch, replay or {}, _roles(pool, plan))
    result = asker.evaluate("episodes", prevalence=plan.prevalence)
    beside = naive = fine_tuned = None
    unknown: dict[UnknownSetting, UnknownScores] = {}
    supports: dict[int, SupportStudy] = {}
    notes = list(result.notes)
    if replay and (plan.leakage_gap or set(plan.heads) & set(TRANSDUCTIVE)):
        notes.append(
            "other queries and the leakage gap are left out: they would be of other episodes than the replayed"
        )
    elif set(plan.heads) & set(TRANSDUCTIVE):
        with _leaving_out("other queries", notes):
            beside = asker.evaluate("episodes, other queries", prevalence=plan.other_prevalence)
    if plan.leakage_gap and not replay:
        with _leaving_out("leakage gap", notes):
            naive = asker.evaluate("episodes, naive", prevalence=plan.prevalence, naive=True)
    if tuned is not None:
        fine_tuned = asker.fine_tune(tuned, result)
    if asker.roles is not None or plan.n_way not in (None, len(result.classes)):
        notes.append("unknown films and supports are left out: they are asked of all classes and sources at once")
    else:
        if plan.unknown and len(result.classes) > 2:
            with _leaving_out("unknown", notes):
                unknown, more = asker.unknown()
                notes += more
        for shots in plan.shots if plan.supports else ():
            with _leaving_out(f"{shots} shots, supports", notes):
                supports[shots] = asker.supports(shots)
    return FewShotStudy(plan, result, beside, naive, fine_tuned, unknown, supports, tuple(notes))


@contextmanager
def _leaving_out(part: str, notes: list[str]) -> Iterator[None]:
    """Where the pool does not allow a part beside the main result, a note says why."""
    try:
        yield
    except EpisodeError as error:
        notes.append(f"{part}: {error}")


@dataclass(frozen=True, eq=False)
class _Asker:
    """What every question is put to, and each question in turn."""

    pool: Pool
    plan: StudyPlan
    watch: Watch
    replay: Mapping[int, Episodes]
    roles: NDArray[np.bool_] | None

    @property
    def classes(self) -> NDArray[np.str_]:
        return self.pool.frame["class"].to_numpy(str)

    @property
    def groups(self) -> NDArray[np.int64]:
        return self.pool.frame["case"].to_numpy()

    def evaluate(self, what: str, *, prevalence: str | Mapping[str, float], naive: bool = False) -> FewShotResult:
        """All heads; `naive`: the trained space only, and every film as if it were of a patient of its own."""
        plan, pool = self.plan, self.pool
        asked = prevalence == plan.prevalence and not naive
        with self.watch(what) as progress:
            return evaluate_episodes(
                {TRAINED: pool.spaces[TRAINED]} if naive else pool.spaces, self.classes,
                np.arange(len(self.groups)) if naive else self.groups, heads=plan.heads, shots=plan.shots,
                n_query=plan.n_query, episodes=plan.episodes, n_way=plan.n_way, shots_of=plan.shots_of,
                prevalence=prevalence, roles=self.roles, k=plan.k, base=None if naive else pool.base,
                positive=plan.positive, seed=plan.seed, bootstrap=0 if naive else plan.bootstrap,
                replay=self.replay if asked else None, progress=progress,
            )  # fmt: skip

    def fine_tune(self, tuned: EpisodeHead, result: FewShotResult) -> FewShotResult:
        """The first of the result's episodes, by the head that is handed over and two others."""
        few = {shots: drawn[: self.plan.fine_tune] for shots, drawn in result.episodes.items()}
        with self.watch("fine-tuning") as progress:
            return evaluate_episodes(
                {TRAINED: self.pool.spaces[TRAINED]}, self.classes, self.groups, heads=("prototype", "logistic"),
                shots=self.plan.shots, positive=self.plan.positive, seed=self.plan.seed, bootstrap=0, replay=few,
                own={(TRAINED, FINE_TUNE): tuned}, progress=progress,
            )  # fmt: skip

    def unknown(self) -> tuple[dict[UnknownSetting, UnknownScores], list[str]]:
        """The positive class left out of the support."""
        plan = self.plan
        with self.watch("unknown"):
            return evaluate_unknown(
                self.pool.spaces, self.classes, self.groups, unknown=plan.positive, shots=plan.shots,
                n_query=plan.n_query, episodes=plan.episodes, shots_of=plan.shots_of, base=self.pool.base,
                seed=plan.seed,
                bootstrap=plan.bootstrap,
            )  # fmt: skip

    def supports(self, shots: int) -> SupportStudy:
        """What different supports make of a head."""
        plan = self.plan
        with self.watch(f"supports of {shots}") as progress:
            return study_supports(
                self.pool.spaces[TRAINED], self.classes, self.groups, head=plan.support_head, n_shot=shots,
                shots_of=plan.shots_of,
                supports=plan.supports, k=plan.k, seed=plan.seed, progress=progress,
            )  # fmt: skip


def _roles(pool: Pool, plan: StudyPlan) -> NDArray[np.bool_] | None:
    """Which films may be support and which queries, bool [N, 2]; None for all. Raises `ArgumentError`."""
    if not plan.support_from and not plan.query_from:
        return None
    source = pool.frame["source"].to_numpy(str)
    sides = []
    for flag, wanted in (("support_from", plan.support_from), ("query_from", plan.query_from)):
        if unknown := sorted(set(wanted) - set(source)):
            raise ArgumentError(
                f"{flag}: wanted sources among {', '.join(sorted(set(source)))}; got {', '.join(unknown)}"
            )
        sides.append(np.isin(source, wanted) if wanted else np.ones(len(source), bool))
    return np.stack(sides, axis=1)
