"""The rows of a table as text: CSV, TSV, Excel or Parquet."""

import csv
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from io import StringIO
from pathlib import Path

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts.workbook import read_sheet

SUFFIXES = (".csv", ".tsv", ".xlsx", ".parquet")
COLUMNS = 1_000  # that a table may have
CELLS = 50_000_000  # that a table may have, blank ones too: ten times what the largest published one has
HEADER = 65_536  # bytes of a table's first line that are looked at to know a set by it


def read_rows(path: Path, otherwise: str | None = None) -> dict[int, dict[str, str]]:
    """The rows of a table as trimmed text, missing values blank, by their number; the header is row 1.

    `otherwise` is the encoding of a text table that is not UTF-8. Raises `ManifestError` where the table cannot be
    read, has no row, or is not of one width.
    """
    readers = {".parquet": _parquet_lines, ".xlsx": read_sheet}
    reader = readers.get(path.suffix.lower())
    lines = reader(path) if reader else _text_lines(path, otherwise)
    if len(lines) < 2:
        raise ManifestError(f"{path}: wanted a header and a row a film, got {len(lines)} lines; write the table again")
    header = [name.strip() for name in lines[0]]
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        raise ManifestError(f"{path}: wanted columns of different names, got {twice[0]} twice; rename one")
    filled = {number: line for number, line in enumerate(lines[1:], start=2) if any(map(str.strip, line))}
    if len(header) > COLUMNS or len(header) * len(filled) > CELLS:
        raise ManifestError(
            f"{path}: wanted at most {COLUMNS:,} columns and {CELLS:,} cells, got {len(header):,} columns and "
            f"{len(filled):,} rows; keep the columns that say something of a film"
        )
    rows = {}
    for number, line in filled.items():
        if len(line) > len(header):
            raise ManifestError(f"{path}, row {number}: wanted {len(header)} fields, got {len(line)}; quote its text")
        values = [value.strip() for value in line] + [""] * (len(header) - len(line))
        rows[number] = {name: value for name, value in zip(header, values, strict=True) if name}
    if not rows:
        raise ManifestError(f"{path}: wanted a row a film, got blank rows only; write the table again")
    return rows


def rows_with(table: Path, needed: tuple[str, ...], otherwise: str | None = None) -> list[dict[str, str]]:
    """The rows of a set's table, which may be encoded `otherwise`. Raises `ManifestError` where a column is missing."""
    listed = list(read_rows(table, otherwise).values())
    if lacking := [name for name in needed if name not in listed[0]]:
        raise ManifestError(
            f"{table}: wanted the columns {', '.join(needed)}, got none named {', '.join(lacking)}; "
            f"take the {table.name} of the collection"
        )
    return listed


def header_of(path: Path) -> set[str]:
    """The names of the columns in the first line of a text table with commas; none where there is no such file."""
    try:
        with path.open("rb") as file:
            line = file.readline(HEADER).decode("utf-8-sig", errors="replace")
    except OSError:
        return set()
    return {name.strip('"\r\n ') for name in line.split(",")}


def _text_lines(path: Path, otherwise: str | None) -> list[list[str]]:
    """The fields of a text table; what stands oftenest in its header of comma, semicolon and tab parts them."""
    if path.suffix.lower() not in SUFFIXES:
        wanted = ", ".join(SUFFIXES)
        raise ManifestError(f"{path}: wanted a folder or a table ({wanted}), got another file; save it as CSV")
    try:
        text = _decoded(path, path.read_bytes(), otherwise)
        if text.startswith("sep="):  # Excel's own first line
            text = text.partition("\n")[2]
        if "\0" in text:
            raise csv.Error("it holds a zero byte")
        header = text.partition("\n")[0]
        return list(csv.reader(StringIO(text, newline=""), delimiter=max(",;\t", key=header.count), strict=True))
    except OSError as error:
        raise ManifestError(f"{path}: wanted a table, got {error.strerror}; check the path and permissions") from error
    except csv.Error as error:
        raise ManifestError(f"{path}: wanted a table, got a line of no form ({error}); write it again") from error


def _decoded(path: Path, data: bytes, otherwise: str | None) -> str:
    """The text of UTF-8, of UTF-16 with its mark, or of `otherwise`. Raises `ManifestError`, naming the line."""
    try:
        return data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError as error:
        if otherwise:
            return data.decode(otherwise)
        line = data.count(b"\n", 0, error.start) + 1
        got = f"the byte {data[error.start]:#04x} in line {line}"
        foreign = [other for other in data.splitlines() if not other.isascii()]
        if any(_is_utf8(other) for other in foreign):
            got, remedy = f"two encodings: {got} is of another", "write such lines again in UTF-8"
        else:
            remedy = "save it as UTF-8 (iconv -f latin1 -t utf-8)"
        raise ManifestError(f"{path}: wanted UTF-8, got {got}; {remedy}") from error


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


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
