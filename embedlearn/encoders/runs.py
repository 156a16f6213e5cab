"""Run folders: what a pretraining leaves behind, and how the other commands find it."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlearn.errors import ArgumentError, CheckpointError, MismatchError, StorageError
from embedlearn.files import file_digest, value_digest, write_json, write_text
from embedlearn.provenance import describe_software
from embedlearn.radiographs.labels import HEALTHY
from embedlearn.radiographs.labelsets import all_labels
from embedlearn.radiographs.splits import SEEN

if TYPE_CHECKING:
    from embedlearn.radiographs.manifest import Manifest

FORMAT = "embedlearn-run-1"
ENCODER = "encoder.safetensors"
UNTRAINED = "untrained.safetensors"
ONNX = "encoder.onnx"
CONFIG = "config.json"
HISTORY = "history.csv"
MANIFEST = "manifest.csv"
CURVES = "curves.png"
VALIDATION = "validation.parquet"
EXPLAIN = "explain"  # a folder: maps, and what the checks said of them


@dataclass(frozen=True)
class Run:
    """A run folder. `config` is its `config.json`."""

    folder: Path
    config: dict[str, Any]

    @property
    def encoder(self) -> Path:
        return self.folder / ENCODER

    @property
    def untrained(self) -> Path:
        return self.folder / UNTRAINED

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes it was trained on; of one trained on findings, these and healthy."""
        settings = self.config["settings"]
        classes = tuple(settings["classes"])
        return (HEALTHY, *classes) if settings.get("multi_label") else classes

    def manifest(self) -> Manifest:
        """The films of the run: of each its label, case, split and SHA-256. Raises `CheckpointError`."""
        import pandas as pd

        from embedlearn.radiographs.manifest import Manifest

        path = self.folder / MANIFEST
        try:
            if file_digest(path) != self.config["data"]["manifest_csv"]:
                raise CheckpointError(
                    f"{path}: not the file that {CONFIG} speaks of; restore it, or train the run again"
                )
            frame = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
            return Manifest(frame.assign(case=frame["case"].astype("int64")))
        except (OSError, KeyError, ValueError) as error:
            raise CheckpointError(f"{path}: missing or damaged ({error}); train the run again") from error


def start_run(folder: Path, settings: Mapping[str, Any], manifest: Manifest, data: Mapping[str, Any]) -> None:
    """Make `folder` and write what is known before the first epoch: settings, software, every film with its split.

    Raises `ArgumentError` where the folder is there already, `StorageError` where it cannot be made.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise ArgumentError(f"--name {folder.name}: {folder} is there already; name another, or --resume it") from None
    except OSError as error:
        raise StorageError(f"{folder}: cannot be made ({error.strerror or error}); name another --runs") from error
    manifest.save(folder / MANIFEST)
    data = {**data, "manifest_csv": file_digest(folder / MANIFEST)}
    write_json(folder / CONFIG, {"format": FORMAT, "settings": settings, "data": data, "software": describe_software()})


def finish_run(folder: Path, kept: Mapping[str, float]) -> None:
    """Enter the result in `config.json`."""
    result = {"encoder": file_digest(folder / ENCODER), "untrained": file_digest(folder / UNTRAINED), "kept": kept}
    write_json(folder / CONFIG, {**read_config(folder), "result": result})


def describe_data(manifest: Manifest) -> dict[str, Any]:
    """Digests of the rows and of the films, counts by split, source and label, and the labels that were never seen."""
    frame = manifest.frame
    met = all_labels(frame[frame["split"].isin(SEEN)])
    counts: dict[str, dict[str, int]] = {}
    for (split, source, label), rows in frame.groupby(["split", "source", "label"]):
        counts.setdefault(str(split), {})[f"{source}: {label}"] = len(rows)
    return {
        "manifest": manifest.digest(),
        "films": value_digest(sorted(frame["sha256"])),
        "counts": counts,
        "labels_seen": sorted(met),
        "labels_never_seen": sorted(all_labels(frame) - met),
        "notes": list(manifest.notes),
    }


def require_same_data(folder: Path, data: Mapping[str, Any]) -> None:
    """Raise `MismatchError` unless the run in `folder` was started on the same rows and films."""
    stored = read_config(folder)["data"]
    if any(stored[key] != data[key] for key in ("manifest", "films")):
        raise MismatchError(
            f"{folder}: the films or their labels are not those the run was started on; restore them, or start anew"
        )


def save_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write `history.csv`, a row an epoch."""
    lines = [",".join(history[0]), *(",".join(f"{value:.6g}" for value in row.values()) for row in history)]
    write_text(folder / HISTORY, "\n".join(lines) + "\n")


