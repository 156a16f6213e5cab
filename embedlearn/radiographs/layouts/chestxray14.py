"""NIH ChestX-ray14 (Wang et al. 2017, arXiv 1705.02315): `Data_Entry_2017*.csv`, films in folders `images*`."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts.findings import label_columns, split_note
from embedlearn.radiographs.layouts.listing import SUFFIXES, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note
from embedlearn.radiographs.layouts.rows import header_of, read_rows
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.people import age_of, sex_of, view_of

NAME = "chestxray14"
TREE = "Data_Entry_2017*.csv and images/, or images_001/images/ to images_012/images/"
TABLES = "Data_Entry_2017*.csv"
NEEDED = {"Image Index", "Finding Labels", "Patient ID"}
LISTS = {"train": "train_val_list*.txt", "test": "test_list*.txt"}
DIGITS = 8  # of a patient's number in the film's file name


def recognises(folder: Path) -> bool:
    """Whether a table of the set lies in `folder`."""
    return bool(_tables(folder))


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film that is there, with its set of findings; the official lists go to the column `published_split`.

    Of two tables the later release counts. Raises `ManifestError` where the table or all films are missing.
    """
    table = max(_tables(folder))
    films = _films(folder)
    sides = {film: side for side, pattern in LISTS.items() for film in _listed(folder, pattern)}
    known: dict[str, dict[str, object]] = {}  # few label sets stand in many rows
    rows: list[dict[str, object]] = []
    absent: list[str] = []
    for number, entry in read_rows(table).items():
        stem, findings = entry["Image Index"].rpartition(".")[0], entry["Finding Labels"]
        if stem not in films:
            absent.append(entry["Image Index"])
            continue
        if findings not in known:
            if not findings:
                raise ManifestError(f"{table}, row {number}: wanted Finding Labels, got a blank; take the set's table")
            known[findings] = label_columns(findings.split("|"), names)
        rows.append({"path": films[stem], **known[findings], **_who(entry), "published_split": sides.get(stem)})
    notes = [
        *left_out_note(NAME, f"films named in {table.name} are not there and were left out", absent),
        *split_note(NAME, rows),
    ]
    return build_manifest(rows, NAME, notes)


def _tables(folder: Path) -> list[Path]:
    """The tables of the set in `folder`; one of other columns, whatever its name, is none."""
    return [table for table in folder.glob(TABLES) if header_of(table) >= NEEDED]


def _films(folder: Path) -> dict[str, str]:
    """The path of every film by its name without the suffix, which resized copies change: one look at each folder."""
    return {
        name.rpartition(".")[0]: os.path.join(place, name)
        for inner in subfolders(folder)
        if inner.name.lower().startswith("images")
        for place, _, names in os.walk(inner)
        for name in names
        if name.lower().endswith(SUFFIXES)
    }


def _listed(folder: Path, pattern: str) -> list[str]:
    """The films that an official list names, without their suffixes."""
    return [line.strip().rpartition(".")[0] for path in folder.glob(pattern) for line in _lines(path)]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: wanted a list of films, got {error}; fetch it again") from error


def _who(entry: Mapping[str, str]) -> dict[str, object]:
    sex = entry.get("Patient Gender") or entry.get("Patient Sex", "")
    view, age, sex_known = _canonical(entry.get("View Position", ""), entry.get("Patient Age", ""), sex)
    patient = entry["Patient ID"].zfill(DIGITS) if entry["Patient ID"] else None
    return {"patient": patient, "view": view, "age": age, "sex": sex_known}


@lru_cache(maxsize=1024)
def _canonical(view: str, age: str, sex: str) -> tuple[str | None, str | None, str | None]:
    """View, age and sex in their one form; a large table has few of them."""
    return view_of(view), age_of(age), sex_of(sex)
