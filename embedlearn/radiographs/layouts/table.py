"""A table of films: CSV, TSV or Parquet with at least the columns `path` and `label`."""

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import canonical_label
from embedlearn.radiographs.layouts.notes import patients_note
from embedlearn.radiographs.manifest import COLUMNS, FURTHER, SPLITS, Manifest, build_manifest

NAME = "table"
SUFFIXES = (".csv", ".tsv", ".parquet")
REQUIRED = ("path", "label")
KNOWN = (*COLUMNS, *FURTHER)


def read(path: Path, names: Mapping[str, str] | None = None, columns: Mapping[str, str] | None = None) -> Manifest:
    """One row a film. `columns` says which column of the table is `path`, `label`, `patient` and so on.

    A relative path is taken from the table's folder; further columns are carried along. Raises `ManifestError`
    where a column, a path, a label or a file is missing, a file stands twice, or the table cannot be read.
    """
    listed = read_rows(path)
    own = _columns(path, list(next(iter(listed.values()))), columns or {})
    rows = []
    for number, entry in listed.items():
        row: dict[str, object] = {name: entry[column] or None for name, column in own.items()}
        _check_row(f"{path}, row {number}", row)
        row["path"] = Path(os.path.abspath(path.parent / entry[own["path"]]))
        row["label"] = canonical_label(entry[own["label"]], names)
        others = [name for name in entry if name not in (*KNOWN, *own.values())]
        rows.append({**row, **{name: entry[name] or None for name in others}})
    _check_files(path, [Path(str(row["path"])) for row in rows])
    return build_manifest(rows, path.stem, patients_note(path.stem, rows, "the table leaves them out or blank"))


def read_rows(path: Path) -> dict[int, dict[str, str]]:
    """The rows of a table as trimmed text, missing values blank, by their number; the header is row 1.

    Raises `ManifestError` where the table cannot be read, has no row, or is not of one width.
    """
    lines = _parquet_lines(path) if path.suffix.lower() == ".parquet" else _text_lines(path)
    if len(lines) < 2:
        raise ManifestError(f"{path}: wanted a header and a row a film, got {len(lines)} lines; write the table again")
    header = [name.strip() for name in lines[0]]
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        raise ManifestError(f"{path}: wanted columns of different names, got {twice[0]} twice; rename one")
    rows = {}
    for number, line in enumerate(lines[1:], start=2):
        if len(line) > len(header):
            raise ManifestError(f"{path}, row {number}: wanted {len(header)} fields, got {len(line)}; quote its text")
        values = [value.strip() for value in line] + [""] * (len(header) - len(line))
        if any(values):
            rows[number] = {name: value for name, value in zip(header, values, strict=True) if name}
    return rows


def _text_lines(path: Path) -> list[list[str]]:
    """The fields of a text table; what stands oftenest in its header of comma, semicolon and tab parts them."""
    if path.suffix.lower() not in SUFFIXES:
        wanted = ", ".join(SUFFIXES)
        raise ManifestError(f"{path}: wanted a folder or a table ({wanted}), got another file; save it as CSV")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = file.readline()
            file.seek(0)
            return list(csv.reader(file, delimiter=max(",;\t", key=header.count), strict=True))
    except UnicodeDecodeError as error:
        got = f"{error.object[error.start]:#04x}"
        raise ManifestError(
            f"{path}: wanted UTF-8, got the byte {got}; save it as UTF-8 (iconv -f latin1 -t utf-8)"
        ) from error
    except OSError as error:
        raise ManifestError(f"{path}: wanted a table, got {error.strerror}; check the path and permissions") from error
    except csv.Error as error:
        raise ManifestError(f"{path}: wanted a table, got a line of no form ({error}); write it again") from error


def _parquet_lines(path: Path) -> list[list[str]]:
    import pandas as pd

    try:
        frame = pd.read_parquet(path).convert_dtypes().astype("string").fillna("")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ManifestError(
            f"{path}: wanted a Parquet table, got one not to be read ({reason}); write it again"
        ) from error
    return [[str(name) for name in frame.columns], *([str(value) for value in row] for row in frame.to_numpy())]


def _columns(path: Path, present: list[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Which column of the table holds each column of a manifest: the user's word first, then the same name."""
    has = f"it has {', '.join(present)}"
    if unknown := [name for name in columns if name not in KNOWN]:
        raise ManifestError(
            f"--columns {unknown[0]}: wanted one of {', '.join(KNOWN)} before the =, got {unknown[0]}"
        )
    if absent := [(name, column) for name, column in columns.items() if column not in present]:
        name, column = absent[0]
        raise ManifestError(f"{path}: wanted the column {column}, got none; {has}: --columns {name}=COLUMN")
    own = {name: columns.get(name, name) for name in KNOWN if name in columns or name in present}
    if lacking := [name for name in REQUIRED if name not in own]:
        raise ManifestError(f"{path}: wanted the column {lacking[0]}, got none; {has}: --columns {lacking[0]}=COLUMN")
    return own


def _check_row(where: str, row: Mapping[str, object]) -> None:
    for name in REQUIRED:
        if row[name] is None:
            raise ManifestError(f"{where}: wanted a {name}, got a blank; fill it in or remove the row")
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
