"""An evaluation for people and for programs: the printed tables, `result.json`, `table.csv`, figures, page, episodes.

`result.json` has these keys. `classes`, `positive`, `pool` (films and cases by class), `encoder` (SHA-256), `settings`,
`software`. `scores`: a row for each kind of queries, space, head, shots and metric, with `mean` and the ends of both 95
% intervals. `differences` (trained minus untrained) and `comparisons` (each head minus the first, trained), on the same
episodes, with `episode_p` and `patient_p`. `calibration`: ECE, NLL and Brier score as they come and at the fitted
temperature. `unknown`, `supports`, `leakage`, `extremes` (episodes answered best and worst), `fine_tuned`: what else
was asked for. `confusion`: counts over all episodes, true class by answer. `notes` and `warnings`. It holds no time, so
that the same evaluation gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Column, Table

from embedlearn.episodes.cautions import cautions
from embedlearn.episodes.figures import draw_confusion, draw_roc, draw_shots
from embedlearn.episodes.intervals import MEANINGS
from embedlearn.episodes.page import write_page
from embedlearn.episodes.pool import OTHER, TRAINED, UNTRAINED, Pool
from embedlearn.episodes.results import Difference, Estimate, FewShotResult, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.files import replacing, write_json
from embedlearn.provenance import describe_software

NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
EPISODE_FILE = "episodes-{}.parquet"
WIDTH = 132
QUANTILES = ("worst", "5 %", "median", "95 %", "best")


def print_report(study: FewShotStudy, pool: Pool) -> None:
    """Print a table for each number of shots, what stands beside it, and what a reader must know."""
    console = Console(width=WIDTH)
    for shots in study.result.episodes:
        console.print(_table(study.result, pool, shots, _queries(study.plan.prevalence)))
        if study.beside:
            console.print(_beside(study, study.beside, shots))
    for line in (*_lines(study), *MEANINGS, *study.notes, *cautions(study, pool)):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def write_report(
    folder: Path, study: FewShotStudy, pool: Pool, settings: Mapping[str, Any], *, thumbnails: bool = False
) -> tuple[str, ...]:
    """Write all files of the report into `folder`; their names. `thumbnails`: whether the page shows films.

    Raises `StorageError`.
    """
    result = study.result
    kept = {EPISODE_FILE.format(shots) for shots in result.episodes}
    for stale in [path for path in folder.glob(EPISODE_FILE.format("*")) if path.name not in kept]:
        stale.unlink()
    for shots, episodes in result.episodes.items():
        episodes.save(folder / EPISODE_FILE.format(shots), pool.frame)
    frame = _scores(study)
    with replacing(folder / "table.csv") as beside:
        frame.to_csv(beside, index=False, float_format="%.6g")
    draw_shots(folder / "shots.png", result)
    draw_confusion(folder / "confusion.png", result, TRAINED)
    draw_roc(folder / "roc.png", result)
    write_page(folder / "report.html", study, pool, settings, thumbnails=thumbnails)
    write_json(folder / "result.json", _as_plain(study, pool, settings, frame))
    return ("report.html", "result.json", "table.csv", "episodes-K.parquet", "shots.png", "confusion.png", "roc.png")


def _queries(prevalence: str | Mapping[str, float]) -> str:
    return f"{prevalence if isinstance(prevalence, str) else 'weighed'} queries"


def _table(result: FewShotResult, pool: Pool, shots: int, queries: str) -> Table:
    """Every head of the trained encoder with its lead over the untrained one; the first head of what stands beside."""
    heads = [setting.head for setting in result.scores if (setting.space, setting.shots) == (TRAINED, shots)]
    ways = result.episodes[shots].n_way
    gains = result.difference(TRAINED, UNTRAINED) if UNTRAINED in pool.spaces else {}
    metrics = [name for name in result.metrics if name != "balanced_accuracy"]
    columns = [NAMES[name] if name == "accuracy" else f"{NAMES[name]} {result.positive}" for name in metrics]
    table = Table(
        Column("head", no_wrap=True),
        *columns,
        *(["accuracy, trained\nminus untrained"] if gains else []),
        "ECE\nmended",
        title=f"{ways}-way {shots}-shot, chance {1 / ways:.3f}, {queries}",
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
    kinds = (_queries(study.plan.prevalence), f"{study.plan.other_prevalence} queries")
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
            f"supports of {shots}: balanced accuracy {worst} worst, {low} to {high} in nine of ten, {middle} median, "
            f"{best} best; {_short(supports.medoid_accuracy)} with the films nearest to their class's mean"
        )
    gaps = study.leakage()
    for shots in study.result.episodes if gaps else ():
        gap = gaps[study.plan.heads[0], shots]
        others = [found.mean for (_, number), found in gaps.items() if number == shots]
        yield (
            f"leakage, {shots} shots: episodes that do not heed patients give {gap.mean:+.3f} ({gap.low:+.3f} "
            f"{gap.high:+.3f}) with {study.plan.heads[0]}, {min(others):+.3f} to {max(others):+.3f} over all heads"
        )
    if study.fine_tuned:
        for (_, head, shots), tuned in study.fine_tuned.scores.items():
            episodes, found = len(tuned.values["accuracy"]), _flat(tuned.estimate("accuracy"))
            yield f"{episodes} episodes of {shots} shots, {head}: {found}"


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


def _short(value: float) -> str:
    """Three places, without a zero before the point."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.3f}")


