"""A tree of DICOM files as a hospital exports it: any depth, any names, perhaps a `DICOMDIR`."""

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.dicom import DicomTags
from embedlearn.radiographs.layouts.dicomfilms import is_dicom_file, person_columns, sift_dicom
from embedlearn.radiographs.layouts.dicomlabels import find_labels
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "dicomtree"
TREE = "DICOM files at any depth, perhaps labels.csv"
INDEX = "DICOMDIR"
LOOKED_AT = 8  # files by which a tree is known
BESIDE = (
    *(".csv", ".tsv", ".txt", ".json", ".xml", ".html", ".htm", ".pdf", ".md", ".xlsx", ".parquet"),
    *(".exe", ".dll", ".inf", ".ini", ".db", ".lnk"),  # of a disc with a viewer
)


def recognises(folder: Path) -> bool:
    """Whether half of the first files of the tree that can be films are DICOM, or it has an index of such files."""
    first = list(islice((path for path in _files(folder) if path.is_file()), LOOKED_AT))
    return 2 * sum(map(is_dicom_file, first)) >= len(first) > 0 or is_dicom_file(folder / INDEX)


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a frontal radiograph of one frame; what is left out is counted.

    Labels are found by `find_labels`. Further columns: `laterality`, `photometric` and `modality`. Raises
    `ManifestError` where `labels.csv` does not name films, or no film is found.
    """
    source = folder.name
    films, notes = sift_dicom(source, folder, _files(folder))
    labels, more = find_labels(folder, films, names)
    rows: list[dict[str, object]] = [
        {"path": film, **labels[film], **person_columns(tags), **_technique(tags)}
        for film, tags in films
        if film in labels
    ]
    return build_manifest(rows, source, [*notes, *more, *patients_note(source, rows, "they leave PatientID blank")])


def _files(folder: Path) -> Iterator[Path]:
    """The files below `folder` that can be films, in one order; hidden ones are left out, and links not followed."""

    def refuse(error: OSError) -> None:
        raise ManifestError(
            f"{error.filename}: wanted a folder to list, got {error.strerror}; check the path and its permissions"
        ) from error

    for place, inner, files in os.walk(folder, onerror=refuse):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and name != INDEX and not name.lower().endswith(BESIDE):
                yield Path(place, name)


def _technique(tags: DicomTags) -> dict[str, object]:
    return {"laterality": tags.laterality, "photometric": tags.photometric, "modality": tags.modality}
