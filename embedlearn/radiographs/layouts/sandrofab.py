"""The four-class set of the Covid-X-ray project: Kermany's children beside adults with COVID-19 from ieee8023."""

from collections.abc import Mapping
from pathlib import Path

from embedlearn.radiographs.layouts.kermany import label_of, patient_of
from embedlearn.radiographs.layouts.listing import films_below, has_folders, home
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "sandrofab"
TREE = "{BACTERIA,COVID,NORMAL,VIRAL}"
CLASSES = ("BACTERIA", "COVID", "NORMAL", "VIRAL")
WRAPPERS = ("dataset_for_classification",)


def recognises(folder: Path) -> bool:
    """Whether `folder`, or `dataset_for_classification` inside it, holds the four classes."""
    return home(folder, _fits, WRAPPERS) is not None


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, with the patient where the file name is Kermany's. Raises `ManifestError` if there is no film."""
    root = home(folder, _fits, WRAPPERS) or folder
    rows: list[dict[str, object]] = [
        {"path": film, "label": label_of(film.name, inner, names), "patient": patient_of(film.name)}
        for inner in CLASSES
        for film in films_below(root / inner)
    ]
    return build_manifest(rows, NAME, patients_note(NAME, rows, "the COVID films' names carry none"))


def _fits(folder: Path) -> bool:
    return has_folders(folder, *CLASSES)