def _scores(study: FewShotStudy) -> pd.DataFrame:
    """The scores of all kinds of queries, one row per (queries, space, head, shots, metric)."""
    frames = [study.result.to_frame().assign(queries=_queries(study.plan.prevalence).split()[0])]
    if study.beside:
        frames.append(study.beside.to_frame().assign(queries=study.plan.other_prevalence))
    frame = pd.concat(frames, ignore_index=True)
    return frame[["queries", *(name for name in frame if name != "queries")]]


def _as_plain(study: FewShotStudy, pool: Pool, settings: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    result = study.result
    first = study.plan.heads[0]
    against = result.against(first, TRAINED, "accuracy")
    return {
        "format": "embedlearn-fewshot-2",
        "classes": list(result.classes),
        "positive": result.positive,
        "pool": pool.counts(),
        "encoder": pool.encoder,
        "settings": dict(settings),
        "software": describe_software(),
        "scores": [_without_nan(row) for row in frame.to_dict("records")],
        "differences": [
            {"space": f"{TRAINED} minus {space}", "head": head, "shots": shots, "metric": name, **_ends(difference)}
            for space in (UNTRAINED, OTHER)
            if space in pool.spaces
            for (head, shots), metrics in result.difference(TRAINED, space).items()
            for name, difference in metrics.items()
        ],
        "comparisons": [
            {"head": f"{head} minus {first}", "shots": shots, "metric": "accuracy", **_ends(difference)}
            for (head, shots), difference in against.items()
        ],
        "calibration": [_calibration(setting, result) for setting in result.scores],
        "unknown": [
            {
                **setting._asdict(),
                **_ends(scores.auroc, "auroc"),
                **_without_nan({
                    "fpr95": scores.pooled.fpr95,
                    "bound": scores.bound,
                    "known_rejected": scores.pooled.known_rejected,
                    "unknown_caught": scores.pooled.unknown_caught,
                }),
            }
            for setting, scores in study.unknown.items()
        ],
        "supports": [
            {
                "shots": shots,
                "quantiles": dict(zip(QUANTILES, found.quantiles.tolist(), strict=True)),
                "medoid": found.medoid_accuracy,
                "files": {
                    name: pool.frame["path"].to_numpy(str)[films].tolist()
                    for name, films in (("best", found.best), ("worst", found.worst), ("medoid", found.medoid))
                },
            }
            for shots, found in study.supports.items()
        ],
        "leakage": [
            {"head": head, "shots": shots, **gap._asdict()} for (head, shots), gap in study.leakage().items()
        ],
        "extremes": [
            {"shots": shots, "best": best.tolist(), "worst": worst.tolist()}
            for shots in result.episodes
            for best, worst in [study.extremes(shots)]
        ],
        "fine_tuned": [
            {**setting._asdict(), "episodes": len(scores.values[name]), "metric": name, **_ends(scores.estimate(name))}
            for setting, scores in (study.fine_tuned.scores if study.fine_tuned else {}).items()
            for name in scores.values
        ],
        "confusion": [
            {**setting._asdict(), "counts": scores.confusion.tolist()} for setting, scores in result.scores.items()
        ],
        "notes": list(study.notes),
        "warnings": cautions(study, pool),
    }  # fmt: skip


def _calibration(setting: Setting, result: FewShotResult) -> dict[str, Any]:
    found = result.scores[setting].calibration
    sides = {"raw": found.raw, **({"mended": found.mended} if found.mended else {})}
    numbers = {
        f"{side}_{name}": getattr(told, name) for side, told in sides.items() for name in ("ece", "nll", "brier")
    }
    return {**setting._asdict(), "temperature": found.temperature, **numbers}


def _ends(estimate: Estimate | Difference, name: str = "mean") -> dict[str, Any]:
    """The mean under `name`, the ends of both intervals, and p where it is a difference."""
    patient = estimate.patient
    row: dict[str, float | None] = {
        name: estimate.mean,
        "episode_low": estimate.episode.low,
        "episode_high": estimate.episode.high,
        "patient_low": patient.low if patient else np.nan,
        "patient_high": patient.high if patient else np.nan,
    }
    if isinstance(estimate, Difference):
        row |= {"episode_p": estimate.episode_p, "patient_p": estimate.patient_p}
    return _without_nan(row)


def _without_nan(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
