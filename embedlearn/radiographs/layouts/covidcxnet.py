"""The films of COVID-CXNet (Haghanifar et al. 2020, arXiv 2006.13807): `metadata.csv` beside `chest_xray_images/`."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.entries import Entry, sift
from embedlearn.radiographs.layouts.listing import films_below, has_folders, subfolders
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.layouts.rows import header_of, rows_with
from embedlearn.radiographs.manifest import Manifest, build_manifest

NAME = "covidcxnet"
TREE = "metadata.csv and chest_xray_images/covid19/"
FILMS = "chest_xray_images"
NEEDED = ("filename", "patient_id", "view", "label")


def recognises(folder: Path) -> bool:
    """Whether `metadata.csv` with the set's columns lies beside `chest_xray_images/`."""
    return has_folders(folder, FILMS) and set(NEEDED) <= header_of(folder / "metadata.csv")


def read(folder: Path, names: Mapping[str, str] | None = None) -> Manifest:
    """One row a film of a class folder, with what the table knows of about half of them.

    A film that the table lists without a label is left out, and counted. Raises `ManifestError` where columns or all
    films are missing.
    """
    listed = {entry["filename"]: entry for entry in rows_with(folder / "metadata.csv", NEEDED)}
    label_of = partial(canonical_label, names=names)
    rows, notes = sift(NAME, _entries(folder / FILMS, listed), label_of, table="metadata.csv", films=f"{FILMS}/")
    films = [Path(str(row["path"])).name for row in rows]
    unlisted = [name for name in films if name not in listed]
    notes += left_out_note(NAME, "films that metadata.csv does not list take the label of their folder", unlisted)
    return build_manifest(rows, NAME, [*notes, *patients_note(NAME, rows, "metadata.csv lists about half of them")])


def _entries(folder: Path, listed: Mapping[str, Mapping[str, str]]) -> Iterator[Entry]:
    """The films of the class folders, and after them what the table lists besides."""
    found = set()
    for inner in subfolders(folder):
        for film in films_below(inner):
            found.add(film.name)
            known = listed.get(film.name, {"label": canonical_label(inner.name)})
            yield _entry(film.name, film, known)
    for name, known in listed.items():
        if name not in found:
            yield _entry(name, None, known)


def _entry(name: str, film: Path | None, known: Mapping[str, str]) -> Entry:
    return Entry(
        name,
        film,
        known["label"],
        known.get("patient_id", ""),
        known.get("view", ""),
        age=known.get("age", ""),
        sex=known.get("sex", ""),
    )
