"""A training on films that may show several findings: which findings, and what its test films say of each.

Beside the encoder stand the untrained network and two probes that know nothing of disease: a finding that they tell as
well is told by something else than disease (DeGrave 2021).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.audits.probes import border_features, header_features
from embedlearn.audits.replicates import REPLICATES, Estimate, auc_replicates, share_replicates, summed_up
from embedlearn.audits.scoring import fit_and_score
from embedlearn.console import progress, say
from embedlearn.errors import ArgumentError
from embedlearn.figures import COLOURS, GREY, GRID, figure
from embedlearn.files import replacing
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.labelsets import (
    NO,
    UNKNOWN,
    YES,
    count_findings,
    finding_targets,
    frequent_findings,
    label_sets,
)

if TYPE_CHECKING:
    from embedlearn.sources import Collection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[np.floating]
TABLE, PICTURE = "findings.csv", "findings.png"
HEAD, TRAINED, UNTRAINED, BORDER, HEADER = "trained head", "trained", "untrained", "border probe", "header probe"
MEAN = "mean"
FEWEST = 5  # cases with a finding, and without it, below which drawing them anew says nothing of others
SHOWN, ABSENT = "shown", "absent"


class Told(NamedTuple):
    """How well a finding is told on test films: an AUC with its 95 % interval by bootstrap over cases.

    NaN where test films do not both show it and not show it, and no interval where either is so of fewer than `FEWEST`
    cases; `films` are those of which it is known, `showing` and `cases` those, and their cases, that show it. The row
    of the mean is over the findings that have an interval; where none has, over those with an AUC, without one.
    """

    finding: str
    scores: str
    auc: float
    low: float
    high: float
    films: int
    showing: int
    cases: int

    def __str__(self) -> str:
        if np.isnan(self.auc):
            return f"{self.scores} cannot be said"
        return f"{self.scores} {self.auc:.3f} " + (
            "(no interval)" if np.isnan(self.low) else f"[{self.low:.3f}, {self.high:.3f}]"
        )


def choose_findings(frame: pd.DataFrame, classes: Sequence[str]) -> tuple[str, ...]:
    """The findings to train on: those named, or every label that enough cases have. Raises as `frequent_findings`."""
    if classes:
        return tuple(dict.fromkeys(canonical_label(name) for name in classes))
    return frequent_findings(label_sets(frame), frame["case"].to_numpy())


def choose_absent(absent: Sequence[str], findings: Sequence[str]) -> tuple[str, ...]:
    """The findings that a film lacks unless it names them. Raises `ArgumentError` for one that is not trained on."""
    names = tuple(dict.fromkeys(canonical_label(name) for name in absent))
    if strange := sorted(set(names) - set(findings)):
        raise ArgumentError(
            f"--absent {', '.join(strange)}: wanted findings that are trained on: {', '.join(findings)}"
        )
    return names


def say_findings(frame: pd.DataFrame, findings: Sequence[str], absent: Sequence[str] = ()) -> None:
    """Say of each split how many films show each finding, and of which a source tells nothing or that it lacks them."""
    sets = np.array([*label_sets(frame), None], dtype=object)[:-1]
    for split, rows in frame.groupby("split"):
        counts = ", ".join(f"{name} {count}" for name, count in count_findings(list(sets[rows.index])).items())
        say(f"{split}: {len(rows)} films of {rows['case'].nunique()} cases ({counts})")
    targets = finding_targets(frame, findings, absent)
    for source, rows in frame.groupby("source"):
        told = dict(zip(findings, targets[rows.index].T, strict=True))
        if lacking := [name for name, target in told.items() if (target == UNKNOWN).all()]:
            say(f"  note: {source} tells nothing of {', '.join(lacking)}: unknown of its films, not absent")
        if stated := [name for name, target in told.items() if (target != YES).all() and (target == NO).any()]:
            names = ", ".join(stated)
            say(f"  note: {source} is taken to lack {names}; whatever tells {source} from other sources tells it too")


def report_findings(
    folder: Path, collection: Collection, findings: Sequence[str], targets: Ints, vectors: Mapping[str, Numbers],
    head: Callable[[Numbers], Numbers] | None,
) -> list[Told]:  # fmt: skip
    """Judge test films by models that training films were used for, and write the table and the picture.

    `collection`: the run's films; `targets` int64 [N, K] of them; `vectors`: embeddings float32 [N, D] of them by the
    trained and the untrained encoder; `head` gives the trained head's log-odds [M, K], where there is one. Raises
    `StorageError`.
    """
    frame = collection.manifest.frame
    training, test = ((frame["split"] == split).to_numpy() for split in ("train", "test"))
    features = {
        **vectors, BORDER: border_features(collection.films), HEADER: header_features(collection.manifest.paths),
    }  # fmt: skip
    scores = {} if head is None else {HEAD: head(vectors[TRAINED][test])}
    for name, rows in features.items():
        scores[name] = logistic_scores(rows[training], targets[training], rows[test])
    with progress("drawing patients anew") as report:
        told = measure_findings(scores, targets[test], frame["case"].to_numpy()[test], findings, progress=report)
    write_findings(folder / TABLE, told)
    draw_findings(folder / PICTURE, told, folder.name)
    return told


def logistic_scores(rows: Numbers, targets: Ints, asked: Numbers) -> Floats:
    """Log-odds of each finding, float64 [M, K], of rows `asked` [M, F] by models (`fit_and_score`) of `rows` [N, F].

    `targets`: int64 [N, K]; a model is of the rows of which its finding is known. NaN where one side is empty.
    """
    scores = np.full((len(asked), targets.shape[1]), np.nan)
    for column, target in enumerate(targets.T):
        known = target >= 0
        if len(set(target[known])) == 2:
            found = fit_and_score(rows[known], np.where(target[known] == 1, SHOWN, ABSENT), asked)
            scores[:, column] = found.log_odds[:, found.classes.index(SHOWN)]
    return scores


def measure_findings(
    scores: Mapping[str, Numbers], targets: Ints, cases: Ints, findings: Sequence[str], *,
    replicates: int = REPLICATES, seed: int = 0, progress: Callable[[int, int], None] | None = None,
) -> list[Told]:  # fmt: skip
    """Each finding, and the mean of all, by each of the `scores`, float [M, K] with targets int64 [M, K], cases [M].

    All see the same replicates, each as many cases drawn from all, so that the mean has an interval of its own.
    """
    names = list(scores)
    areas: dict[tuple[str, int], Floats] = {}
    for column in range(len(findings)):
        judged = np.column_stack([scores[name][:, column] for name in names])
        found = _areas(judged, targets[:, column], cases, replicates, seed)
        areas.update(zip([(name, column) for name in names], found, strict=True))
        if progress:
            progress(column + 1, len(findings))
    enough = [min(len(np.unique(cases[target == side])) for side in (0, 1)) >= FEWEST for target in targets.T]
    told = []
    for name in names:
        for column, finding in enumerate(findings):
            shown, known = targets[:, column] == 1, targets[:, column] >= 0
            counts = int(known.sum()), int(shown.sum()), len(np.unique(cases[shown]))
            told.append(Told(finding, name, *_estimate(areas[name, column], enough[column]), *counts))
        ill = (targets == 1).any(1)
        mean = _mean([areas[name, column] for column in range(len(findings))], enough)
        told.append(Told(MEAN, name, *mean, len(targets), int(ill.sum()), len(np.unique(cases[ill]))))
    return told


def _areas(scores: Numbers, target: Ints, cases: Ints, replicates: int, seed: int) -> Floats:
    """AUCs of scores float [N, M] over the films of which a finding is known, float64 [M, 1 + B].

    Drawn are the cases of all films. So those of which it is unknown are ranked below all as films without it, and what
    they add is taken away again: each film that shows it wins against each of them.
    """
    ranked = np.where((target >= 0)[:, None], scores, -np.inf)
    found = auc_replicates(ranked, target == 1, cases, replicates=replicates, seed=seed)
    sides = np.column_stack([target == 0, target < 0])
    absent, unknown = share_replicates(sides, np.ones_like(sides), cases, replicates=replicates, seed=seed)
    absent[absent == 0] = np.nan
    found[np.isnan(scores).any(0)] = np.nan
    return np.asarray((found * (absent + unknown) - unknown) / absent)


def _estimate(areas: Floats, enough: bool) -> Estimate:
    return summed_up(areas) if enough else Estimate(float(areas[0]), np.nan, np.nan)


def _mean(areas: Sequence[Floats], enough: Sequence[bool]) -> Estimate:
    """The mean of the findings that have an interval, in each replicate of those that it can be said of."""
    told = [found for found, many in zip(areas, enough, strict=True) if many and not np.isnan(found[0])]
    there = np.array(told or [found for found in areas if not np.isnan(found[0])])
    if not len(there):
        return Estimate(np.nan, np.nan, np.nan)
    counts = (~np.isnan(there)).sum(0)
    means = np.divide(np.nansum(there, axis=0), counts, out=np.full(there.shape[1], np.nan), where=counts > 0)
    return _estimate(means, bool(told))


def write_findings(path: Path, told: Sequence[Told]) -> None:
    """Write a row a finding and kind of score, as CSV; what cannot be said is blank. Raises `StorageError`."""
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Told._fields)
        for row in told:
            areas = ["" if np.isnan(value) else f"{value:.6g}" for value in (row.auc, row.low, row.high)]
            writer.writerow([row.finding, row.scores, *areas, row.films, row.showing, row.cases])


def draw_findings(path: Path, told: Sequence[Told], title: str) -> None:
    """Draw each finding's AUCs with their intervals, the best told first, and the mean below. Raises `StorageError`."""
    names = list(dict.fromkeys(row.scores for row in told))
    of = {(row.finding, row.scores): row for row in told}
    first = [row for row in told if row.scores == names[0] and row.finding != MEAN and not np.isnan(row.auc)]
    order = [*sorted(first, key=lambda row: -row.auc), of[MEAN, names[0]]]
    step = 0.8 / len(names)
    with figure(path, 7.5, 1.3 + 0.11 * (len(names) + 1.5) * len(order)) as drawn:
        axes = drawn.subplots()
        axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1)
        for place in range(0, len(order), 2):
            axes.axhspan(place - 0.5, place + 0.5, color=GRID, alpha=0.5, linewidth=0)
        for number, name in enumerate(names):
            rows = [of[row.finding, name] for row in order]
            places = np.arange(len(rows)) + (number - (len(names) - 1) / 2) * step
            colour = COLOURS[number % len(COLOURS)]
            axes.hlines(places, [row.low for row in rows], [row.high for row in rows], color=colour, linewidth=1.2)
            axes.plot([row.auc for row in rows], places, "o", color=colour, markersize=3.5, label=name)
        axes.axhline(len(order) - 1.5, color="black", linewidth=0.8)
        axes.grid(visible=False, axis="y")
        labels = [
            f"{row.finding}, {row.showing} films" + ("\n(no interval)" if np.isnan(row.low) else "")
            for row in order[:-1]
        ]
        axes.set_yticks(range(len(order)), [*labels, MEAN])
        axes.set(xlabel="AUC, with its 95 % interval by patient", ylim=(len(order) - 0.5, -0.5))
        axes.set_title(f"{title}: findings told on test films", loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0)
