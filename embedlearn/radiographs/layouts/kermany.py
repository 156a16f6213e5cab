"""The paediatric set of Kermany et al. 2018 (Cell 172:1122; doi 10.17632/rscbjbr9sj), as its file names tell it."""

import re
from collections.abc import Mapping
from pathlib import Path

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.findings import split_note
from embedlearn.radiographs.layouts.listing import films_below, films_in, folder_of, home
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "kermany"
TREE = "{train,val,test}/{NORMAL,PNEUMONIA}"
SPLITS = ("train", "val", "test")
CLASSES = ("NORMAL", "PNEUMONIA")
WRAPPERS = ("chest_xray", "ChestXRay2017")
VIEW, LICENCE = "AP", "CC BY 4.0"  # of every film that has one of its names

# person1_bacteria_2 and person1_virus_3 share a number, so they count as one patient; the first release of the set
# names films by disease, patient and picture (VIRUS-1980593-0001).
PATIENTS = (
    re.compile(r"(?P<patient>person\d+)_(?P<subtype>bacteria|virus)_"),
    re.compile(r"(?P<patient>(?:NORMAL2-)?IM-\d+)-"),
    re.compile(r"(?P<subtype>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-"),
)


def recognises(folder: Path) -> bool:
    """Whether `folder`, or `chest_xray` inside it, holds the published split and its classes."""
    return home(folder, _fits, WRAPPERS) is not None


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, with patient, subtype and the split as published in the column `published_split`.

    Raises `ManifestError` where there is no film.
    """
    root = home(folder, _fits, WRAPPERS) or folder
    rows: list[dict[str, object]] = [
        {
            "path": film,
            "label": label_of(film.name, inner, names),
            "patient": patient_of(film.name),
            "view": VIEW if patient_of(film.name) else None,
            "licence": LICENCE if patient_of(film.name) else None,
            "published_split": split,
        }
        for split in SPLITS
        for inner, place in _class_folders(root, split).items()
        for film in films_below(place)
    ]
    notes = [*split_note(NAME, rows), *patients_note(NAME, rows, "their file names carry none")]
    return build_manifest(rows, NAME, notes)


def patient_of(name: str) -> str | None:
    """The patient in a file name: "person1000_bacteria_2931.jpeg" -> "person1000"; None where the name tells none."""
    return next((found["patient"] for rule in PATIENTS if (found := rule.match(name))), None)


def label_of(name: str, folder: str, names: Mapping[str, str] | None = None) -> str:
    """The label of a film by its class folder, finer where its file name tells bacteria from virus.

    A folder that the user names in `names` is labelled so whatever the file name says.
    """
    by_folder = canonical_label(folder, names)
    if by_folder != canonical_label(folder):
        return by_folder
    subtype = next((found.groupdict().get("subtype") for rule in PATIENTS if (found := rule.match(name))), None)
    return canonical_label(subtype, names) if subtype else by_folder


def _class_folders(root: Path, split: str) -> dict[str, Path]:
    """The folder of each class of one split that is there, whatever its case."""
    part = folder_of(root, split)
    places = {inner: folder_of(part, inner) for inner in CLASSES} if part else {}
    return {inner: place for inner, place in places.items() if place}


def _fits(folder: Path) -> bool:
    """Whether a split has both classes; where they are not spelt as published, a film must bear one of its names."""
    for split in ("train", "test"):
        places = _class_folders(folder, split)
        if len(places) == len(CLASSES) and (
            all(place.name == inner and place.parent.name == split for inner, place in places.items())
            or any(patient_of(film.name) for place in places.values() for film in films_in(place))
        ):
            return True
    return False
