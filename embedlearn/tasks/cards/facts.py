"""What a run folder's files say, read once for both cards."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlearn.encoders import runs
from embedlearn.encoders.settings import Objective, Sampling, Schedule
from embedlearn.errors import CheckpointError, StorageError
from embedlearn.flags import as_plain
from embedlearn.radiographs.phantom import SOURCES
from embedlearn.radiographs.splits import SEEN
from embedlearn.tasks.cards.words import counted

if TYPE_CHECKING:
    import pandas as pd

    from embedlearn.explanations.checks.verdict import Verdict

FEWSHOT = "fewshot/result.json"
FINDINGS = "findings.csv"
GROUPS = {"objective": as_plain(Objective()), "sampling": as_plain(Sampling()), "schedule": as_plain(Schedule())}
HEADER_MOST = 100_000_000  # bytes; as safetensors itself has it
NO_WEIGHTS = ("running_mean", "running_var", "num_batches_tracked", "center")
WRONG = (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError)  # of a file's form


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
    """What `explain check` said of this very encoder, a line for each method, and of which films."""

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
    def notes(self) -> list[str]:
        """What the readers of its films noted, which may name files."""
        return [str(note) for note in self.config["data"].get("notes", [])]

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
        history=_history(folder / runs.HISTORY),
        weights=_weights(folder / runs.ENCODER),
        evaluation=evaluation,
        findings=tuple(_rows(folder / FINDINGS)),
        checked=_checked(folder / runs.EXPLAIN, config),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where it is not there or no table."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return []


def _history(path: Path) -> tuple[Mapping[str, float], ...]:
    """An epoch a row; none where one of them is not of numbers."""
    try:
        return tuple({name: float(value) for name, value in row.items()} for row in _rows(path))
    except (TypeError, ValueError):
        return ()


def _weights(path: Path) -> int | None:
    """How many numbers of a safetensors file were learnt, by its header: eight bytes of length, then JSON."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length)) if length < HEADER_MOST else {}
        learnt = [each for name, each in header.items() if "shape" in each and not name.endswith(NO_WEIGHTS)]
        return sum(math.prod(map(int, tensor["shape"])) for tensor in learnt) or None
    except (OSError, *WRONG):
        return None


def _evaluation(path: Path, encoder: str) -> Mapping[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        ours = found["encoder"] == encoder and any("queries" in row for row in found["scores"])
        return found if ours else None
    except (OSError, *WRONG):
        return None


def _checked(folder: Path, config: Mapping[str, Any]) -> tuple[str, ...]:
    from embedlearn.explanations.checks.report import CHECKED, load_verdicts, one_line

    try:
        verdicts, about = load_verdicts(folder / CHECKED)
        if about.get("encoder") != config["result"]["encoder"]:
            return ()
        methods = dict.fromkeys(verdict.method for verdict in verdicts)
        told = [f"{one_line(verdicts, name)}{_asked(verdicts, name)}" for name in methods]
        return (*told, _asked_films(about["settings"], config["data"]["counts"])) if told else ()
    except (StorageError, *WRONG):
        return ()


def _asked(verdicts: Sequence[Verdict], method: str) -> str:
    """How many films its checks asked."""
    films = [verdict.n for verdict in verdicts if verdict.method == method and verdict.passed is not None]
    if not films:
        return ""
    several = f"{min(films):,} to " if min(films) < max(films) else ""
    return f"; {several}{counted(max(films), 'film')} a check"


def _asked_films(settings: Mapping[str, Any], counts: Mapping[str, Mapping[str, int]]) -> str:
    """Whose films the checks asked, as far as their flags tell."""
    names = {name.rpartition(": ")[0] for split in counts.keys() - set(SEEN) for name in counts[split]}
    told = (
        "The films were given to that command; of which sources they are it does not keep."
        if settings["data"]
        else f"The films are the run's own that it has not learnt from, of {', '.join(sorted(names))}."
    )
    lungs = settings["masks"] or settings["boxes"]
    return f"{told} Those whose lungs are outlined were given to that command." if lungs else told
