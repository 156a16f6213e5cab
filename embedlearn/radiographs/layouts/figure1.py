"""The Figure 1 COVID-19 set (DarwinAI, 2020): `metadata.csv` in Latin-1, and `images/` named by `patientid`."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from embedlearn.radiographs.layouts.entries import Entry, sift
from embedlearn.radiographs.layouts.ieee8023 import finding_of
from embedlearn.radiographs.layouts.listing import films_in, has_folders
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.layouts.rows import header_of, rows_with
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "figure1"
TREE = "metadata.csv with the column patientid and none of file names, and images/"
NEEDED = ("patientid", "finding", "view", "modality")
ENCODING = "latin-1"


def recognises(folder: Path) -> bool:
    """Whether `metadata.csv` names findings but no files and lies beside `images/`."""
    columns = header_of(folder / "metadata.csv")
    return has_folders(folder, "images") and set(NEEDED) <= columns and not columns & {"filename", "imagename"}


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film with a finding; those without are left out, and counted. The films' endings vary.

    Raises `ManifestError` where columns or all films are missing.
    """
    films = {film.stem: film for film in films_in(folder / "images")}
    entries = [
        Entry.of_collection(entry, entry["patientid"], films.get(entry["patientid"]), patient_of(entry["patientid"]))
        for entry in rows_with(folder / "metadata.csv", NEEDED, ENCODING)
    ]
    rows, notes = sift(NAME, entries, partial(finding_of, names=names), table="metadata.csv", films="images/")
    return build_manifest(rows, NAME, [*notes, *patients_note(NAME, rows, "metadata.csv leaves patientid blank")])


def patient_of(name: str) -> str:
    """The patient of a film: "COVID-00003b", the second picture of one, is of "COVID-00003"."""
    return re.sub(r"(?<=\d)[a-z]$", "", name)
