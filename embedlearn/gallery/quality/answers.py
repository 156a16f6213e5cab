"""From the rows that were found to the numbers that are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number
from embedlearn.gallery.quality.estimates import Estimate, Estimates, PatientBootstrap
from embedlearn.gallery.quality.labelled import Sides, count_equal
from embedlearn.gallery.quality.ranking import Ranking
from embedlearn.gallery.quality.results import Purity, Quality, QueryScores, Scores

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """What is measured. `label`, `source`: the columns that name disease and origin. `k`: neighbours for purity.

    `ks`: for recall and precision. `depth`: of the CMC. Intervals: 95 %, percentiles of `resamples` drawings of the
    queries' patients, seeded. Raises `ArgumentError` for a number out of bounds.
    """

    label: str = "label"
    source: str = "source"
    k: int = 10
    ks: tuple[int, ...] = (1, 5, 10)
    depth: int = 50
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name, numbers in {"k": (self.k,), "ks": self.ks, "depth": (self.depth,)}.items():
            for number in numbers:
                require_number(name, number, 1, 10_000)
        require_number("resamples", self.resamples, 2, 100_000)


DEFAULT = Measures()


@dataclass(frozen=True, eq=False)
class Question:
    """Who asks whom, and about what: groups and columns in codes, and the queries' labels by name, object [M]."""

    groups: Sides
    columns: Mapping[str, Sides]
    labels: NDArray[np.object_]

    def alike(self, *names: str) -> Codes:
        """How many candidates have a query's values in all of these columns, int64 [M]; all where none is named."""
        sides = [self.columns[name] for name in names]
        there = count_equal(sides) if sides else np.full(len(self.groups.asked), len(self.groups.there))
        return there - count_equal([*sides, self.groups])

    def patients(self) -> Codes:
        """The group of each query, int64 [M]; a query without one has a number of its own, below 0."""
        asked = self.groups.asked
        return np.where(asked < 0, -1 - np.arange(len(asked)), asked)


def score_answers(question: Question, found: Ranking, measures: Measures) -> Quality:
    """All numbers, each the mean of the queries' own, with intervals by patient."""
    label = question.columns[measures.label]
    relevant, allowed = question.alike(measures.label), question.alike()
    names, classes = _classes(question.labels, label.asked >= 0)
    hits = label.likeness(found.nearest)
    met = np.maximum.accumulate(hits, axis=1)

    def scored(values: NDArray[np.generic]) -> Floats:
        return np.where(relevant > 0, values, np.nan)

    each = QueryScores(
        {k: scored(met[:, k - 1]) for k in measures.ks},
        {k: scored(_share(hits[:, :k], found.nearest[:, :k])) for k in measures.ks},
        found.map_at_r,
        found.r_precision,
        scored(relevant / np.maximum(allowed, 1)),
        classes,
        question.patients(),
    )
    bootstrap = PatientBootstrap(each.patients, classes, resamples=measures.resamples, seed=measures.seed)
    scores = _means_of(each, bootstrap, len(names))
    nearest, kept = found.nearest[:, : measures.k], relevant > 0
    return Quality(
        queries=int(kept.sum()),
        left_out=int((~kept).sum()),
        gallery=len(label.there),
        micro=scores[0],
        macro=scores[1],
        classes=dict(zip(names, scores[2:], strict=True)),
        cmc=_means(met[kept, : measures.depth]),
        cmc_chance=_means(chance_of_meeting(relevant[kept], allowed[kept], measures.depth)),
        purity={
            name: _purity(name, side, nearest, question.alike(name), allowed, bootstrap)
            for name, side in question.columns.items()
        },
        across=_across(question, found, measures, bootstrap),
        each=each,
    )


def lead(
    one: Quality, other: Quality, score: Callable[[QueryScores], Floats], measures: Measures = DEFAULT
) -> Estimates:
    """How much better one order answers than another, by a score such as `lambda each: each.map_at_r`.

    Paired: both answer the same queries, and the same patients are drawn. Raises `ArgumentError` where they do not.
    """
    mine, theirs = one.each, other.each
    if not all(np.array_equal(getattr(mine, name), getattr(theirs, name)) for name in ("patients", "classes")):
        raise ArgumentError("lead: wanted two orders of the same cases for the same queries, got others")
    bootstrap = PatientBootstrap(mine.patients, mine.classes, resamples=measures.resamples, seed=measures.seed)
    return bootstrap.estimates(score(mine) - score(theirs))