def free_name(folder: Path, backbone: str) -> str:
    """The first of BACKBONE-1, BACKBONE-2, ... that `folder` does not hold."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", backbone)
    return next(name for number in itertools.count(1) if not (folder / (name := f"{plain}-{number}")).exists())


def find_unfinished(folder: Path, name: str | None) -> Path:
    """The run to go on with: the one named, or the newest that is not finished. Raises `CheckpointError`."""
    if name:
        if "result" in read_config(folder / name):
            raise CheckpointError(f"--name {name}: the run is finished; there is nothing to go on with")
        return folder / name
    started = sorted(folder.glob(f"*/{CONFIG}"), key=lambda path: path.stat().st_mtime_ns)
    unfinished = [path.parent for path in started if _is_unfinished(path.parent)]
    if not unfinished:
        raise CheckpointError(f"--resume: {folder} holds no unfinished run; start one without --resume")
    return unfinished[-1]


def _is_unfinished(folder: Path) -> bool:
    try:
        return "result" not in read_config(folder)
    except CheckpointError:  # somebody else's folder
        return False


def open_run(folder: Path) -> Run:
    """The finished run in `folder`. Raises `CheckpointError` where there is none, or it was changed since."""
    config = read_config(folder)
    if "result" not in config or not (folder / ENCODER).is_file():
        raise CheckpointError(
            f"{folder}: the run is not finished; go on with embedlearn pretrain --resume --name {folder.name}"
        )
    if config["result"]["encoder"] != file_digest(folder / ENCODER):
        raise CheckpointError(
            f"{folder / ENCODER}: not the file that {CONFIG} speaks of (SHA-256 differs); train or copy it again"
        )
    return Run(folder, config)


def newest_run(folder: Path) -> Run:
    """The run under `folder` whose encoder was written last. Raises `CheckpointError` where there is none."""
    encoders = sorted(folder.glob(f"*/{ENCODER}"), key=lambda path: path.stat().st_mtime_ns)
    if not encoders:
        raise CheckpointError(
            f"{folder}: no finished run is here; make one with embedlearn pretrain, or name one with --run"
        )
    return open_run(encoders[-1].parent)


def choose_maker(folder: Path | None, among: Path, digest: str, made: Path) -> Run:
    """The run in `folder`; where none is named, the newest under `among` whose encoder, by its SHA-256, made `made`.

    Raises `CheckpointError` where there is none.
    """
    if folder:
        return open_run(folder)
    encoders = sorted(among.glob(f"*/{ENCODER}"), key=lambda path: -path.stat().st_mtime_ns)
    for path in encoders:
        if file_digest(path) == digest:
            return open_run(path.parent)
    raise CheckpointError(f"--runs {among}: no run here made {made} (encoder {digest[:12]}); name it with --run")


def choose_run(folder: Path | None, among: Path) -> Run:
    """The run in `folder`, or the newest under `among` where none is named. Raises `CheckpointError`."""
    return open_run(folder) if folder else newest_run(among)


def read_config(folder: Path) -> dict[str, Any]:
    """A run's `config.json`. Raises `CheckpointError`."""
    try:
        config: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder}: not a run folder, it has no {CONFIG}; make one with embedlearn pretrain"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder / CONFIG}: damaged ({error}); train the run again") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise CheckpointError(f"{folder / CONFIG}: not of the form {FORMAT}; make a run with embedlearn pretrain")
    return config
