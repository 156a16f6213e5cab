"""DICOM files of several frames: found in a tree, which leaves them out, and kept together once taken apart."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from embedlearn.errors import ImageError, ManifestError
from embedlearn.files import file_digest
from embedlearn.radiographs.cases import PICTURE
from embedlearn.radiographs.dicom import DicomTags, dicom_tags
from embedlearn.radiographs.layouts import dicomtree
from embedlearn.radiographs.layouts.dicomfilms import RADIOGRAPHS, is_dicom_file, person_columns, sift_dicom
from embedlearn.radiographs.layouts.dicomlabels import find_labels
from embedlearn.radiographs.layouts.listing import links
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.people import is_frontal

TECHNIQUE = ("laterality", "photometric", "modality")


def frames_of(path: Path) -> int:
    """How many pictures a DICOM file holds; 1 of any other, and of one that cannot be read."""
    tags = _tags(path)
    return tags.frames if tags else 1


def read_tree(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """As `dicomtree.read`, with a row for each frontal radiograph of several frames too. Raises `ManifestError`."""
    paths = list(_files(folder))
    several = {path: tags for path in paths if (tags := _tags(path)) and tags.frames > 1 and _is_film(tags)}
    if not several:
        return dicomtree.read(folder, names)
    source = folder.name
    single, notes = sift_dicom(source, folder, (path for path in paths if path not in several))
    known = several | dict(single)
    films = [(path, known[path]) for path in paths if path in known]
    labels, more = find_labels(folder, films, names)
    rows: list[dict[str, object]] = [
        {"path": path, **labels[path], **person_columns(tags), **{name: getattr(tags, name) for name in TECHNIQUE}}
        for path, tags in films
        if path in labels
    ]
    linked = [link.name for link in links(folder)]
    notes += left_out_note(source, "links to folders were not followed", linked)
    return build_manifest(rows, source, [*notes, *more, *patients_note(source, rows, "they leave PatientID blank")])


def keep_together(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows, renumbered, so that those of one index, the frames of one file, are of one case.

    Where the patient is blank it is the file's own, and where that is blank too the rows share a name in `PICTURE`.
    """
    rows, again = frame.reset_index(drop=True), frame.index.duplicated(keep=False)
    blank = rows[again & rows["patient"].isna().to_numpy()]
    for path, places in blank.groupby("path").groups.items():
        tags = _tags(Path(str(path)))
        if tags and tags.patient:
            rows.loc[places, "patient"] = tags.patient
            continue
        if PICTURE not in rows:
            rows[PICTURE] = pd.Series(pd.NA, index=rows.index, dtype="string")
        if rows.loc[places, PICTURE].isna().any():
            rows.loc[places, PICTURE] = f"file-{file_digest(Path(str(path)))[:16]}"
    return rows


def _tags(path: Path) -> DicomTags | None:
    try:
        return dicom_tags(path) if is_dicom_file(path) else None
    except ImageError:
        return None


def _is_film(tags: DicomTags) -> bool:
    """Whether a file is one that a tree keeps, but for its frames."""
    modality, view = not tags.modality or tags.modality in RADIOGRAPHS, tags.view is None or is_frontal(tags.view)
    return tags.pictured and modality and view


def _files(folder: Path) -> Iterator[Path]:
    """The files below `folder` that can be films, in one order; hidden ones are left out. Raises `ManifestError`."""

    def refuse(error: OSError) -> None:
        raise ManifestError(f"{error.filename}: wanted a folder to list, got {error.strerror}; check it") from error

    for place, inner, files in os.walk(folder, onerror=refuse):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name != dicomtree.INDEX and not name.lower().endswith(dicomtree.BESIDE):
                yield Path(place, name)