def _means_of(each: QueryScores, bootstrap: PatientBootstrap, classes: int) -> list[Scores]:
    """Over queries, over classes, and of each class."""
    recall = {k: bootstrap.estimates(values) for k, values in each.recall.items()}
    precision = {k: bootstrap.estimates(values) for k, values in each.precision.items()}
    others = [bootstrap.estimates(values) for values in (each.map_at_r, each.r_precision, each.chance)]

    def scores(mask: Mask, pick: Callable[[Estimates], Estimate]) -> Scores:
        return Scores(
            int(mask.sum()),
            len(np.unique(each.patients[mask])),
            {k: pick(found) for k, found in recall.items()},
            {k: pick(found) for k, found in precision.items()},
            *(pick(found) for found in others),
        )

    def of_class(number: int) -> Scores:
        return scores(each.scored & (each.classes == number), lambda found: found.classes[number])

    means = [scores(each.scored, lambda found: found.micro), scores(each.scored, lambda found: found.macro)]
    return means + [of_class(number) for number in range(classes)]


def _classes(labels: NDArray[np.object_], known: Mask) -> tuple[list[str], Codes]:
    """The classes among the queries in order, and the class of each, int64 [M]; one without a label has a last one."""
    names, codes = np.unique(labels[known].astype(str), return_inverse=True)
    classes = np.full(len(labels), len(names))
    classes[known] = codes
    return names.tolist(), classes


def _across(question: Question, found: Ranking, measures: Measures, bootstrap: PatientBootstrap) -> Purity | None:
    """Purity by label among cases of other sources than the query's; None where no query has a candidate there."""
    if measures.source not in question.columns:
        return None
    known = question.columns[measures.source].asked >= 0
    allowed = np.where(known, question.alike() - question.alike(measures.source), 0)
    relevant = np.where(known, question.alike(measures.label) - question.alike(measures.label, measures.source), 0)
    if not allowed.any():
        return None
    return _purity(measures.label, question.columns[measures.label], found.elsewhere, relevant, allowed, bootstrap)


def _purity(
    column: str, side: Sides, rows: Codes, relevant: Codes, allowed: Codes, bootstrap: PatientBootstrap
) -> Purity:
    """Of the cases in rows int64 [M, k], where `relevant` of `allowed` candidates have the query's value."""
    scored = relevant > 0
    share = np.where(scored, _share(side.likeness(rows), rows), np.nan)
    chance = np.where(scored, relevant / np.maximum(allowed, 1), np.nan)
    nearest, anyone, lift = (bootstrap.estimates(values).micro for values in (share, chance, share - chance))
    told = None
    if nearest.mean is not None and anyone.mean is not None and anyone.mean < 1:
        told = (nearest.mean - anyone.mean) / (1 - anyone.mean)
    left_out = int((~scored).sum())
    return Purity(column, rows.shape[1], len(scored) - left_out, left_out, nearest, anyone, lift, told)


def _share(hits: Mask, rows: Codes) -> Floats:
    """Hits among the rows that there are, float64 [M]."""
    return np.asarray(hits.sum(1) / np.maximum((rows >= 0).sum(1), 1))


def _means(values: NDArray[np.generic]) -> tuple[float, ...]:
    """The mean of each column, where there are rows."""
    return tuple(np.asarray(values, np.float64).mean(0).tolist()) if len(values) else ()


def chance_of_meeting(relevant: Codes, allowed: Codes, depth: int) -> Floats:
    """How likely one of `relevant` among `allowed` candidates, int [M], is in the first 1, 2, ... K of any order.

    Float64 [M, K]: 1 - C(allowed - relevant, k) / C(allowed, k).
    """
    others, ranks = (allowed - relevant)[:, None], np.arange(1, depth + 1)
    missed = np.exp(
        gammaln(others + 1.0) - gammaln(np.maximum(others - ranks, 0) + 1.0)
        - gammaln(allowed[:, None] + 1.0) + gammaln(np.maximum(allowed[:, None] - ranks, 0) + 1.0)
    )  # fmt: skip
    return np.where(ranks > others, 1.0, 1.0 - missed)
