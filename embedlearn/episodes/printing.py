"""An evaluation as printed tables, with what stands beside them and what a reader must know."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console
from rich.table import Column, Table

from embedlearn.episodes.cautions import cautions
from embedlearn.episodes.intervals import MEANINGS
from embedlearn.episodes.pool import OTHER, TRAINED, UNTRAINED, Pool
from embedlearn.episodes.results import Difference, Estimate, FewShotResult
from embedlearn.episodes.study import FewShotStudy

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
WIDTH = 132


def print_report(study: FewShotStudy, pool: Pool) -> None:
    """Print a table for each number of shots, what stands beside it, and what a reader must know."""
    console = Console(width=WIDTH)
    for shots in study.result.episodes:
        console.print(_table(study.result, pool, shots, study.plan.words()))
        if study.beside:
            console.print(_beside(study, study.beside, shots))
    for line in (*_lines(study), *MEANINGS, *study.notes, *cautions(study, pool)):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _table(result: FewShotResult, pool: Pool, shots: int, queries: str) -> Table:
    """Every head of the trained encoder with its lead over the untrained one; the first head of what stands beside."""
    heads = [setting.head for setting in result.scores if (setting.space, setting.shots) == (TRAINED, shots)]
    ways = result.episodes[shots].n_way
    gains = result.difference(TRAINED, UNTRAINED) if UNTRAINED in pool.spaces else {}
    balanced = result.episodes[shots].balanced
    metrics = [name for name in result.metrics if name != "balanced_accuracy" or not balanced]
    columns = [NAMES[name] if "acc" in name else f"{NAMES[name]} {result.positive}" for name in metrics]
    table = Table(
        Column("head", no_wrap=True),
        *columns,
        *(["accuracy, trained\nminus untrained"] if gains else []),
        "ECE\nmended",
        title=f"{ways}-way {shots}-shot, chance {1 / ways:.3f}{'' if balanced else ' of balanced accuracy'}, {queries}",
    )  # fmt: skip
    for setting, scores in result.scores.items():
        if setting.shots != shots or (setting.space != TRAINED and setting.head != heads[0]):
            continue
        gain = gains.get((setting.head, shots)) if setting.space == TRAINED else None
        cells = [_cell(scores.estimate(name)) for name in metrics]
        cells += [_cell(gain["accuracy"], signed=True) if gain else ""] if gains else []
        mended = scores.calibration.mended
        ece = f"{_short(scores.calibration.raw.ece)}\n{_short(mended.ece) if mended else ''}"
        table.add_row(setting.head if setting.space == TRAINED else f"{setting.head}\n{setting.space}", *cells, ece)
        if setting.space == TRAINED and setting.head == heads[-1]:
            table.add_section()
    return table


def _beside(study: FewShotStudy, other: FewShotResult, shots: int) -> Table:
    """Accuracy of every head of the trained encoder on the queries that were asked for, and on others."""
    kinds = (f"{study.plan.prevalence_name} queries", f"{study.plan.other_prevalence} queries")
    table = Table(
        Column("head", no_wrap=True),
        f"accuracy,\n{kinds[0]}",
        f"accuracy,\n{kinds[1]}",
        f"balanced accuracy,\n{kinds[1]}",
    )
    for setting, scores in study.result.scores.items():
        if (setting.space, setting.shots) == (TRAINED, shots):
            also = other.scores[setting]
            estimates = scores.estimate("accuracy"), also.estimate("accuracy"), also.estimate("balanced_accuracy")
            table.add_row(setting.head, *map(_cell, estimates))
    return table


def _lines(study: FewShotStudy) -> Iterator[str]:
    """What was asked for beside the table, a line each."""
    if OTHER in {setting.space for setting in study.result.scores}:
        for (head, shots), metrics in study.result.difference(TRAINED, OTHER).items():
            lead = metrics["accuracy"]
            p = "" if lead.patient_p is None else f", p {lead.patient_p:.3f} by patient"
            yield f"{TRAINED} minus {OTHER}, {head}, {shots} shots: accuracy {_flat(lead, signed=True)}{p}"
    for setting, scores in study.unknown.items():
        if setting.space != TRAINED:
            continue
        words = f"{study.plan.positive} left out of {setting.shots}-shot supports, {setting.measure}: AUROC "
        words += f"{_flat(scores.auroc)}, {scores.pooled.fpr95:.0%} of it accepted where 95 % of the known are"
        if scores.bound is not None:
            words += f"; beyond the bound from base films {scores.pooled.unknown_caught:.0%} of it and "
            words += f"{scores.pooled.known_rejected:.0%} of the known"
        yield f"unknown: {words}"
    for shots, supports in study.supports.items():
        worst, low, middle, high, best = (_short(value) for value in supports.quantiles)
        yield (
            f"supports of {shots}, {study.plan.support_head}: balanced accuracy {worst} worst, {low} to {high} in nine "
            f"of ten, {middle} median, {best} best; {_short(supports.medoid_accuracy)} with the films nearest to their "
            "class's mean"
        )
    gaps = study.leakage()
    for shots in study.result.episodes if gaps else ():
        gap = gaps[study.plan.heads[0], shots]
        others = [found.mean for (_, number), found in gaps.items() if number == shots]
        yield (
            f"leakage, {shots} shots: episodes that do not heed patients give {_signed(gap.mean)} "
            f"({_signed(gap.low)} {_signed(gap.high)}) with {study.plan.heads[0]}, {_signed(min(others))} to "
            f"{_signed(max(others))} over all heads"
        )
    if study.fine_tuned:
        for (_, head, shots), tuned in study.fine_tuned.scores.items():
            episodes, found = len(tuned.values["accuracy"]), _flat(tuned.estimate("accuracy"))
            yield f"{episodes} episode{'s' * (episodes > 1)} of {shots} shots, {head}: {found}"


def _cell(estimate: Estimate | Difference, signed: bool = False) -> str:
    """Two lines: the mean with the patient interval, and the episode interval below."""
    first = ("+" if signed and estimate.mean >= 0 else "") + _short(estimate.mean)
    if estimate.patient is not None:
        first += f" [{_short(estimate.patient.low)} {_short(estimate.patient.high)}]"
    below = f"({_short(estimate.episode.low)} {_short(estimate.episode.high)})"
    return f"{first}\n{below:>{len(first)}}".replace("[", "\\[")


def _flat(estimate: Estimate | Difference, signed: bool = False) -> str:
    """The cell in one line."""
    return " ".join(_cell(estimate, signed).replace("\\[", "[").split())


def _signed(value: float) -> str:
    return ("+" if value >= 0 else "") + _short(value)


def _short(value: float) -> str:
    """Three places, without a zero before the point; a dash for what there is none of."""
    if value != value:
        return "-"
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.3f}")
