"""Any folder of class folders, perhaps below folders of a published split. It says nothing of patients."""

import re
from collections.abc import Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.findings import names_finding
from embedlearn.radiographs.layouts.listing import MASKS, SUFFIXES, films_below, films_in, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "folders"
TREE = "CLASS/film.png, or {train,val,test}/CLASS/film.png"
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
NOT_CLASSES = ("images", *MASKS)

# Folders of published sets that are no classes, and the tables that hold their labels.
PARTS = {
    r"images[\s_-]*\d+": ("NIH ChestX-ray14", "Data_Entry_2017.csv"),
    r"patient\d+": ("CheXpert", "train.csv and valid.csv"),
    r"stage_2_\w+": ("the RSNA challenge", "stage_2_train_labels.csv"),
    r"png": ("the Hannover repository", "data.csv"),
}


def recognises(folder: Path) -> bool:
    """Whether at least one folder inside can be a class or a split. Raises `ManifestError` if it cannot be listed."""
    return bool(_candidates(folder))


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, labelled by its class folder; a published split goes to the column `published_split`.

    The class folders may lie in the only folder inside that has films. Raises `ManifestError` where there is no class
    folder or no film in any, or the folders are parts of a published set whose table is missing.
    """
    source, root = folder.name, home(folder, names)
    inner = _candidates(root)
    if inner and all(part.name.lower() in SPLITS for part in inner):
        parts = [(SPLITS[part.name.lower()], part) for part in inner]
        rows = [{**row, "published_split": split} for split, part in parts for row in _class_rows(part, names)]
        notes = [f"{source}: the published split is kept in the column published_split and decides nothing by itself"]
    else:
        rows, notes = _class_rows(root, names), []
    if not rows:
        raise ManifestError(_nothing(root, inner))
    beside = [film.name for place in dict.fromkeys((folder, root)) for film in films_in(place)]
    notes += left_out_note(source, "films beside the class folders were left out", beside)
    if root != folder:
        notes.append(f"{source}: the classes are the folders in {root.relative_to(folder)}, the only one with films")
    notes += patients_note(source, rows, "folders do not tell them; a table with a patient column would")
    return build_manifest(rows, source, notes)


def home(folder: Path, names: Mapping[str, str] | None = None) -> Path:
    """The folder that holds the class folders: `folder`, or its only folder with films where that wraps others.

    A folder that is called as a finding or a split, or holds films itself, wraps none.
    """
    filled = [inner for inner in _candidates(folder) if films_below(inner)]
    if len(filled) != 1 or filled[0].name.lower() in SPLITS or names_finding(filled[0].name, names):
        return folder
    return folder if films_in(filled[0]) or not _candidates(filled[0]) else home(filled[0], names)


def missing_table(folder: Path) -> str | None:
    """What to say of a folder that is a part of a published set, None where it is not called as one."""
    for pattern, (called, table) in PARTS.items():
        if re.fullmatch(pattern, folder.name.lower()):
            return (
                f"{folder.parent}: wanted class folders, got {folder.name}, a part of {called} as it seems, without "
                f"its table; put {table} where the set has it, or give a table with the columns path and label"
            )
    return None


def _candidates(folder: Path) -> list[Path]:
    return [inner for inner in subfolders(folder) if inner.name.lower() not in NOT_CLASSES]


def _class_rows(folder: Path, names: Mapping[str, str] | None) -> list[dict[str, object]]:
    """The films of the class folders in `folder`. Raises `ManifestError` where one is a part of a published set."""
    rows: list[dict[str, object]] = []
    for inner in _candidates(folder):
        films = films_below(inner)
        if films and (why := missing_table(inner)):
            raise ManifestError(why)
        rows += [{"path": film, "label": canonical_label(inner.name, names)} for film in films]
    return rows


def _nothing(folder: Path, inner: list[Path]) -> str:
    """Why no film was found in `folder`, and what to do."""
    if inner:
        wanted = f"image files ({' '.join(suffix[1:] for suffix in SUFFIXES)})"
        return (
            f"{folder}: wanted {wanted} in its class folders, got none in {inner[0].name} or any other; check the path"
        )
    if tables := sorted(folder.glob("*.csv")):
        return (
            f"{folder}: wanted class folders ({TREE}), got none; give the table itself: {tables[0]} --columns label=..."
        )
    if films := films_in(folder):
        return (
            f"{folder}: wanted class folders ({TREE}), got {len(films)} films side by side, such as {films[0].name}; "
            "sort them into a folder a class, or give a table with the columns path and label"
        )
    return f"{folder}: wanted class folders ({TREE}), got none; check the path"
