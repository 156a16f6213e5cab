"""The SIIM-FISABIO-RSNA COVID-19 challenge (Kaggle, 2021): `train_study_level.csv`, `train/STUDY/SERIES/IMAGE.dcm`."""

from collections.abc import Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.dicomfilms import person_columns, sift_dicom
from embedlearn.radiographs.layouts.listing import films_below, has_folders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.layouts.rows import header_of, read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "siim"
TREE = "train_study_level.csv and train/STUDY/SERIES/IMAGE.dcm"
TABLE = "train_study_level.csv"
IMAGES = "train_image_level.csv"
CLASSES = ("Negative for Pneumonia", "Typical Appearance", "Indeterminate Appearance", "Atypical Appearance")


def recognises(folder: Path) -> bool:
    """Whether the table of studies lies beside `train/`."""
    return has_folders(folder, "train") and {"id", *CLASSES} <= header_of(folder / TABLE)


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film of a study in the table, labelled by its study; the patient stands in the film itself.

    Raises `ManifestError` where a study has no class, or more than one, or all films are missing.
    """
    classes = {
        entry["id"].removesuffix("_study"): _class(folder, entry) for entry in read_rows(folder / TABLE).values()
    }
    films = films_below(folder / "train")
    sifted, notes = sift_dicom(NAME, folder, (film for film in films if _study(film) in classes))
    rows: list[dict[str, object]] = [
        {"path": film, "label": canonical_label(classes[_study(film)], names), **person_columns(tags)}
        for film, tags in sifted
    ]
    others = [film.name for film in films if _study(film) not in classes]
    absent = sorted(_listed(folder) - {film.stem for film in films})
    notes += left_out_note(NAME, f"films of studies that are not in {TABLE} were left out", others)
    notes += left_out_note(NAME, f"films named in {IMAGES} are not there", absent)
    notes += patients_note(NAME, rows, "the DICOM files leave PatientID blank")
    return build_manifest(rows, NAME, notes)


def _class(folder: Path, entry: Mapping[str, str]) -> str:
    """The one class that a row of the table marks by 1."""
    marked = [name for name in CLASSES if entry[name] == "1"]
    if len(marked) != 1:
        raise ManifestError(
            f"{folder / TABLE}, {entry['id']}: wanted one class marked by 1, got {len(marked)}; mend or remove the row"
        )
    return marked[0]


def _study(film: Path) -> str:
    return film.parent.parent.name


def _listed(folder: Path) -> set[str]:
    """The films that the table of images names."""
    if "id" not in header_of(folder / IMAGES):
        return set()
    return {entry["id"].removesuffix("_image") for entry in read_rows(folder / IMAGES).values()}
