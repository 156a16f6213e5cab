"""Files for small trees: empty films, tables and workbooks."""

import csv
import zipfile
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from xml.sax.saxutils import escape


def plant(folder: Path, names: Iterable[str]) -> Path:
    """Empty files under `folder`: a layout looks at names only."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def write_csv(path: Path, columns: str, rows: Iterable[Sequence[str]], encoding: str = "utf-8") -> None:
    """A table with these columns, separated by blanks here; a row may be shorter than them."""
    header = columns.split()
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(name.replace("~", " ") for name in header)
    writer.writerows([*row, *[""] * (len(header) - len(row))] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue(), encoding=encoding)


def write_workbook(path: Path, rows: Iterable[Sequence[str]]) -> None:
    """A workbook of one sheet, texts shared as Excel shares them."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    texts: dict[str, int] = {}
    lines = []
    for number, row in enumerate(rows, start=1):
        cells = (
            f'<c r="{chr(65 + at)}{number}" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>'
            for at, value in enumerate(row)
        )
        lines.append(f'<row r="{number}">{"".join(cells)}</row>')
    shared = "".join(f"<si><t>{escape(text)}</t></si>" for text in texts)
    parts = {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId3"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships"><Relationship Id="rId3" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">{shared}</sst>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
