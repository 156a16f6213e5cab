"""The COVID-19 Image Repository of the Hannover Medical School (Winther et al. 2020): `data.csv` beside `png/`."""

from collections.abc import Mapping
from pathlib import Path

from embedlearn.radiographs.labels import COVID, canonical_label
from embedlearn.radiographs.layouts.entries import Entry, existing, sift
from embedlearn.radiographs.layouts.listing import has_folders
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.layouts.rows import header_of, rows_with
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "hannover"
TREE = "data.csv and png/"
NEEDED = ("image_id", "patient_id", "projection")
LICENCE = "CC BY 3.0"


def recognises(folder: Path) -> bool:
    """Whether `data.csv` with the repository's columns lies beside `png/`."""
    return has_folders(folder, "png") and set(NEEDED) <= header_of(folder / "data.csv")


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film, all of patients with COVID-19. Raises `ManifestError` where columns or all films are missing."""
    entries = [
        Entry(
            f"{entry['image_id']}.png",
            existing(folder / "png" / f"{entry['image_id']}.png"),
            COVID,
            entry["patient_id"],
            entry["projection"],
            entry.get("modality", ""),
            entry.get("age", ""),
            entry.get("sex", ""),
            LICENCE,
        )
        for entry in rows_with(folder / "data.csv", NEEDED)
    ]
    label = canonical_label(COVID, names)
    rows, notes = sift(NAME, entries, lambda finding: label, table="data.csv", films="png/")
    return build_manifest(rows, NAME, [*notes, *patients_note(NAME, rows, "data.csv leaves patient_id blank")])
