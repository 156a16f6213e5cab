"""An evaluation for people and for programs: the printed tables, `result.json`, `table.csv`, figures, episodes.

`result.json` has these keys. `classes`, `positive`, `pool` (films and cases by class), `encoder` (SHA-256), `settings`,
`software`, `scores` (a row for each space, head, shots and metric: `mean`, and the ends of both 95 % intervals),
`differences` (trained minus untrained on the same episodes, rows alike), `confusion` (counts over all episodes, true
class by answer), `notes` and `warnings`. It holds no time, so that the same evaluation gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.table import Column, Table

from embedlearn.episodes.figures import draw_confusion, draw_roc, draw_shots
from embedlearn.episodes.pool import TRAINED, UNTRAINED, Pool
from embedlearn.episodes.results import Estimate, FewShotResult
from embedlearn.files import replacing, write_json
from embedlearn.provenance import describe_software

if TYPE_CHECKING:
    import pandas as pd

BESIDE = "prototype"  # the head that is printed for the probes
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced acc.",
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
INTERVALS = (
    "[ ] 95 % interval by patient bootstrap: how far the mean would move had other patients been tested",
    "( ) 95 % interval over episodes: how far it would move with other episodes of the same films",
)


def print_report(result: FewShotResult, pool: Pool) -> None:
    """Print a table for each number of shots: every head trained, untrained and their difference, then the probes."""
    console = Console(width=124)
    gains = result.difference(TRAINED, UNTRAINED) if UNTRAINED in pool.spaces else {}
    for shots in result.episodes:
        title = f"{result.episodes[shots].n_way}-way {shots}-shot, chance {1 / result.episodes[shots].n_way:.3f}"
        columns = (_heading(name, result.positive) for name in result.metrics)
        table = Table(Column("head", no_wrap=True), *columns, title=title)
        heads = [setting.head for setting in result.scores if (setting.space, setting.shots) == (TRAINED, shots)]
        probed = heads if BESIDE not in heads else [BESIDE]
        for space in pool.spaces:
            for head in heads if space in (TRAINED, UNTRAINED) else probed:
                table.add_row(f"{head}\n{space}", *_cells(result, space, head, shots))
            table.add_section()
            if space == UNTRAINED:
                for head in heads:
                    cells = (_cell(gains[head, shots][name], signed=True) for name in result.metrics)
                    table.add_row(f"{head}\n{TRAINED} - {UNTRAINED}", *cells)
                table.add_section()
        console.print(table)
    for line in (*INTERVALS, *result.notes, *warnings_of(result, pool)):
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def write_report(folder: Path, result: FewShotResult, pool: Pool, settings: Mapping[str, Any]) -> None:
    """Write all files of the report into `folder`. Raises `StorageError`."""
    kept = {f"episodes-{shots}.parquet" for shots in result.episodes}
    for stale in [path for path in folder.glob("episodes-*.parquet") if path.name not in kept]:
        stale.unlink()
    for shots, episodes in result.episodes.items():
        episodes.save(folder / f"episodes-{shots}.parquet", pool.frame)
    frame = result.to_frame()
    with replacing(folder / "table.csv") as beside:
        frame.to_csv(beside, index=False, float_format="%.6g")
    draw_shots(folder / "shots.png", result)
    draw_confusion(folder / "confusion.png", result, TRAINED)
    draw_roc(folder / "roc.png", result)
    write_json(folder / "result.json", _as_plain(result, pool, settings, frame))


def warnings_of(result: FewShotResult, pool: Pool) -> list[str]:
    """What a reader must know before believing the table, in plain sentences."""
    found = []
    if len(set(pool.frame["source"])) > 1 and (names := pool.confounded()):
        found.append(f"warning: {', '.join(names)} does not come from every source; a source can give a class away")
    for name, count in pool.counts().items():
        if count["cases"] < 30:
            found.append(f"warning: only {count['cases']} cases of {name}; other patients may give another picture")
        if nameless := pool.nameless().get(name):
            found.append(
                f"warning: {nameless} of {count['films']} films of {name} name no patient: only their near-identical "
                "films are kept together, and the interval by patient may be too narrow"
            )
    for shots in result.episodes:
        found.extend(_probe_warnings(result, pool, shots))
    if any(str(source).startswith("phantom") for source in pool.frame["source"]):
        found.append("note: the films are synthetic phantoms; the numbers say nothing about patients")
    return found


def _probe_warnings(result: FewShotResult, pool: Pool, shots: int) -> list[str]:
    best = {
        space: max(
            result.estimate(space, setting.head, shots, "accuracy").mean
            for setting in result.scores
            if (setting.space, setting.shots) == (space, shots)
        )
        for space in pool.spaces
    }
    return [
        f"warning: at {shots} shots the {space} alone reaches accuracy {best[space]:.3f} (encoder "
        f"{best[TRAINED]:.3f}, best heads): the score may rest on where films come from"
        for space in best
        if space.endswith("probe") and best[space] >= best[TRAINED] - 0.05
    ]


def _heading(metric: str, positive: str | None) -> str:
    name = NAMES.get(metric, metric)
    return name if metric in ("accuracy", "balanced_accuracy") else f"{name} {positive}"


def _cells(result: FewShotResult, space: str, head: str, shots: int) -> list[str]:
    return [_cell(result.estimate(space, head, shots, metric)) for metric in result.metrics]


def _cell(estimate: Estimate, signed: bool = False) -> str:
    """Two lines: the mean with the patient interval, and the episode interval below."""

    def number(value: float) -> str:
        return f"{value:.3f}".replace("0.", ".", 1)

    first = ("+" if signed and estimate.mean >= 0 else "") + number(estimate.mean)
    if estimate.patient is not None:
        first += f" [{number(estimate.patient.low)} {number(estimate.patient.high)}]"
    below = f"({number(estimate.episode.low)} {number(estimate.episode.high)})"
    return f"{first}\n{below:>{len(first)}}".replace("[", "\\[")


def _as_plain(result: FewShotResult, pool: Pool, settings: Mapping[str, Any], frame: pd.DataFrame) -> dict[str, Any]:
    differences = []
    if UNTRAINED in pool.spaces:
        for (head, shots), metrics in result.difference(TRAINED, UNTRAINED).items():
            for metric, estimate in metrics.items():
                row = {"space": f"{TRAINED} minus {UNTRAINED}", "head": head, "shots": shots, "metric": metric}
                differences.append({**row, **_plain_estimate(estimate)})
    return {
        "format": "embedlearn-fewshot-1",
        "classes": list(result.classes),
        "positive": result.positive,
        "pool": pool.counts(),
        "encoder": pool.encoder,
        "settings": dict(settings),
        "software": describe_software(),
        "scores": [_without_nan(row) for row in frame.to_dict("records")],
        "differences": differences,
        "confusion": [
            {**setting._asdict(), "counts": scores.confusion.tolist()} for setting, scores in result.scores.items()
        ],
        "notes": list(result.notes),
        "warnings": warnings_of(result, pool),
    }


def _plain_estimate(estimate: Estimate) -> dict[str, Any]:
    patient = estimate.patient
    return _without_nan(
        {
            "mean": estimate.mean,
            "episode_low": estimate.episode.low,
            "episode_high": estimate.episode.high,
            "patient_low": patient.low if patient else np.nan,
            "patient_high": patient.high if patient else np.nan,
        }
    )


def _without_nan(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): None if isinstance(value, float) and np.isnan(value) else value for key, value in row.items()}
