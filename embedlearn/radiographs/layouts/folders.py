"""Any folder of class folders, perhaps below folders of a published split. It says nothing of patients."""

from collections.abc import Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.listing import MASKS, SUFFIXES, films_below, films_in, links, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "folders"
TREE = "CLASS/film.png, or {train,val,test}/CLASS/film.png"
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
NOT_CLASSES = ("images", *MASKS)


def recognises(folder: Path) -> bool:
    """Whether at least one folder inside can be a class or a split. Raises `ManifestError` if it cannot be listed."""
    return bool(_candidates(folder))


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, labelled by its class folder; a published split goes to the column `published_split`.

    Raises `ManifestError` where there is no class folder or no film in any.
    """
    source = folder.name
    inner = _candidates(folder)
    if inner and all(part.name.lower() in SPLITS for part in inner):
        parts = [(SPLITS[part.name.lower()], part) for part in inner]
        rows = [{**row, "published_split": split} for split, part in parts for row in _class_rows(part, names)]
        notes = [f"{source}: the published split is kept in the column published_split and decides nothing by itself"]
    else:
        rows, notes = _class_rows(folder, names), []
    if not rows:
        raise ManifestError(_nothing(folder, inner))
    notes += left_out_note(
        source, "films beside the class folders were left out", [film.name for film in films_in(folder)]
    )
    notes += left_out_note(source, "links to folders were not followed", [link.name for link in links(folder)])
    notes += patients_note(source, rows, "folders do not tell them; a table with a patient column would")
    return build_manifest(rows, source, notes)


def _candidates(folder: Path) -> list[Path]:
    return [inner for inner in subfolders(folder) if inner.name.lower() not in NOT_CLASSES]


def _class_rows(folder: Path, names: Mapping[str, str] | None) -> list[dict[str, object]]:
    return [
        {"path": film, "label": canonical_label(inner.name, names)}
        for inner in _candidates(folder)
        for film in films_below(inner)
    ]


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
