"""Tables of films as programs and hospitals write them, and every way in which one describes nothing."""

from pathlib import Path

import pandas as pd
import pytest
from covid_trees import kermany_tree
from planting import plant

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.manifest import COLUMNS


def table(folder: Path, text: str, name: str = "films.csv", encoding: str = "utf-8") -> Path:
    """A table beside two films `a.png` and `b.png`."""
    plant(folder, ["a.png", "b.png"])
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


def test_a_table(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,patient,split,age\na.png,COVID,p1,train,60\nb.png,Normal,,,\n")
    manifest = read_data(path)
    assert [film.name for film in manifest.paths] == ["a.png", "b.png"]
    assert all(film.is_absolute() for film in manifest.paths)
    assert manifest.frame["label"].tolist() == ["covid-19", "healthy"]
    assert manifest.frame["patient"].tolist()[0] == "p1"
    assert manifest.frame["patient"].isna().tolist()[1]
    assert manifest.counts("split") == {"train": 1}
    assert manifest.counts("source") == {"films": 2}
    assert manifest.frame["age"].tolist()[0] == "60"
    assert manifest.notes == ("films names no patients for 1 of 2 films: the table leaves them out or blank",)


def test_a_tables_own_source_wins(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label,source\na.png,x,here\nb.png,y,\n")
    assert read_data(path).frame["source"].tolist() == ["here", "films"]


def test_columns_of_other_names(tmp_path: Path) -> None:
    path = table(tmp_path, "file,dx,pid,label\na.png,COVID,1,ignored\nb.png,Normal,2,ignored\n")
    manifest = read_data(path, columns={"path": "file", "label": "dx", "patient": "pid"}, names={"Normal": "well"})
    assert manifest.counts() == {"covid-19": 1, "well": 1}
    assert manifest.counts("patient") == {"1": 1, "2": 1}
    assert tuple(manifest.frame.columns) == COLUMNS


@pytest.mark.parametrize(
    ("name", "text", "encoding"),
    [
        ("films.tsv", "path\tlabel\na.png\tone, two\nb.png\ty\n", "utf-8"),
        ("films.csv", "path;label\r\na.png;one, two\r\nb.png;y\r\n", "utf-8"),
        ("films.CSV", 'path,label\na.png,"one, two"\n\n b.png , y \n', "utf-8-sig"),
    ],
)
def test_tables_as_programs_write_them(tmp_path: Path, name: str, text: str, encoding: str) -> None:
    assert read_data(table(tmp_path, text, name, encoding)).frame["label"].tolist() == ["one, two", "y"]


def test_parquet_with_numbers_and_gaps(tmp_path: Path) -> None:
    plant(tmp_path, ["a.png", "b.png"])
    frame = pd.DataFrame({"path": ["a.png", "b.png"], "label": ["COVID", "Normal"], "patient": [12.0, None]})
    frame.to_parquet(tmp_path / "films.parquet")
    manifest = read_data(tmp_path / "films.parquet")
    assert manifest.frame["patient"].fillna("?").tolist() == ["12", "?"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_a_manifest_saves_reads_back(tmp_path: Path, suffix: str) -> None:
    kermany_tree(tmp_path / "set")
    manifest = read_data(tmp_path / "set")
    manifest.save(tmp_path / f"films.{suffix}")
    again = read_data(tmp_path / f"films.{suffix}")
    assert again.digest() == manifest.digest()
    assert again.paths == manifest.paths


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "wanted a header and a row a film, got 0 lines"),
        ("path,label\n", "wanted a header and a row a film, got 1 lines"),
        ("path,label\n,\n \n", "wanted a row a film, got blank rows only"),
        ("path,dx\na.png,x\n", "wanted the column label, got none; it has path, dx: --columns label=COLUMN"),
        ("file,label\na.png,x\n", "wanted the column path, got none; it has file, label: --columns path=COLUMN"),
        ("path,label\na.png,x\nb.png,\n", "row 3: wanted a label, got a blank; fill it in"),
        ("path,label\na.png,x\n\n ,y\n", "row 4: wanted a path, got a blank; fill it in"),
        (
            "path,label\na.png,x\nc.png,y\nd.png,y\n",
            r"wanted 3 files .* got 2 .* the first is .*c\.png; .*mend the paths",
        ),
        ("path,label\nc.png,x\nd.png,y\n", r"wanted 2 files that exist, got 2 that do not, the first is .*c\.png"),
        ("path,label\na.png,x\n./a.png,y\n", r"wanted each film once, got .*a\.png 2 times .*; keep one row"),
        ("path,label,label\na.png,x,y\n", "got label twice; rename one"),
        ("path,label\na.png,x,y\n", "row 2: wanted 2 fields, got 3; quote"),
        ('path,label\n"a.png,x\n', "a line of no form .*; write it again"),
        ("path,label\na.png,x\0\n", "a line of no form .*zero byte"),
        ("path,label,split\na.png,x,dev\n", "row 2: wanted the split train, val, test, held-out or a blank, got dev"),
    ],
)
def test_a_table_that_describes_nothing(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=rf"films\.csv.*{message}"):
        read_data(table(tmp_path, text))


def test_a_table_that_is_not_utf8(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label\na.png,L\u00fcbeck\n", encoding="latin-1")
    with pytest.raises(ManifestError, match=r"films\.csv: wanted UTF-8, got the byte 0xfc in line 2; save it as UTF-8"):
        read_data(path)


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"films\.ods: wanted a folder or a table \(\.csv, .*save it as CSV"):
        read_data(table(tmp_path, "path,label\n", "films.ods"))
    with pytest.raises(ManifestError, match=r"films\.parquet: wanted a Parquet table, .*; write it again"):
        read_data(table(tmp_path, "path,label\n", "films.parquet"))
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ManifestError, match=r"wanted a table, got Is a directory; check the path"):
        read_data(f"table:{tmp_path}/folder.csv")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"lable": "dx"}, "--columns lable: wanted one of path, label, .* got lable"),
        (
            {"patient": "pid"},
            r"films\.csv: wanted the column pid, got none; it has path, label: --columns patient=COLUMN",
        ),
    ],
)
def test_columns_that_name_nothing(tmp_path: Path, columns: dict[str, str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_data(table(tmp_path, "path,label\na.png,x\n"), columns=columns)


def test_a_column_of_a_known_name_in_another_case_is_not_carried_along(tmp_path: Path) -> None:
    path = table(tmp_path, "path,dx,Label\na.png,COVID,1\nb.png,Normal,2\n")
    manifest = read_data(path, columns={"label": "dx"})
    assert tuple(manifest.frame.columns) == COLUMNS
    manifest.save(tmp_path / "again.csv")
    assert read_data(tmp_path / "again.csv").counts() == {"covid-19": 1, "healthy": 1}


@pytest.mark.parametrize("blank", ["nan", "NA", "N/A"])
def test_what_programs_write_for_a_blank(tmp_path: Path, blank: str) -> None:
    with pytest.raises(ManifestError, match="row 2: wanted a label, got a blank"):
        read_data(table(tmp_path, f"path,label\na.png,{blank}\n"))
    assert read_data(table(tmp_path, f"path,label,patient\na.png,x,{blank}\n")).frame["patient"].isna().all()


def test_a_label_that_is_not_in_the_labels(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"row 2: wanted a label that is in labels, got mass and nodule\|edema"):
        read_data(table(tmp_path, "path,label,labels\na.png,Mass,Nodule|Oedema\n"))
