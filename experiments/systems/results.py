"""What a row found: scores with their intervals, and what was not run, as one JSON file."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from embedlearn.errors import CheckpointError
from embedlearn.files import write_json

RESULTS = Path(__file__).parent.parent / "results"
ROWS = RESULTS / "rows"
FORMAT = "embedlearn-row-1"
LUNGS = "evidence in the box around the lungs less its share"
PATIENTS = "patient bootstrap"
NOT_RUN = "not run here"  # what documents and pictures say where there is no score
UNTRAINED, HEADER, BORDER = "untrained", "header probe", "border probe"  # models that stand beside ours
ENDS = ("value", "low", "high")  # NaN where they cannot be said, null in the file


@dataclass(frozen=True)
class Score:
    """One number of a row, with its 95 % interval.

    `task`: the question ("four classes"). `protocol`: how films were divided ("by image", "by patient", "episodes by
    patient"). `model`: what answered ("resdense, from scratch", "header probe"). `metric`: "accuracy", "macro F1", "AUC
    covid-19", "accuracy less header probe", "calibration error", `LUNGS` ...
    `films` and `cases` were tested; `interval` says how it was made; `shots` films a class were the examples, where it
    is a few-shot score.
    """

    task: str
    protocol: str
    model: str
    metric: str
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    films: int = 0
    cases: int = 0
    interval: str = PATIENTS
    shots: int | None = None


@dataclass(frozen=True)
class Missing:
    """What was not run, and why: data that are not there, weights that are not."""

    what: str
    why: str


@dataclass(frozen=True)
class RowResult:
    """The result of a row. `made`: digests of the settings and of the films, how many there are, and the software."""

    row: str
    quick: bool
    made: dict[str, Any]
    scores: tuple[Score, ...]
    missing: tuple[Missing, ...] = ()

    def save(self, path: Path) -> None:
        """Write it as JSON."""
        content = {"format": FORMAT, **asdict(self)}
        for score in content["scores"]:
            score |= {end: None for end in ENDS if math.isnan(score[end])}
        write_json(path, content)


def _unknown(score: dict[str, Any]) -> dict[str, float]:
    return {end: math.nan for end in ENDS if score[end] is None}


def load_result(path: Path) -> RowResult:
    """The result in a file. Raises `CheckpointError` where there is none of this form."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("format") != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        scores = tuple(Score(**{**each, **_unknown(each)}) for each in content.pop("scores"))
        missing = tuple(Missing(**each) for each in content.pop("missing"))
        return RowResult(**content, scores=scores, missing=missing)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: no result of a row ({error}); make it with python -m experiments.run"
        ) from error
