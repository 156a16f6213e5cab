"""COVIDx (Wang, Lin and Wong 2020, doi 10.1038/s41598-020-76550-z): text lists beside folders `train/` and `test/`.

Its films come from other collections. A film's `source` is that collection ("covidx/rsna") where the list tells it.
"""

import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import COVID
from embedlearn.radiographs.layouts.findings import label_in_set, split_note
from embedlearn.radiographs.layouts.listing import SUFFIXES, films_in, has_folders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "covidx"
TREE = "train.txt, test.txt and perhaps val.txt beside train/ and test/"
SIDES = ("train", "val", "test")
LABELS = {"positive": COVID, "negative": f"no {COVID}"}  # the negatives include pneumonia of other causes

# What a list calls a collection, and the name that the toolkit has for it.
COLLECTIONS = {"cohen": "ieee8023", "fig1": "figure1", "actmed": "actualmed", "rnsa": "rsna"}


class Row(NamedTuple):
    """A row of a list; `collection` is blank where the list is silent."""

    patient: str
    name: str
    label: str
    collection: str


def recognises(folder: Path) -> bool:
    """Whether a list lies beside a folder of its side's name and its first row names an image file and a label."""
    return any(_first_row_fits(path) for side in SIDES for path in _lists(folder, side))


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film that is there; the list that names it goes to the column `published_split`.

    Raises `ManifestError` where a row is of no form, a side has two lists, or all films are missing.
    """
    rows: list[dict[str, object]] = []
    absent: list[str] = []
    for side in SIDES:
        lists = _lists(folder, side)
        if len(lists) > 1:
            got = " and ".join(path.name for path in lists)
            raise ManifestError(f"{folder}: wanted one list of the side {side}, got {got}; move the others elsewhere")
        inside = films_in(folder / side) if lists else []
        films = {film.name.lower(): film for film in inside} | {film.name: film for film in inside}
        for path in lists:
            for row in dict.fromkeys(_rows(path, films)):
                if film := films.get(row.name) or films.get(row.name.lower()):
                    rows.append({"path": film, **_known(row, names), "published_split": side})
                else:
                    absent.append(f"{side}/{row.name}")
    notes = left_out_note(NAME, "films named in the lists are not there and were left out", absent)
    notes += patients_note(NAME, rows, "the lists repeat the film's name instead")
    return build_manifest(rows, NAME, [*notes, *split_note(NAME, rows)])


def _known(row: Row, names: Mapping[str, str] | None) -> dict[str, object]:
    return {
        "label": label_in_set(row.label, LABELS, names),
        "patient": None if row.patient == Path(row.name).stem else row.patient,  # then it names the film
        "source": f"{NAME}/{row.collection}" if row.collection else NAME,
    }


def row_of(line: str, films: Container[str] = ()) -> Row | None:
    """What a row of a list says; None where it is of no form.

    Patient and file may hold blanks: of all names that end at the image's suffix, the longest in `films`, as it stands
    there or in lower case, is taken.
    """
    words = line.split()
    end = next((place for place, word in enumerate(words) if place and word.lower().endswith(SUFFIXES)), None)
    if end is None or not 2 <= len(words) - end <= 3:
        return None
    tails = {place: " ".join(words[place : end + 1]) for place in range(1, end)}
    start = next((place for place, name in tails.items() if name in films or name.lower() in films), end)
    label, collection = [*words[end + 1 :], ""][:2]
    collection = COLLECTIONS.get(collection.lower(), collection.lower())
    return Row(" ".join(words[:start]), " ".join(words[start : end + 1]), label, collection)


def _lists(folder: Path, side: str) -> list[Path]:
    """The lists of one side, where it has its folder: `train.txt`, `train_COVIDx9B.txt` or `train_split_v3.txt`."""
    if not has_folders(folder, side):
        return []
    return sorted(
        path
        for path in folder.glob(f"{side}*.txt")
        if path.is_file() and re.fullmatch(rf"{side}(_split(_v\d+)?|.*covidx.*)?", path.stem, re.IGNORECASE)
    )


def _rows(path: Path, films: Container[str]) -> Iterator[Row]:
    """The rows of a list. Raises `ManifestError` where one is of no form."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: wanted a list of films in UTF-8, got {error}; fetch it again") from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = row_of(line, films)
            if row is None:
                raise ManifestError(
                    f"{path}, row {number}: wanted patient, file, label and perhaps source, got {line.strip()[:80]!r}; "
                    "mend or remove the row"
                )
            yield row


def _first_row_fits(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            return row_of(file.readline(4096)) is not None
    except OSError:
        return False
