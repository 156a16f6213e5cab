"""All that is asked of a pool: the heads, other queries, patients not heeded, the unknown, the supports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

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

    @property
    def beside_prevalence(self) -> str:
        """How the queries of `beside` fall on the classes."""
        return "dirichlet" if self.plan.prevalence == "balanced" else "balanced"

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
    classes, groups = pool.frame["class"].to_numpy(str), pool.frame["case"].to_numpy()
    roles = _roles(pool, plan)

    def evaluate(what: str, *, naive: bool = False, prevalence: str | Mapping[str, float]) -> FewShotResult:
        with watch(what) as progress:
            return evaluate_episodes(
                {TRAINED: pool.spaces[TRAINED]} if naive else pool.spaces,
                classes,
                np.arange(len(groups)) if naive else groups,
                heads=plan.heads,
                shots=plan.shots,
                n_query=plan.n_query,
                episodes=plan.episodes,
                n_way=plan.n_way,
                shots_of=plan.shots_of,
                prevalence=prevalence,
                roles=roles,
                k=plan.k,
                base=None if naive else pool.base,
                positive=plan.positive,
                seed=plan.seed,
                bootstrap=0 if naive else plan.bootstrap,
                replay=replay if prevalence == plan.prevalence and not naive else None,
                progress=progress,
            )

    result = evaluate("episodes", prevalence=plan.prevalence)
    naive = evaluate("episodes, naive", naive=True, prevalence=plan.prevalence) if plan.leakage_gap else None
    beside = None
    if set(plan.heads) & set(TRANSDUCTIVE):
        other = "dirichlet" if plan.prevalence == "balanced" else "balanced"
        beside = evaluate(f"episodes, {other} queries", prevalence=other)
    fine_tuned = None
    if tuned is not None:
        few = {shots: drawn[: plan.fine_tune] for shots, drawn in result.episodes.items()}
        with watch("fine-tuning") as progress:
            fine_tuned = evaluate_episodes(
                {TRAINED: pool.spaces[TRAINED]}, classes, groups, heads=("prototype", "logistic"), shots=plan.shots,
                positive=plan.positive, seed=plan.seed, bootstrap=0, replay=few, own={(TRAINED, FINE_TUNE): tuned},
                progress=progress,
            )  # fmt: skip
    notes: list[str] = []
    unknown: dict[UnknownSetting, UnknownScores] = {}
    supports: dict[int, SupportStudy] = {}
    everyone = roles is None and plan.n_way in (None, len(result.classes))
    if everyone and plan.unknown and len(result.classes) > 2:
        with watch("unknown"):
            unknown, notes = evaluate_unknown(
                pool.spaces, classes, groups, unknown=plan.positive, shots=plan.shots, n_query=plan.n_query,
                episodes=plan.episodes, base=pool.base, seed=plan.seed, bootstrap=plan.bootstrap,
            )  # fmt: skip
    if everyone and plan.supports:
        for shots in plan.shots:
            with watch(f"supports of {shots}") as progress:
                try:
                    supports[shots] = study_supports(
                        pool.spaces[TRAINED], classes, groups, head=plan.heads[0], n_shot=shots,
                        supports=plan.supports, k=plan.k, seed=plan.seed, progress=progress,
                    )  # fmt: skip
                except EpisodeError as error:
                    notes.append(f"{shots} shots, supports: {error}")
    return FewShotStudy(plan, result, beside, naive, fine_tuned, unknown, supports, (*result.notes, *notes))


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
