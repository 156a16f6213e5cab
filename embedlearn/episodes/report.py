"""An evaluation for people and for programs: the printed tables, `result.json`, `table.csv`, figures, page, episodes.

`result.json` has these keys. `classes`, `positive`, `pool` (films and cases by class), `encoder` (SHA-256), `settings`,
`software`. `scores`: a row for each kind of queries, space, head, shots and metric, with `mean` and the ends of both 95
% intervals. `differences` (trained minus untrained, or minus another encoder) and `comparisons` (each head minus the
first, trained), on the same episodes, with `episode_p` and `patient_p`. `calibration`: ECE, NLL and Brier score as they
come and at the fitted temperature. `unknown`, `supports`, `leakage`, `extremes` (episodes answered best and worst),
`fine_tuned`: what else was asked for. `confusion`: counts over all episodes, true class by answer. `notes` and
`warnings`. It holds no time, so that the same evaluation gives the same bytes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from embedlearn.episodes.cautions import cautions
from embedlearn.episodes.figures import draw_confusion, draw_roc, draw_shots
from embedlearn.episodes.page import write_page
from embedlearn.episodes.pool import OTHER, TRAINED, UNTRAINED, Pool
from embedlearn.episodes.results import Difference, Estimate, FewShotResult, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.files import replacing, write_json
from embedlearn.provenance import describe_software

EPISODE_FILE = "episodes-{}.parquet"
QUANTILES = ("worst", "5 %", "median", "95 %", "best")


def write_report(
    folder: Path, study: FewShotStudy, pool: Pool, settings: Mapping[str, Any], *, thumbnails: bool = False
) -> tuple[str, ...]:
    """Write all files of the report into `folder`; their names. `thumbnails`: whether the page shows films.

    Raises `StorageError`.
    """
    result = study.result
    for shots, episodes in result.episodes.items():
        episodes.save(folder / EPISODE_FILE.format(shots), pool.frame, study.plan.asked(shots))
    frame = _scores(study)
    with replacing(folder / "table.csv") as beside:
        frame.to_csv(beside, index=False, float_format="%.6g")
    draw_shots(folder / "shots.png", result)
    draw_confusion(folder / "confusion.png", result, TRAINED)
    draw_roc(folder / "roc.png", result)
    write_page(folder / "report.html", study, pool, settings, thumbnails=thumbnails)
    write_json(folder / "result.json", _as_plain(study, pool, settings, frame))
    if not settings.get("replay"):
        _remove_stale(folder, result)
    return ("report.html", "result.json", "table.csv", "episodes-K.parquet", "shots.png", "confusion.png", "roc.png")


def _remove_stale(folder: Path, result: FewShotResult) -> None:
    """Episodes of an earlier evaluation, of other numbers of shots, would not be those of this report."""
    for path in folder.glob(EPISODE_FILE.format("*")):
        number = path.stem.rpartition("-")[2]
        if number.isdigit() and int(number) not in result.episodes:
            with contextlib.suppress(OSError):
                path.unlink()


def _scores(study: FewShotStudy) -> pd.DataFrame:
    """The scores of all kinds of queries, one row per (queries, space, head, shots, metric)."""
    frames = [study.result.to_frame().assign(queries=study.plan.prevalence_name)]
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
                "head": study.plan.support_head,
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
