"""The Actualmed COVID-19 set (DarwinAI and Universitat Jaume I, 2020): `metadata.csv` with `imagename`, `images/`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from embedlearn.radiographs.layouts.entries import Entry, existing, sift
from embedlearn.radiographs.layouts.ieee8023 import finding_of
from embedlearn.radiographs.layouts.listing import has_folders
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.layouts.rows import header_of, rows_with
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "actualmed"
TREE = "metadata.csv with the column imagename, and images/"
NEEDED = ("imagename", "finding", "patientid", "view", "modality")


def recognises(folder: Path) -> bool:
    """Whether `metadata.csv` names its films in `imagename` and lies beside `images/`."""
    return has_folders(folder, "images") and {"imagename", "finding", "patientid"} <= header_of(folder / "metadata.csv")


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film with a finding; inconclusive ones, whose finding is blank, are left out, and counted.

    Raises `ManifestError` where columns or all films are missing.
    """
    entries = [
        Entry.of_collection(
            entry, entry["imagename"], existing(folder / "images" / entry["imagename"]), entry["patientid"]
        )
        for entry in rows_with(folder / "metadata.csv", NEEDED)
    ]
    rows, notes = sift(NAME, entries, partial(finding_of, names=names), table="metadata.csv", films="images/")
    return build_manifest(rows, NAME, [*notes, *patients_note(NAME, rows, "metadata.csv leaves patientid blank")])
