"""The COVID-19 image data collection (Cohen et al. 2020, arXiv 2006.11988): `metadata.csv` beside `images/`."""

from collections.abc import Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.layouts.table import read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "ieee8023"
TREE = "metadata.csv and images/"
NEEDED = ("filename", "finding", "patientid", "view", "modality")
UNLABELLED = ("", "todo", "unknown")

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
    """Whether `metadata.csv` lies beside `images/` and has a column `finding`. Raises `ManifestError` if it is torn."""
    table = folder / "metadata.csv"
    if not table.is_file() or not (folder / "images").is_dir():
        return False
    with table.open("rb") as file:
        header = file.readline(4096).decode("utf-8", errors="replace")
    return {"finding", "patientid", "modality"} <= {name.strip('\ufeff"\r\n ') for name in header.split(",")}


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a frontal radiograph that is there and has a finding; CT and lateral views are left out, and counted.

    Further columns: `age`, `sex` and `licence`. Raises `ManifestError` where columns or all films are missing.
    """
    table = folder / "metadata.csv"
    listed = list(read_rows(table).values())
    if lacking := [name for name in NEEDED if name not in listed[0]]:
        raise ManifestError(
            f"{table}: wanted the columns {', '.join(NEEDED)}, got none named {', '.join(lacking)}; "
            "take the metadata.csv of the collection"
        )
    rows: list[dict[str, object]] = []
    left: dict[str, list[str]] = {}
    for entry in listed:
        film = folder / "images" / entry["filename"]
        if reason := _reason_against(entry, film):
            left.setdefault(reason, []).append(entry["filename"])
        else:
            rows.append({"path": film, **_known(entry, names)})
    notes = [note for reason in sorted(left) for note in left_out_note(NAME, reason, left[reason])]
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


def _reason_against(entry: Mapping[str, str], film: Path) -> str | None:
    """Why a row of the table is left out; None where it stays."""
    if entry["modality"] and entry["modality"].lower() != "x-ray":
        return "films that are no radiograph were left out"
    if not entry["view"].upper().startswith(("PA", "AP")):
        return "films without a frontal view (PA or AP) were left out"
    if entry["finding"].lower() in UNLABELLED:
        return "rows without a finding were left out"
    if not film.is_file():
        return "films named in metadata.csv are not in images/ and were left out"
    return None


def _known(entry: Mapping[str, str], names: Mapping[str, str] | None) -> dict[str, object]:
    return {
        "label": finding_of(entry["finding"], names),
        "patient": entry["patientid"] or None,
        "view": entry["view"],
        "age": entry.get("age") or None,
        "sex": entry.get("sex") or None,
        "licence": entry.get("license") or None,
    }
