"""CheXpert (Irvin et al. 2019, arXiv 1901.07031): `train.csv` and `valid.csv` beside `train/` and `valid/`."""

import re
from collections.abc import Mapping
from pathlib import Path

from embedlearn.radiographs.layouts.findings import label_columns, split_note
from embedlearn.radiographs.layouts.listing import is_folder, links
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.layouts.rows import header_of, read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.people import age_of, sex_of, view_of

NAME = "chexpert"
TREE = "train.csv and valid.csv beside train/patient00001/study1/view1_frontal.jpg"
TABLES = {"train": "train.csv", "val": "valid.csv", "test": "test.csv"}
WRAPPERS = ("CheXpert-v1.0-small", "CheXpert-v1.0")
NEEDED = {"Path", "Frontal/Lateral", "AP/PA", "No Finding"}
HEALTHY = "No Finding"
FINDINGS = (
    HEALTHY,
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
IN_SET = re.compile(r"(?:.*/)?((?:train|valid|test)/(patient\d+)/.+)")  # what precedes names the release, not a folder


def recognises(folder: Path) -> bool:
    """Whether `folder`, or a folder of the set's own name inside it, holds one of the set's tables."""
    return _home(folder) is not None


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a frontal film that is there and has a finding that is certain; what is left out is counted.

    A finding of 1 goes to `labels`, one of -1 to the further column `uncertain`, 0 and blank to neither.
    Raises `ManifestError` where a table is torn or all films are missing.
    """
    root = _home(folder) or folder
    linked = set(links(root))
    rows: list[dict[str, object]] = []
    left: dict[str, list[str]] = {}
    for side, name in TABLES.items():
        if not header_of(root / name) >= NEEDED:
            continue
        for entry in read_rows(root / name).values():
            found = IN_SET.fullmatch(entry["Path"])
            film = root / (found[1] if found else entry["Path"])
            if reason := _reason_against(entry, film, linked):
                left.setdefault(reason, []).append(entry["Path"])
            else:
                patient = found[2] if found else None
                rows.append({"path": film, "patient": patient, **_known(entry, names), "published_split": side})
    notes = [note for reason in sorted(left) for note in left_out_note(NAME, reason, left[reason])]
    return build_manifest(rows, NAME, [*notes, *_uncertain_note(rows), *split_note(NAME, rows)])


def _home(folder: Path) -> Path | None:
    places = (folder, *(folder / name for name in WRAPPERS))
    inside = [place for place in places if place == folder or is_folder(place)]
    return next((place for place in inside for name in TABLES.values() if header_of(place / name) >= NEEDED), None)


def _reason_against(entry: Mapping[str, str], film: Path, linked: set[Path]) -> str | None:
    """Why a row of a table is left out, `linked` being the links to folders; None where it stays."""
    if entry["Frontal/Lateral"] != "Frontal":
        return "films without a frontal view were left out"
    if not _with_value(entry, 1):
        return "films without a finding that is certain were left out"
    if not film.is_file() or (linked and not linked.isdisjoint(film.parents)):
        return "films named in the tables are not there and were left out"
    return None


def _known(entry: Mapping[str, str], names: Mapping[str, str] | None) -> dict[str, object]:
    uncertain = _with_value(entry, -1)
    return {
        **label_columns(_with_value(entry, 1), names),
        "uncertain": label_columns(uncertain, names)["labels"] if uncertain else None,
        "view": view_of(entry["AP/PA"]),
        "age": age_of(entry.get("Age")),
        "sex": sex_of(entry.get("Sex")),
    }


def _with_value(entry: Mapping[str, str], value: int) -> list[str]:
    """The findings to which a row gives `value`, written "1", "1.0" or "-1.0"."""
    return [name for name in FINDINGS if entry.get(name, "").removesuffix(".0") == str(value)]


def _uncertain_note(rows: list[dict[str, object]]) -> list[str]:
    if count := sum(row["uncertain"] is not None for row in rows):
        return [f"{NAME}: {count:,} films have findings marked uncertain, which only the column uncertain holds"]
    return []
