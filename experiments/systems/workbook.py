"""Excel workbooks by the standard library alone, as the lists of a data set's films come."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape


def write_workbook(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """An Excel workbook (ECMA-376) of one sheet, a text a cell; the same rows make the same file."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    cells = ["".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in row) for row in rows]
    lines = "".join(f'<row r="{number}">{row}</row>' for number, row in enumerate(cells, 1))
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'relationships"><Relationship Id="rId1" Type="{office}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{lines}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text)  # without the time of writing
