"""The RSNA pneumonia challenge (Shih et al. 2019, doi 10.1148/ryai.2019180041): `stage_2_*.csv`, DICOM films.

Its `patientId` names a film. Its films are a part of NIH ChestX-ray14, and the challenge's mapping, where it lies in
the folder, tells which: NIH's file names carry the patient.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts.darkcovidnet import patient_of
from embedlearn.radiographs.layouts.dicomfilms import person_columns, sift_dicom
from embedlearn.radiographs.layouts.findings import label_in_set
from embedlearn.radiographs.layouts.listing import films_below, has_folders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.layouts.rows import header_of, read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "rsna"
TREE = "stage_2_train_labels.csv, stage_2_detailed_class_info.csv and stage_2_train_images/"
LABELS = "stage_2_train_labels.csv"
CLASSES = "stage_2_detailed_class_info.csv"
FILMS = "stage_2_train_images"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
MEANINGS = {"no lung opacity / not normal": "not normal"}  # a slash would make it a part of another class
BY_TARGET = {"1": "Lung Opacity", "0": "No Lung Opacity"}


def recognises(folder: Path) -> bool:
    """Whether the challenge's table of boxes lies beside its films."""
    return has_folders(folder, FILMS) and {"patientId", "Target"} <= header_of(folder / LABELS)


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film with a row in the tables; its class is the finer table's, else whether it has a box.

    Raises `ManifestError` where a table is torn or all films are missing.
    """
    classes = {entry["patientId"]: BY_TARGET.get(entry["Target"], "") for entry in read_rows(folder / LABELS).values()}
    if {"patientId", "class"} <= header_of(folder / CLASSES):
        classes |= {entry["patientId"]: entry["class"] for entry in read_rows(folder / CLASSES).values()}
    films = {film.stem: film for film in films_below(folder / FILMS)}
    patients = _patients(folder / MAPPING)
    sifted, notes = sift_dicom(NAME, folder, (film for name, film in films.items() if classes.get(name)))
    rows: list[dict[str, object]] = [
        {
            "path": film,
            "label": label_in_set(classes[film.stem], MEANINGS, names),
            **person_columns(tags),
            "patient": patients.get(film.stem),
        }
        for film, tags in sifted
    ]
    absent = [name for name in classes if name not in films]
    unlabelled = [film.name for name, film in films.items() if not classes.get(name)]
    notes += left_out_note(NAME, f"films named in {LABELS} are not in {FILMS}/ and were left out", absent)
    notes += left_out_note(NAME, f"films without a row in {LABELS} were left out", unlabelled)
    notes += patients_note(NAME, rows, f"patientId names a film; {MAPPING} beside the tables would tell")
    notes.append(f"{NAME}: its films are a part of NIH ChestX-ray14; never test on one and train on the other")
    return build_manifest(rows, NAME, notes)


def _patients(mapping: Path) -> dict[str, str | None]:
    """The NIH patient of each film by the challenge's own mapping; empty where it is not there."""
    if not mapping.is_file():
        return {}
    try:
        entries = json.loads(mapping.read_text(encoding="utf-8"))
        return {str(entry["subset_img_id"]): patient_of(str(entry["img_id"])) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(f"{mapping}: wanted the challenge's mapping, got {error!r}; fetch or remove it") from error
