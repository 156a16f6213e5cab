"""Tables as hospitals export them: several label columns, their own spellings, Excel's forms, two encodings."""

from pathlib import Path

import pytest
from planting import plant

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data


@pytest.fixture
def films(tmp_path: Path) -> Path:
    return plant(tmp_path, ["a.png", "b.png", "c.png"])


def test_upper_case_is_no_other_column(films: Path) -> None:
    (films / "t.csv").write_text("Path,LABEL,Sex\na.png,COVID,m\nb.png,Normal,f\n")
    manifest = read_data(films / "t.csv")
    assert manifest.counts() == {"covid-19": 1, "healthy": 1}
    assert manifest.counts("sex") == {"F": 1, "M": 1}


def test_two_label_columns(films: Path) -> None:
    (films / "t.csv").write_text("path,label,Label\na.png,COVID,Normal\n")
    with pytest.raises(
        ManifestError, match="wanted one column label, got label and Label; say which: --columns label="
    ):
        read_data(films / "t.csv")
    assert read_data(films / "t.csv", columns={"label": "Label"}).counts() == {"healthy": 1}
    assert read_data(films / "t.csv", columns={"label": "label"}).counts() == {"covid-19": 1}


def test_age_sex_and_view_in_one_form(films: Path) -> None:
    (films / "t.csv").write_text(
        "path;label;age;sex;view\na.png;x;065Y;female;antero-posterior\nb.png;x;4,5;M;lateral\nc.png;x;old;divers;pa\n"
    )
    frame = read_data(films / "t.csv").frame.fillna("?")
    assert frame["age"].tolist() == ["65", "4.5", "?"]
    assert frame["sex"].tolist() == ["F", "M", "?"]
    assert frame["view"].tolist() == ["AP", "L", "PA"]


def test_values_that_were_not_understood_are_counted(films: Path) -> None:
    (films / "t.csv").write_text("path,label,age,sex\na.png,x,old,F\nb.png,x,older,\nc.png,x,,M\n")
    notes = read_data(films / "t.csv").notes
    assert "t: 2 values of age say none that is known and were left blank, the first is old" in notes
    assert not any("values of sex" in note for note in notes)


def test_sets_of_labels(films: Path) -> None:
    (films / "t.csv").write_text("path,findings\na.png,Effusion|Lung_Opacity\nb.png,No Finding\nc.png,Mass\n")
    frame = read_data(films / "t.csv", columns={"labels": "findings"}).frame
    assert frame["labels"].tolist() == ["pleural effusion|lung opacity", "healthy", "mass"]
    assert frame["label"].tolist() == ["pleural effusion", "healthy", "mass"]


def test_a_row_with_no_label_in_its_set(films: Path) -> None:
    (films / "t.csv").write_text("path,labels\na.png,Mass\nb.png, | \n")
    with pytest.raises(ManifestError, match=r"t\.csv, row 3: wanted a label, got a blank"):
        read_data(films / "t.csv")


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"sep=;\r\n"])
def test_what_excel_calls_csv(films: Path, start: bytes) -> None:
    (films / "t.csv").write_bytes(start + b'"path";"label"\r\na.png;"one; two"\r\nb.png;"y, z"\r\n')
    assert read_data(films / "t.csv").frame["label"].tolist() == ["one; two", "y, z"]


def test_what_excel_calls_unicode_text(films: Path) -> None:
    (films / "t.tsv").write_text("path\tlabel\na.png\tL\u00fcbeck\n", encoding="utf-16")
    assert read_data(films / "t.tsv").frame["label"].tolist() == ["l\u00fcbeck"]


def test_two_encodings_in_one_file(films: Path) -> None:
    lines = [b"path,label", "a.png,L\u00fcbeck".encode(), "b.png,L\u00fcbeck".encode("latin-1")]
    (films / "t.csv").write_bytes(b"\n".join(lines))
    with pytest.raises(ManifestError) as error:
        read_data(films / "t.csv")
    assert str(error.value) == (
        f"{films}/t.csv: wanted UTF-8, got two encodings: the byte 0xfc in line 3 is of another; "
        "write such lines again in UTF-8"
    )


def test_files_that_are_not_there(films: Path) -> None:
    (films / "t.csv").write_text("path,label\na.png,x\ngone.png,x\naway.png,y\n")
    with pytest.raises(ManifestError, match=r"wanted 3 files that exist, got 2 that do not, the first is .*gone\.png"):
        read_data(films / "t.csv")
