"""A MedMNIST file (Yang et al. 2023, doi 10.1038/s41597-022-01721-8): films and labels as arrays in one `.npz`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts.findings import label_columns
from embedlearn.radiographs.layouts.npzfilms import film_path, read_parts, unpack
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "medmnist"
TREE = "one file such as pneumoniamnist.npz"
SPLITS = ("train", "val", "test")

# What the labels mean where the films are chest radiographs: a number, or a column of 0 and 1 a finding.
NUMBERS: dict[str, tuple[str, ...]] = {"pneumoniamnist": ("normal", "pneumonia")}
COLUMNS: dict[str, tuple[str, ...]] = {
    "chestmnist": (
        *("atelectasis", "cardiomegaly", "effusion", "infiltration", "mass", "nodule", "pneumonia", "pneumothorax"),
        *("consolidation", "edema", "emphysema", "fibrosis", "pleural thickening", "hernia"),
    )
}
HEALTHY = "no finding"
ORIGINS = {"pneumoniamnist": "Kermany's paediatric set", "chestmnist": "NIH ChestX-ray14"}


def recognises(path: Path) -> bool:
    """Whether `path` is a file of arrays."""
    return path.suffix.lower() == ".npz" and path.is_file()


def read(path: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, unpacked into the cache; its split goes to the column `published_split`.

    Labels whose meaning is not known here are their numbers. Raises `ManifestError` where the file is torn, of
    another form or unpacks to more than any set does, and `StorageError` where the cache cannot be written.
    """
    if not path.is_file():
        raise ManifestError(f"{path}: wanted {TREE}, got a folder; give the file itself")
    kind = _kind(path)
    parts = read_parts(path, SPLITS)
    folder = unpack(path, parts)
    rows: list[dict[str, object]] = []
    for part in parts:
        known = {row: _meaning(kind, row, names) for row in set(map(tuple, part.labels.tolist()))}
        for number, row in enumerate(part.labels.tolist()):
            film = film_path(folder, part.split, number)
            rows.append({"path": film, **known[tuple(row)], "published_split": part.split})
    notes = [f"{kind} names no patients for any of its {len(rows):,} films: the file leaves them out"]
    if kind in ORIGINS:
        notes.append(f"{kind}: its films come from {ORIGINS[kind]}; never test on one and train on the other")
    return build_manifest(rows, kind, notes)


def _kind(path: Path) -> str:
    """Which set of the collection a file is by its name: "pneumoniamnist_64.npz" -> "pneumoniamnist"."""
    found = re.match(r"[a-z0-9]*?mnist", path.stem.lower())
    return found[0] if found else path.stem


def _meaning(kind: str, row: Sequence[int], names: Mapping[str, str] | None) -> dict[str, object]:
    """The label columns of a film whose row of labels is `row`."""
    if len(row) == 1:
        numbers = NUMBERS.get(kind, ())
        raw = numbers[row[0]] if 0 <= row[0] < len(numbers) else str(row[0])
        return {"label": label_columns([raw], names)["label"]}
    columns = COLUMNS.get(kind, ())
    meanings = columns if len(columns) == len(row) else [str(place) for place in range(len(row))]
    return label_columns([name for name, value in zip(meanings, row, strict=True) if value] or [HEALTHY], names)
