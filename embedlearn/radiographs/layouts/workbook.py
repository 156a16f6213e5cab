"""The first sheet of an Excel workbook (.xlsx, ECMA-376) as text, read with the standard library alone."""

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from embedlearn.errors import ManifestError

MOST = 64_000_000  # bytes that one part of a workbook may unpack to: about a million cells
ELEMENTS = 3_000_000  # of one part's XML: a cell has two or three
ROWS, COLUMNS = 1_048_576, 16_384  # what a sheet can have
RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read_sheet(path: Path) -> list[list[str]]:
    """The cells of the first sheet, a list a row, numbers as they are stored; a row ends at its last filled cell.

    Raises `ManifestError` where the file is no workbook, is torn, or unpacks to more than `MOST` bytes a part.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return list(_rows(_part(path, archive, _first_sheet(path, archive)), _shared_texts(path, archive)))
    except ManifestError:
        raise
    except Exception as error:  # a torn or forged archive makes the standard library raise almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ManifestError(
            f"{path}: wanted an Excel workbook, got one not to be read ({reason}); save its sheet as CSV"
        ) from error


def _part(path: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of the archive, never more of it than `MOST` bytes, whatever its directory says."""
    size = archive.getinfo(name).file_size
    with archive.open(name) as file:
        data = file.read(MOST + 1) if size <= MOST else b""
    if max(size, len(data)) > MOST:
        got = f"{size / 1e6:,.0f} MB in {name}"
        raise ManifestError(f"{path}: wanted at most {MOST // 10**6} MB unpacked, got {got}; save its sheet as CSV")
    if b"<!DOCTYPE" in data:
        raise ValueError(f"{name} defines entities of its own")
    return data


def _first_sheet(path: Path, archive: zipfile.ZipFile) -> str:
    """The name in the archive of the sheet that stands first in the workbook."""
    sheet = next(_named(ElementTree.fromstring(_part(path, archive, "xl/workbook.xml")), "sheet"))
    relations = ElementTree.fromstring(_part(path, archive, "xl/_rels/workbook.xml.rels"))
    target = next(relation.get("Target", "") for relation in relations if relation.get("Id") == sheet.get(RELATION))
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _shared_texts(path: Path, archive: zipfile.ZipFile) -> list[str]:
    """The texts that cells name by their number; readings of Japanese text (rPh) are no part of them."""
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    texts = []
    for element in _elements(_part(path, archive, name)):
        if _kind(element) == "si":
            texts.append(_text(element))
            element.clear()
    return texts


def _elements(data: bytes) -> Iterator[Element]:
    """The elements of one part's XML, each when it ends. Raises `ValueError` where there are too many."""
    for number, (_, element) in enumerate(ElementTree.iterparse(BytesIO(data))):
        if number >= ELEMENTS:
            raise ValueError(f"more than {ELEMENTS:,} elements")
        yield element


def _rows(sheet: bytes, texts: list[str]) -> Iterator[list[str]]:
    """The rows of a sheet's XML; what it leaves out between two rows is an empty row."""
    count = 0
    for element in _elements(sheet):
        if _kind(element) == "row":
            number = int(element.get("r", count + 1))
            if not count < number <= ROWS:
                raise ValueError(f"row {number} after row {count}")
            yield from ([] for _ in range(number - count - 1))
            yield _cells(element, texts)
            count = number
            element.clear()


def _cells(row: Element, texts: list[str]) -> list[str]:
    values: list[str] = []
    for cell in _named(row, "c"):
        place = _column(cell.get("r", "")) or len(values) + 1
        if not len(values) < place <= COLUMNS:
            raise ValueError(f"cell {cell.get('r')} out of order")
        if value := _value(cell, texts):
            values += [""] * (place - len(values) - 1) + [value]
    return values


def _value(cell: Element, texts: list[str]) -> str:
    if cell.get("t") == "inlineStr":
        return "".join(_text(part) for part in _named(cell, "is"))
    stored = next((part.text or "" for part in _named(cell, "v")), "")
    return texts[int(stored)] if cell.get("t") == "s" and stored else stored


def _column(reference: str) -> int:
    """The number of a cell's column: "A1" -> 1, "AB7" -> 28; 0 where it names none."""
    letters = re.match("[A-Z]{0,3}", reference)
    number = 0
    for letter in letters[0] if letters else "":
        number = 26 * number + ord(letter) - ord("A") + 1
    return number


def _text(item: Element) -> str:
    """A text, plain or in runs of several looks."""
    parts = [part for part in item if _kind(part) in ("t", "r")]
    return "".join(part.text or "" if _kind(part) == "t" else _text(part) for part in parts)


def _named(parent: Element, kind: str) -> Iterator[Element]:
    return (element for element in parent.iter() if _kind(element) == kind)


def _kind(element: Element) -> str:
    """An element's name without its namespace, of which there are two for the same thing."""
    return str(element.tag).rpartition("}")[2]
