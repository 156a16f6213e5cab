"""What a run folder's files say, read once for both cards."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlearn.encoders import runs
from embedlearn.encoders.settings import Objective, Sampling, Schedule
from embedlearn.errors import CheckpointError, StorageError
from embedlearn.flags import as_plain
from embedlearn.radiographs.phantom import SOURCES

if TYPE_CHECKING:
    import pandas as pd

FEWSHOT = "fewshot/result.json"
FINDINGS = "findings.csv"
GROUPS = {"objective": as_plain(Objective()), "sampling": as_plain(Sampling()), "schedule": as_plain(Schedule())}
HEADER_MOST = 100_000_000  # bytes; as safetensors itself has it
NO_WEIGHTS = ("running_mean", "running_var", "num_batches_tracked", "center")


@dataclass(frozen=True, eq=False)
class Facts:
    """A finished run, as far as its files tell: what could not be read is None or empty."""

    name: str
    config: Mapping[str, Any]
    films: pd.DataFrame | None
    """The rows of its manifest, where that is the one which the training wrote."""
    history: tuple[Mapping[str, float], ...]
    weights: int | None
    """How many numbers were learnt."""
    evaluation: Mapping[str, Any] | None
    """What `fewshot` wrote of this very encoder."""
    findings: tuple[Mapping[str, str], ...]
    checked: tuple[str, ...]
    """What `explain check` said of this very encoder, a line for each method."""

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings; what of its training could not be set in its day is as it is now unless set."""
        settings: dict[str, Any] = self.config["settings"]
        return {**settings, **{name: {**group, **settings[name]} for name, group in GROUPS.items()}}

    @property
    def kept(self) -> Mapping[str, float]:
        """What was measured of the epoch that was kept; empty where the run is older than that."""
        kept: Mapping[str, float] = self.config["result"].get("kept", {})
        return kept

    @property
    def sources(self) -> list[str]:
        counts: Mapping[str, Mapping[str, int]] = self.config["data"]["counts"]
        return sorted({name.rpartition(": ")[0] for split in counts.values() for name in split})

    @property
    def synthetic(self) -> bool:
        """Whether all films are phantoms."""
        return set(self.sources) <= set(SOURCES)


def read_facts(folder: Path) -> Facts:
    """The facts of a run folder. Raises `CheckpointError` where it holds no finished run."""
    config = runs.read_config(folder)
    if "result" not in config:
        raise CheckpointError(f"{folder}: the run is not finished; there is nothing yet that a card could say")
    try:
        films = runs.Run(folder, config).manifest().frame
    except CheckpointError:
        films = None
    evaluation = _evaluation(folder / FEWSHOT, config["result"]["encoder"])
    return Facts(
        name=folder.absolute().name,
        config=config,
        films=films,
        history=tuple({name: float(value) for name, value in row.items()} for row in _rows(folder / runs.HISTORY)),
        weights=_weights(folder / runs.ENCODER),
        evaluation=evaluation,
        findings=tuple(_rows(folder / FINDINGS)),
        checked=_checked(folder / runs.EXPLAIN, config["result"]["encoder"]),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where it is not there."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def _weights(path: Path) -> int | None:
    """How many numbers of a safetensors file were learnt, by its header: eight bytes of length, then JSON."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length < HEADER_MOST else {}
    except (OSError, ValueError):
        return None
    shapes = [tensor["shape"] for name, tensor in header.items() if "shape" in tensor and not name.endswith(NO_WEIGHTS)]
    return sum(math.prod(shape) for shape in shapes) or None


def _evaluation(path: Path, encoder: str) -> Mapping[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    ours = found.get("encoder") == encoder and any("queries" in row for row in found.get("scores", ()))
    return found if ours else None


def _checked(folder: Path, encoder: str) -> tuple[str, ...]:
    from embedlearn.explanations.checks.report import CHECKED, load_verdicts, one_line

    try:
        verdicts, about = load_verdicts(folder / CHECKED)
    except StorageError:
        return ()
    methods = dict.fromkeys(verdict.method for verdict in verdicts)
    return tuple(one_line(verdicts, name) for name in methods) if about.get("encoder") == encoder else ()
