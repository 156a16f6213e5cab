"""`python -m experiments.tables.keep`: what the tables need of a result, without paths and films, into the store."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from embedlearn.console import run_command, say
from embedlearn.episodes.pool import TRAINED, UNTRAINED
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.files import replacing, write_json
from experiments.systems.results import RESULTS
from experiments.tables import audit, check, fewshot, retrieval, transfer

ENDS = ("mean", "patient_low", "patient_high", "episode_low", "episode_high")
Tree = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Keep a result for the documents: what their tables need, with no path of a machine, no film and no patient."""

    kind: Literal["few-shot", "retrieval", "audit", "audit-run", "check", "transfer"]
    """Which command's result it is; audit-run is an audit with a run."""
    source: tuple[Path, ...]
    """The file result.json, retrieval.json, audit.json or check.json; of transfer, the folder of its files. Of few-shot
    several evaluations of one encoder may be given, such as all heads at five shots and some at others."""
    results: Path = RESULTS
    """Folder of the stored results."""


def main(arguments: list[str] | None = None) -> None:
    run_command(Keep, _run, "experiments.tables.keep", arguments)


def _run(settings: Keep) -> None:
    named = " ".join(map(str, settings.source))
    if len(settings.source) > 1 and settings.kind != "few-shot":
        raise ArgumentError(f"--source {named}: wanted one, as --kind is {settings.kind}")
    try:
        if settings.kind == "few-shot":
            written = keep_few_shot(settings.source, settings.results)
        else:
            written = KINDS[settings.kind](settings.source[0], settings.results)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise StorageError(f"--source {named}: no {settings.kind} result ({error!r})") from error
    say(f"wrote {', '.join(str(path) for path in written)}")


def keep_few_shot(sources: Sequence[Path], results: Path) -> list[Path]:
    """Scores by queries, space, head, shots and metric; gains, calibration, leakage, supports and the unknown.

    Raises `ValueError` where evaluations are of different films or encoders, or differ in a score that both have.
    """
    evaluations = [_read(source) for source in sources]
    same = ("classes", "positive", "pool", "encoder")
    if any(found[key] != evaluations[0][key] for found in evaluations for key in same):
        raise ValueError(f"wanted evaluations with the same {', '.join(same)}")
    scores: Tree = {}
    gains: Tree = {}
    calibration: Tree = {}
    for found in evaluations:
        _put_scores(found, scores, gains, calibration)
    lists = {
        key: [each for found in evaluations for each in found[key]]
        for key in ("unknown", "supports", "leakage", "fine_tuned", "notes", "warnings")
    }
    lists = {key: [each for place, each in enumerate(all_) if each not in all_[:place]] for key, all_ in lists.items()}
    lists["supports"] = [{key: each[key] for key in each if key != "files"} for each in lists["supports"]]
    kept = {
        **{key: evaluations[0][key] for key in same},
        "made": [{key: found[key] for key in ("settings", "software")} for found in evaluations],
        "columns": list(ENDS), "scores": scores, "gains": gains, "calibration": calibration, **lists,
    }  # fmt: skip
    return [_write(results / fewshot.FILE, fewshot.FORM, kept)]


def _put_scores(found: Mapping[str, Any], scores: Tree, gains: Tree, calibration: Tree) -> None:
    """Enter what one evaluation has into the three trees; of what stands beside the trained encoder its first head."""
    first = found["scores"][0]["head"]
    for row in found["scores"]:
        asked = fewshot.METRICS if row["queries"] == fewshot.BALANCED else ("accuracy",)
        if row["metric"] in asked and (row["space"] == TRAINED or row["head"] == first):
            _put(scores, _ends(row), row["queries"], row["space"], row["head"], row["shots"], row["metric"])
    for row in found["differences"]:
        if row["metric"] == "accuracy" and row["space"] == f"{TRAINED} minus {UNTRAINED}":
            _put(gains, _ends(row), row["head"], row["shots"])
    for row in found["calibration"]:
        if row["space"] == TRAINED or row["head"] == first:
            errors = [row["raw_ece"], row.get("mended_ece")]
            _put(calibration, errors, row["space"], row["head"], row["shots"])


