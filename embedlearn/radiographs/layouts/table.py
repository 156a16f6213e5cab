"""A table of films: CSV, TSV, Excel or Parquet with at least the columns `path` and `label`."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.notes import left_out_note, patients_note
from embedlearn.radiographs.layouts.rows import read_rows
from embedlearn.radiographs.manifest import COLUMNS, FURTHER, SPLITS, Manifest, build_manifest
from embedlearn.radiographs.people import age_of, sex_of, view_of

NAME = "table"
REQUIRED = ("path", "label")
KNOWN = (*COLUMNS, *FURTHER)
BLANKS = ("nan", "na", "n/a", "<na>", "null")  # what programs write where nothing is known
PLAIN: Mapping[str, Callable[[str], str | None]] = {"age": age_of, "sex": sex_of, "view": view_of}


def read(path: Path, names: Mapping[str, str] | None = None, columns: Mapping[str, str] | None = None) -> Manifest:
    """One row a film. `columns` says which column of the table is `path`, `label`, `patient` and so on.

    A relative path is taken from the table's folder; further columns are carried along. Raises `ManifestError`
    where a column, a path, a label or a file is missing, a file stands twice, or the table cannot be read.
    """
    listed = read_rows(path)
    own = _columns(path, list(next(iter(listed.values()))), columns or {})
    rows = []
    unclear: dict[str, list[str]] = {name: [] for name in PLAIN}
    for number, line in listed.items():
        entry = {name: "" if name in own.values() and text.lower() in BLANKS else text for name, text in line.items()}
        row: dict[str, object] = {name: entry[column] or None for name, column in own.items()}
        row.update(_labels(entry, own, names))
        _check_row(f"{path}, row {number}", row)
        row["path"] = Path(os.path.abspath(path.parent / entry[own["path"]]))
        for name in PLAIN.keys() & own.keys():
            row[name] = PLAIN[name](entry[own[name]])
            if entry[own[name]] and row[name] is None:
                unclear[name].append(entry[own[name]])
        others = [name for name in entry if name.lower() not in KNOWN and name not in own.values()]
        rows.append({**row, **{name: entry[name] or None for name in others}})
    _check_files(path, [Path(str(row["path"])) for row in rows])
    notes = patients_note(path.stem, rows, "the table leaves them out or blank")
    for name, values in unclear.items():
        notes += left_out_note(path.stem, f"values of {name} say none that is known and were left blank", values)
    return build_manifest(rows, path.stem, notes)


def _columns(path: Path, present: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Which column of the table holds each column of a manifest: the user's word first, then the same name.

    Upper and lower case are one; two columns that differ in nothing else are for the user to choose from.
    """
    has = f"it has {', '.join(present)}"
    if unknown := [name for name in columns if name not in KNOWN]:
        raise ManifestError(f"--columns {unknown[0]}: wanted one of {', '.join(KNOWN)} before the =, got {unknown[0]}")
    own: dict[str, str] = {}
    for name in KNOWN:
        alike = [column for column in present if column.lower() == name]
        if name in columns and columns[name] not in present:
            raise ManifestError(f"{path}: wanted the column {columns[name]}, got none; {has}: --columns {name}=COLUMN")
        if name not in columns and len(alike) > 1:
            raise ManifestError(
                f"{path}: wanted one column {name}, got {' and '.join(alike)}; say which: --columns {name}={alike[-1]}"
            )
        if name in columns or alike:
            own[name] = columns.get(name) or alike[0]
    if lacking := [name for name in REQUIRED if name not in own and not (name == "label" and "labels" in own)]:
        raise ManifestError(f"{path}: wanted the column {lacking[0]}, got none; {has}: --columns {lacking[0]}=COLUMN")
    return own


def _labels(entry: Mapping[str, str], own: Mapping[str, str], names: Mapping[str, str] | None) -> dict[str, str | None]:
    """The label of a row and, where the table has it, its set of labels; of a set alone the first is the label."""
    sets = entry[own["labels"]].split("|") if "labels" in own else []
    labels = [canonical_label(one, names) for one in sets if one.strip().lower() not in ("", *BLANKS)]
    label = entry[own["label"]] if "label" in own else ""
    found = {"label": canonical_label(label, names) if label else next(iter(labels), None)}
    return {**found, "labels": "|".join(labels) or None} if "labels" in own else {**found}


def _check_row(where: str, row: Mapping[str, object]) -> None:
    for name in REQUIRED:
        if row[name] is None:
            raise ManifestError(f"{where}: wanted a {name}, got a blank; fill it in or remove the row")
    if (labels := row.get("labels")) and row["label"] not in str(labels).split("|"):
        raise ManifestError(f"{where}: wanted a label that is in labels, got {row['label']} and {labels}; mend the row")
    if row.get("split") not in (None, *SPLITS):
        raise ManifestError(f"{where}: wanted the split {', '.join(SPLITS)} or a blank, got {row['split']}; rename it")


def _check_files(path: Path, films: Iterable[Path]) -> None:
    counts = Counter(films)
    if twice := [film for film, count in counts.items() if count > 1]:
        raise ManifestError(
            f"{path}: wanted each film once, got {twice[0]} {counts[twice[0]]} times "
            f"({len(twice):,} films repeat); keep one row of each"
        )
    if missing := [film for film in counts if not film.is_file()]:
        raise ManifestError(
            f"{path}: wanted {len(counts):,} files that exist, got {len(missing):,} that do not, the first is "
            f"{missing[0]}; relative paths start at the table's folder: mend the paths or remove the rows"
        )
