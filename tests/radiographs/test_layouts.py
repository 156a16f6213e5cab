"""Each layout on a small tree and on the real set, and every way in which a folder or a table describes nothing."""

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import LAYOUTS, ieee8023, kermany, read_data
from embedlearn.radiographs.layouts.darkcovidnet import patient_of as nih_patient_of
from embedlearn.radiographs.layouts.listing import SUFFIXES
from embedlearn.radiographs.manifest import COLUMNS

PAEDIATRIC = (
    "train/NORMAL/IM-0115-0001.jpeg",
    "train/NORMAL/NORMAL2-IM-0115-0001.jpeg",
    "train/PNEUMONIA/person1_bacteria_1.jpeg",
    "train/PNEUMONIA/person1_virus_7.jpeg",
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg",
    "val/PNEUMONIA/person9_bacteria_3.jpeg",
    "test/NORMAL/IM-0001-0001.jpeg",
    "test/PNEUMONIA/person1_virus_6.jpeg",
)


def plant(folder: Path, names: Iterable[str]) -> Path:
    """Empty files under `folder`: a layout looks at names only."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def table(folder: Path, text: str, name: str = "films.csv", encoding: str = "utf-8") -> Path:
    """A table beside two films `a.png` and `b.png`."""
    plant(folder, ["a.png", "b.png"])
    (folder / name).write_text(text, encoding=encoding)
    return folder / name


# Any folder of class folders.


def test_class_folders(tmp_path: Path) -> None:
    plant(tmp_path / "mine", ["COVID/b.png", "COVID/a.png", "Normal/deep/c.JPG", "Normal/notes.txt", "Normal/.d.png"])
    manifest = read_data(tmp_path / "mine")
    assert tuple(manifest.frame.columns) == COLUMNS
    assert [path.name for path in manifest.paths] == ["a.png", "b.png", "c.JPG"]
    assert all(path.is_absolute() and path.exists() for path in manifest.paths)
    assert manifest.frame["label"].tolist() == ["covid-19", "covid-19", "healthy"]
    assert manifest.counts("source") == {"mine": 3}
    assert manifest.frame["patient"].isna().all()
    assert manifest.notes[0].startswith("mine names no patients for 3 of 3 films: ")


def test_the_users_names_go_first(tmp_path: Path) -> None:
    plant(tmp_path, ["sick/a.png", "well/b.png", "COVID/c.png"])
    manifest = read_data(tmp_path, names={"SICK": "pneumonia", "covid": "corona"})
    assert manifest.counts() == {"corona": 1, "pneumonia": 1, "well": 1}


def test_every_suffix_of_an_image_in_either_case(tmp_path: Path) -> None:
    plant(tmp_path, [f"one/{number}{suffix}" for number, suffix in enumerate(SUFFIXES)])
    plant(tmp_path, [f"two/{number}{suffix.upper()}" for number, suffix in enumerate(SUFFIXES)])
    plant(tmp_path, ["one/a.csv", "one/b.npy", "one/png", "two/.hidden.png"])
    assert read_data(tmp_path).counts() == {"one": len(SUFFIXES), "two": len(SUFFIXES)}


def test_a_published_split_of_class_folders(tmp_path: Path) -> None:
    plant(tmp_path, ["train/Covid/a.png", "train/Normal/b.png", "valid/Covid/c.png", "test/Normal/d.png"])
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 2}
    assert manifest.counts("published_split") == {"test": 1, "train": 2, "val": 1}
    assert manifest.frame["split"].isna().all()
    assert any("published_split" in note for note in manifest.notes)


def test_masks_are_no_films(tmp_path: Path) -> None:
    plant(tmp_path, ["COVID/images/a.png", "COVID/masks/a.png", "Normal/images/b.png", "Normal/masks/b.png"])
    assert [path.parent.name for path in read_data(tmp_path).paths] == ["images", "images"]


def test_films_beside_the_classes_are_noted(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png", "two/b.png", "overview.png"])
    manifest = read_data(tmp_path)
    assert len(manifest) == 2
    assert any("1 films beside the class folders" in note and "overview.png" in note for note in manifest.notes)


def test_a_circle_of_links_is_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png", "two/b.png"])
    (tmp_path / "three").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "one" / "again").symlink_to(tmp_path, target_is_directory=True)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"one": 1, "two": 1}
    assert any("1 links to folders were not followed" in note and "three" in note for note in manifest.notes)


def test_linked_films_are_films(tmp_path: Path) -> None:
    plant(tmp_path, ["elsewhere/a.png"])
    (tmp_path / "set" / "one").mkdir(parents=True)
    (tmp_path / "set" / "one" / "film.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    assert len(read_data(tmp_path / "set")) == 1


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([".hidden"], "got an empty folder; check the path"),
        (["a.png", "b.png"], r"2 films side by side, such as a\.png; sort them"),
        (["one/a.txt", "two/b.txt"], r"wanted image files \(png jpg .*got none in one or any other"),
        (["images/a.png", "masks/a.png"], "wanted class folders .*, got none; check the path"),
        (["images/a.png", "metadata.csv"], r"give the table itself: .*metadata\.csv --columns"),
        (["sets/COVID/a.png", *(f"k/{name}" for name in PAEDIATRIC)], "got a folder of sets; give .*k, or folders:"),
    ],
)
def test_a_folder_that_describes_nothing(tmp_path: Path, names: list[str], message: str) -> None:
    plant(tmp_path / "mine", names)
    with pytest.raises(ManifestError, match=f"mine: .*{message}"):
        read_data(tmp_path / "mine")


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"nowhere: .*nothing there; check the path"):
        read_data(tmp_path / "nowhere")


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(
        ManifestError, match=f"{tmp_path.name}: .*Permission denied; check the path and its permissions"
    ):
        read_data(tmp_path)


# LAYOUT:PATH.


def test_a_layout_may_be_named(tmp_path: Path) -> None:
    plant(tmp_path, PAEDIATRIC)
    assert read_data(f"kermany:{tmp_path}").frame["patient"].notna().all()
    assert read_data(f"folders:{tmp_path}").frame["patient"].isna().all()


def test_a_name_that_is_no_layout() -> None:
    with pytest.raises(
        ManifestError, match=r"kermani:/data: .*one of .*ieee8023, kermany, .* before the colon, got kermani"
    ):
        read_data("kermani:/data")


def test_a_folder_that_is_not_laid_out_as_named(tmp_path: Path) -> None:
    plant(tmp_path, ["one/a.png"])
    with pytest.raises(ManifestError, match=r"wanted the layout kermany \(.*NORMAL.*leave kermany: out"):
        read_data(f"kermany:{tmp_path}")
    (tmp_path / "file.csv").touch()
    with pytest.raises(ManifestError, match=r"file\.csv: wanted a folder laid out as kermany, got a file"):
        read_data(f"kermany:{tmp_path}/file.csv")


def test_a_path_with_a_colon_that_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(tmp_path / "kermany:films", ["one/a.png"])
    monkeypatch.chdir(tmp_path)
    assert read_data("kermany:films").counts("source") == {"kermany:films": 1}


def test_names_are_distinct() -> None:
    assert len({layout.NAME for layout in LAYOUTS}) == len(LAYOUTS)


# Kermany, and what borrows its names.


@pytest.mark.parametrize("inner", [".", "chest_xray", "chest_xray/chest_xray"])
def test_kermany_at_any_depth(tmp_path: Path, inner: str) -> None:
    plant(tmp_path / inner, PAEDIATRIC)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"healthy": 4, "pneumonia/bacterial": 2, "pneumonia/viral": 2}
    assert manifest.counts("source") == {"kermany": 8}
    assert manifest.counts("published_split") == {"test": 2, "train": 4, "val": 2}
    assert manifest.frame["split"].isna().all()
    assert manifest.counts("patient")["person1"] == 3
    assert manifest.notes == (
        "kermany: 1 of 6 patients stand on both sides of the published split, "
        "which is kept in the column published_split and decides nothing by itself",
    )


def test_a_copy_inside_kermany_is_not_read_twice(tmp_path: Path) -> None:
    plant(tmp_path, PAEDIATRIC)
    plant(tmp_path / "chest_xray", PAEDIATRIC)
    plant(tmp_path / "__MACOSX" / "train" / "NORMAL", ["._IM-0115-0001.jpeg"])
    assert len(read_data(tmp_path)) == len(PAEDIATRIC)


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("person1000_bacteria_2931.jpeg", "person1000"),
        ("person1000_virus_1681.jpeg", "person1000"),
        ("IM-0115-0001.jpeg", "IM-0115"),
        ("IM-0433-0001-0002.jpeg", "IM-0433"),
        ("NORMAL2-IM-0115-0001.jpeg", "NORMAL2-IM-0115"),
        ("VIRUS-1980593-0001.jpeg", "1980593"),
        ("NORMAL-1003233-0001.jpeg", "1003233"),
        ("kjr-21-e24-g001-l-a.jpg", None),
        ("person.jpeg", None),
    ],
)
def test_the_patient_in_kermanys_names(name: str, patient: str | None) -> None:
    assert kermany.patient_of(name) == patient


def test_a_mapped_folder_of_kermany_goes_before_its_file_names(tmp_path: Path) -> None:
    plant(tmp_path, PAEDIATRIC)
    assert read_data(tmp_path, names={"PNEUMONIA": "sick"}).counts() == {"healthy": 4, "sick": 4}
    assert read_data(tmp_path, names={"virus": "flu"}).counts() == {"flu": 2, "healthy": 4, "pneumonia/bacterial": 2}


@pytest.mark.parametrize("inner", [".", "dataset_for_classification"])
def test_sandrofab(tmp_path: Path, inner: str) -> None:
    names = (
        "BACTERIA/person1_bacteria_1.jpeg",
        "VIRAL/person1_virus_2.jpeg",
        "NORMAL/IM-0001-0001.jpeg",
        "COVID/x.png",
    )
    plant(tmp_path / inner, names)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 1, "healthy": 1, "pneumonia/bacterial": 1, "pneumonia/viral": 1}
    assert manifest.counts("patient") == {"IM-0001": 1, "person1": 2}
    assert manifest.notes == ("sandrofab names no patients for 1 of 4 films: the COVID films' names carry none",)


@pytest.mark.parametrize("inner", [".", "X-Ray Image DataSet"])
def test_darkcovidnet(tmp_path: Path, inner: str) -> None:
    names = (
        "Covid-19/x.png",
        "No_findings/00000003_002.jpg",
        "Pneumonia/00000003_005.png",
        "Pneumonia/00000061_012.png",
    )
    plant(tmp_path / inner, names)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 1, "healthy": 1, "pneumonia": 2}
    assert manifest.counts("patient") == {"00000003": 2, "00000061": 1}
    assert "1 of 4 films" in manifest.notes[0]
    assert nih_patient_of("000003_002.png") is None


# The COVID-19 image data collection.

COLLECTION = """patientid,sex,age,finding,view,modality,filename,license,
2,M,65,COVID-19,PA,X-ray,a.png,CC BY,
2,M,65,"COVID-19, ARDS",AP Supine,X-ray,b.png,,
,F,,Pneumonia/Viral/COVID-19,AP,X-ray,c.png,,
4,F,30,Streptococcus,PA,X-ray,d.png,,
5,F,30,Pneumonia/Bacterial/Streptococcus,PA,X-ray,e.png,,
6,F,30,No Finding,PA,X-ray,f.png,,
7,F,30,,PA,X-ray,g.png,,
8,F,30,todo,PA,X-ray,g2.png,,
9,F,30,COVID-19,L,X-ray,h.png,,
10,F,30,COVID-19,Axial,CT,i.png,,
11,F,30,COVID-19,PA,X-ray,missing.png,,
"""


def collection(folder: Path, text: str = COLLECTION) -> Path:
    plant(folder / "images", [f"{name}.png" for name in ("a", "b", "c", "d", "e", "f", "g", "g2", "h", "i")])
    (folder / "metadata.csv").write_text(text)
    return folder


def test_ieee8023(tmp_path: Path) -> None:
    manifest = read_data(collection(tmp_path))
    assert manifest.counts() == {"covid-19": 3, "healthy": 1, "pneumonia/bacterial/streptococcus": 2}
    assert manifest.counts("source") == {"ieee8023": 6}
    assert manifest.counts("view") == {"AP": 1, "AP Supine": 1, "PA": 4}
    assert manifest.frame["patient"].fillna("?").tolist() == ["2", "2", "?", "4", "5", "6"]
    first = manifest.frame.iloc[0]
    assert (first["age"], first["sex"], first["licence"]) == ("65", "M", "CC BY")
    assert manifest.frame["licence"].isna().sum() == 5
    assert manifest.notes == (
        "ieee8023: 1 films named in metadata.csv are not in images/ and were left out, the first is missing.png",
        "ieee8023: 1 films that are no radiograph were left out, the first is i.png",
        "ieee8023: 1 films without a frontal view (PA or AP) were left out, the first is h.png",
        "ieee8023: 2 rows without a finding were left out, the first is g.png",
        "ieee8023 names no patients for 1 of 6 films: metadata.csv leaves patientid blank",
    )


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("COVID-19, ARDS", "covid-19"),
        ("Pneumonia/Viral/COVID-19", "covid-19"),
        ("SARS", "pneumonia/viral/sars"),
        ("Pneumonia/Viral/SARS", "pneumonia/viral/sars"),
        ("E.Coli", "pneumonia/bacterial/e.coli"),
        ("Pneumocystis", "pneumonia/fungal/pneumocystis"),
        ("ARDS", "ards"),
        ("Tuberculosis", "tuberculosis"),
    ],
)
def test_both_forms_of_a_finding(raw: str, label: str) -> None:
    assert ieee8023.finding_of(raw) == label


def test_a_mapped_finding_goes_first() -> None:
    names = {"COVID-19": "corona", "COVID-19, ARDS": "severe", "Streptococcus": "strep"}
    assert ieee8023.finding_of("COVID-19, ARDS", names) == "severe"
    assert ieee8023.finding_of("COVID-19, other", names) == "corona"
    assert ieee8023.finding_of("Streptococcus", names) == "strep"


def test_ieee8023_without_a_column(tmp_path: Path) -> None:
    collection(tmp_path, "patientid,finding,modality,filename\n1,COVID-19,X-ray,a.png\n")
    with pytest.raises(ManifestError, match=r"metadata\.csv: wanted the columns .*none named view; take"):
        read_data(tmp_path)


def test_ieee8023_with_no_film_left(tmp_path: Path) -> None:
    collection(tmp_path, "\n".join([*COLLECTION.splitlines()[:1], "1,M,60,COVID-19,L,X-ray,a.png,,"]) + "\n")
    with pytest.raises(ManifestError, match="ieee8023: no film was found"):
        read_data(tmp_path)


# Tables.


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
    plant(tmp_path / "set", PAEDIATRIC)
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
        ("path,label,split\na.png,x,dev\n", "row 2: wanted the split train, val, test, held-out or a blank, got dev"),
    ],
)
def test_a_table_that_describes_nothing(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ManifestError, match=rf"films\.csv.*{message}"):
        read_data(table(tmp_path, text))


def test_a_table_that_is_not_utf8(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label\na.png,L\u00fcbeck\n", encoding="latin-1")
    with pytest.raises(ManifestError, match=r"films\.csv: wanted UTF-8, got the byte 0xfc; save it as UTF-8"):
        read_data(path)


def test_a_file_that_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"films\.xlsx: wanted a folder or a table \(\.csv, .*save it as CSV"):
        read_data(table(tmp_path, "path,label\n", "films.xlsx"))
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


# The real sets.


def test_real_sandrofab(shared_data: Path) -> None:
    manifest = read_data(shared_data / "sandrofab")
    assert manifest.counts() == {"covid-19": 139, "healthy": 200, "pneumonia/bacterial": 197, "pneumonia/viral": 143}
    assert len(manifest) == 679
    with_patient = manifest.frame["patient"].notna()
    assert (with_patient == (manifest.frame["label"] != "covid-19")).all()
    assert manifest.frame["patient"].nunique() == 494


def test_real_darkcovidnet(shared_data: Path) -> None:
    manifest = read_data(shared_data / "darkcovidnet")
    assert manifest.counts() == {"covid-19": 124, "healthy": 500, "pneumonia": 500}
    assert manifest.frame["patient"].nunique() == 682
    assert (manifest.frame["patient"].isna() == (manifest.frame["label"] == "covid-19")).all()


def test_real_ieee8023(shared_data: Path) -> None:
    manifest = read_data(shared_data / "ieee8023")
    assert len(manifest) == 278
    assert manifest.counts()["covid-19"] == 227
    assert manifest.frame["patient"].notna().all()
    assert any("9 films named in metadata.csv are not in images/" in note for note in manifest.notes)
    assert all(path.is_file() for path in manifest.paths)


def test_real_masks_are_no_classes(shared_data: Path) -> None:
    with pytest.raises(ManifestError, match="lungmasks: wanted class folders"):
        read_data(shared_data / "lungmasks")


def test_real_order_is_the_same_twice(shared_data: Path) -> None:
    first, second = (read_data(shared_data / "sandrofab") for _ in range(2))
    assert first.paths == second.paths
    assert first.digest() == second.digest()
    with Image.open(first.paths[0]) as film:
        assert film.size > (0, 0)
