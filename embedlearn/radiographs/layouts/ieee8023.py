"""The COVID-19 image data collection (Cohen et al. 2020, arXiv 2006.11988): `metadata.csv` beside `images/`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.entries import Entry, existing, sift
from embedlearn.radiographs.layouts.listing import has_folders
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.layouts.rows import header_of, rows_with
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "ieee8023"
TREE = "metadata.csv with the column filename, and images/"
NEEDED = ("filename", "finding", "patientid", "view", "modality")

# What the collection's earlier releases called a finding, and its later ones; the findings are the same films'.
EARLIER = {
    "chlamydophila": "Pneumonia/Bacterial/Chlamydophila",
    "e.coli": "Pneumonia/Bacterial/E.Coli",
    "klebsiella": "Pneumonia/Bacterial/Klebsiella",
    "legionella": "Pneumonia/Bacterial/Legionella",
    "streptococcus": "Pneumonia/Bacterial/Streptococcus",
    "pneumocystis": "Pneumonia/Fungal/Pneumocystis",
    "sars": "Pneumonia/Viral/SARS",
}


def recognises(folder: Path) -> bool:
    """Whether `metadata.csv` lies beside `images/` and has the columns of the collection."""
    columns = {"finding", "patientid", "modality", "filename"}
    return has_folders(folder, "images") and columns <= header_of(folder / "metadata.csv")


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a frontal radiograph that is there and has a finding; CT and lateral views are left out, and counted.

    Further columns: `age`, `sex` and `licence`. Raises `ManifestError` where columns or all films are missing.
    """
    entries = [
        Entry.of_collection(
            entry, entry["filename"], existing(folder / "images" / entry["filename"]), entry["patientid"]
        )
        for entry in rows_with(folder / "metadata.csv", NEEDED)
    ]
    rows, notes = sift(NAME, entries, partial(finding_of, names=names), table="metadata.csv", films="images/")
    return build_manifest(rows, NAME, [*notes, *patients_note(NAME, rows, "metadata.csv leaves patientid blank")])


def finding_of(raw: str, names: Mapping[str, str] | None = None) -> str:
    """The label of a finding in either form: "COVID-19, ARDS" and "Pneumonia/Viral/COVID-19" are both "covid-19".

    Of a list the first counts. A name in `names` goes first, for the whole and then for its first part.
    """
    if (whole := canonical_label(raw, names)) != canonical_label(raw):
        return whole
    first = raw.split(",")[0].strip()
    if (own := canonical_label(first, names)) != canonical_label(first):
        return own
    return canonical_label(EARLIER.get(first.lower(), first), names)
