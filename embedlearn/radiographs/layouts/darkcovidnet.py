"""The three-class set of Ozturk et al. 2020 (doi 10.1016/j.compbiomed.2020.103792): NIH ChestX-ray8 beside ieee8023."""

import re
from collections.abc import Mapping
from pathlib import Path

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.listing import films_below, has_folders, home
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "darkcovidnet"
TREE = "{Covid-19,No_findings,Pneumonia}"
CLASSES = ("Covid-19", "No_findings", "Pneumonia")
WRAPPERS = ("X-Ray Image DataSet",)
NIH = re.compile(r"(\d{8})_\d{3}\.")


def recognises(folder: Path) -> bool:
    """Whether `folder`, or `X-Ray Image DataSet` inside it, holds the three classes."""
    return home(folder, _fits, WRAPPERS) is not None


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, with the patient where the file name is NIH's. Raises `ManifestError` if there is no film."""
    root = home(folder, _fits, WRAPPERS) or folder
    rows: list[dict[str, object]] = [
        {"path": film, "label": canonical_label(inner, names), "patient": patient_of(film.name)}
        for inner in CLASSES
        for film in films_below(root / inner)
    ]
    return build_manifest(rows, NAME, patients_note(NAME, rows, "the Covid-19 films' names carry none"))


def patient_of(name: str) -> str | None:
    """The patient in an NIH file name: "00000003_002.png" -> "00000003"; None where the name is another's."""
    found = NIH.match(name)
    return found[1] if found else None


def _fits(folder: Path) -> bool:
    return has_folders(folder, *CLASSES)
