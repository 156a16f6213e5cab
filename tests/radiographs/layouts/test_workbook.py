"""Excel workbooks: what is read from them, and those that are torn, forged or far too large."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from planting import plant, write_workbook

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data, workbook
from embedlearn.radiographs.layouts.workbook import read_sheet

SHEET = "xl/worksheets/sheet1.xml"


def rewritten(path: Path, **parts: str | None) -> Path:
    """The workbook at `path` with a part replaced, or left out; a part is named by its file's stem."""
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kept.items():
            new = parts.get(Path(name).stem, data)
            if new is not None:
                archive.writestr(name, new)
    return path


def sheet(rows: str) -> str:
    return f"<worksheet><sheetData>{rows}</sheetData></worksheet>"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    write_workbook(tmp_path / "films.xlsx", [("path", "label"), ("a.png", "COVID <19> & more"), ("b.png", "")])
    return tmp_path / "films.xlsx"


def test_texts(book: Path) -> None:
    assert read_sheet(book) == [["path", "label"], ["a.png", "COVID <19> & more"], ["b.png"]]


def test_what_excel_writes_besides(book: Path) -> None:
    rich = "<sst><si><r><t>CO</t></r><r><t>VID</t></r><rPh><t>kana</t></rPh></si><si><t>x</t></si></sst>"
    rows = (
        '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c><c r="AB1"><v>6.5</v></c></row>'
        '<row r="4"><c r="B4" t="s"><v>0</v></c><c r="C4" t="b"><v>1</v></c>'
        '<c r="D4" t="str"><f>1+1</f><v>two</v></c></row>'
        "<row><c><v>9</v></c><c/></row>"
    )
    lines = read_sheet(rewritten(book, sheet1=sheet(rows), sharedStrings=rich))
    assert lines == [["a", *[""] * 26, "6.5"], [], [], ["", "COVID", "1", "two"], ["9"]]


def test_a_table_of_films_may_be_a_workbook(tmp_path: Path) -> None:
    plant(tmp_path, ["a.png", "b.png"])
    write_workbook(
        tmp_path / "films.xlsx", [("path", "label", "patient"), ("a.png", "COVID", "7"), ("b.png", "Normal", "")]
    )
    manifest = read_data(tmp_path / "films.xlsx")
    assert manifest.counts() == {"covid-19": 1, "healthy": 1}
    assert manifest.counts("patient") == {"7": 1}


def refused(path: Path) -> str:
    with pytest.raises(ManifestError) as error:
        read_sheet(path)
    assert str(error.value).startswith(f"{path}: wanted ")
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("save its sheet as CSV")
    return str(error.value)


def test_a_bomb_whose_directory_is_honest(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST", 1_000_000)
    rewritten(book, sheet1=sheet(" " * 3_000_000))
    assert book.stat().st_size < 10_000
    assert f"wanted at most 1 MB unpacked, got 3 MB in {SHEET}" in refused(book)


def test_a_bomb_whose_directory_lies(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "MOST", 5_000)
    rewritten(book, sheet1=sheet(" " * 50_000))
    data = book.read_bytes()
    with zipfile.ZipFile(book) as archive:
        size = archive.getinfo(SHEET).file_size.to_bytes(4, "little")
    book.write_bytes(data.replace(size, (4_000).to_bytes(4, "little")))
    assert "got one not to be read" in refused(book)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"sheet1": None}, "no item named 'xl/worksheets/sheet1.xml'"),
        ({"workbook": "<workbook><sheets/></workbook>"}, "StopIteration"),
        ({"sheet1": "<worksheet><sheetData>"}, "no element found"),
        ({"sheet1": sheet('<row><c t="s"><v>99</v></c></row>')}, "list index out of range"),
        ({"sheet1": sheet('<row r="9999999"/>')}, "row 9999999 after row 0"),
        ({"sheet1": sheet('<row r="2"/><row r="1"/>')}, "row 1 after row 2"),
        ({"sheet1": sheet('<row><c r="ZZZ1"><v>1</v></c></row>')}, "cell ZZZ1 out of order"),
        ({"sheet1": '<!DOCTYPE w [<!ENTITY a "aa">]><w>&a;</w>'}, "defines entities of its own"),
    ],
)
def test_forged_workbooks(book: Path, parts: dict[str, str | None], message: str) -> None:
    assert message in refused(rewritten(book, **parts))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", escape("path,label").encode()])
def test_what_is_no_workbook(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "films.xlsx").write_bytes(data)
    assert "wanted an Excel workbook, got one not to be read" in refused(tmp_path / "films.xlsx")


def test_none_there(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "films.xlsx")


def test_a_bomb_of_elements(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ELEMENTS", 1_000)
    assert "more than 1,000 elements" in refused(rewritten(book, sheet1=sheet(f"<row>{'<c/>' * 2_000}</row>")))
    assert "more than 1,000 elements" in refused(rewritten(book, sharedStrings=f"<sst>{'<si/>' * 2_000}</sst>"))


def test_a_table_of_too_many_columns(book: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>2</v></c></row><row r="20000"><c><v>3</v></c></row>'
    with pytest.raises(ManifestError, match="at most 1,000 columns and .* cells, got 16,384 columns and 1 rows; keep"):
        read_data(rewritten(book, sheet1=sheet(rows)))