def keep_retrieval(source: Path, results: Path) -> list[Path]:
    """Of every row: purities with chance, MAP@R, recall@1, and the lead in MAP@R."""
    found = _read(source)
    rows = {}
    for name, row in found["rows"].items():
        purities = {"label": row["purity"]["label"], "source": row["purity"]["source"], "across": row["across"]}
        rows[name] = {
            **{
                kind: {**each["share"], "chance": each["chance"]["mean"], "k": each["k"]}
                for kind, each in purities.items()
            },
            "map_at_r": row["micro"]["map_at_r"],
            "recall_at_1": row["micro"]["recall"]["1"],
            "lead_in_map_at_r": row["lead_in_map_at_r"],
        }
    kept = {"films": found["films"], "classes": found["classes"], "rows": rows}
    return [_write(results / retrieval.FILE, retrieval.FORM, kept)]


def keep_audit(source: Path, results: Path, file: str = audit.FILE) -> list[Path]:
    """What probes and encoders tell, by class and source, and every finding."""
    found = _read(source)
    told = ("films", "judged", "classes", "positive", "findings")
    shortcuts = {key: found["chapters"]["shortcuts"].get(key) for key in ("all", "within", "lift")}
    kept = {**{key: found[key] for key in told}, **_made(found), "shortcuts": shortcuts}
    return [_write(results / file, audit.FORM, kept)]


def keep_audit_run(source: Path, results: Path) -> list[Path]:
    """The same of an audit with a run."""
    return keep_audit(source, results, "audit-run.json")


def keep_check(source: Path, results: Path) -> list[Path]:
    """All verdicts, in the form of `explain check` itself."""
    found = _read(source)
    about = {**found["about"], **_made(found["about"])}
    return [_write(results / check.FILE, found["format"], {"about": about, "checks": found["checks"]})]


def keep_transfer(source: Path, results: Path) -> list[Path]:
    """The table, with the accuracy on known classes out of transfer.md as a column; and the table to choose by."""
    lines = (source / "transfer.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if cells[0][-1] != transfer.KNOWN:
        raise ValueError(f"transfer.md: wanted {transfer.KNOWN} as its last column")
    known = {line[0]: float(line[-1]) for line in cells[2:] if line[-1]}
    frame = pd.read_csv(source / "transfer.csv")
    kept = {
        transfer.FILE: frame.assign(known=frame["row"].map(known)),
        "transfer-choice.csv": pd.read_csv(source / "choice.csv"),
    }
    for name, table in kept.items():
        with replacing(results / name) as beside:
            table.to_csv(beside, index=False, float_format="%.4f")
    return [results / name for name in kept]


KINDS: dict[str, Callable[[Path, Path], list[Path]]] = {
    "retrieval": keep_retrieval, "audit": keep_audit, "audit-run": keep_audit_run,
    "check": keep_check, "transfer": keep_transfer,
}  # fmt: skip


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _made(found: Mapping[str, Any]) -> dict[str, Any]:
    """What made a result."""
    return {key: found[key] for key in ("encoder", "settings", "software") if key in found}


def _write(path: Path, form: str, kept: Mapping[str, Any]) -> Path:
    write_json(path, {"format": form, **_plain(dict(kept))})
    return path


def _plain(value: Any) -> Any:
    """Plain data with, of every path, its last name alone."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return Path(value).name if isinstance(value, str) and value.startswith(("/", "..", "~")) else value


def _ends(row: Mapping[str, Any]) -> list[float | None]:
    return [row[name] for name in ENDS]


def _put(tree: Tree, leaf: list[float | None], *keys: Any) -> None:
    """Set `leaf` at the place that `keys` lead to. Raises `ValueError` where another stands there."""
    for key in keys[:-1]:
        tree = tree.setdefault(str(key), {})
    if tree.setdefault(str(keys[-1]), leaf) != leaf:
        raise ValueError(f"two evaluations differ in {'/'.join(map(str, keys))}")


if __name__ == "__main__":
    main()
