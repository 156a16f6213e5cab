"""NIH ChestX-ray14 on a small tree in its published form."""

from pathlib import Path

import pytest
from hospital_trees import NIH_COLUMNS, NIH_ROWS, chestxray14_tree, lines, touch

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data


def test_the_published_form(tmp_path: Path) -> None:
    manifest = read_data(chestxray14_tree(tmp_path))
    frame = manifest.frame
    assert manifest.counts("source") == {"chestxray14": 4}
    assert [path.name for path in manifest.paths] == [row.split(",")[0] for row in NIH_ROWS[:4]]
    assert all(path.is_file() for path in manifest.paths)
    assert frame["labels"].tolist() == [
        "cardiomegaly",
        "cardiomegaly|emphysema",
        "healthy",
        "pleural thickening|hernia",
    ]
    assert [labels.split("|")[0] for labels in frame["labels"]] == frame["label"].tolist()
    assert frame["patient"].tolist() == ["00000001", "00000001", "00000002", "00000003"]
    assert frame["view"].tolist() == ["PA", "PA", "AP", "PA"]
    assert frame["sex"].tolist() == ["M", "M", "M", "F"]
    assert frame["age"].fillna("").tolist() == ["58", "58", "81", ""]  # 414 is no age
    assert frame["published_split"].tolist() == ["train", "train", "train", "test"]
    assert frame["split"].isna().all()
    assert "1 films named in Data_Entry_2017.csv are not there and were left out" in manifest.notes[0]
    assert manifest.notes[-1].startswith("chestxray14: 0 of 3 patients stand on both sides")


def test_flat_images_resized_to_jpeg_and_the_later_table(tmp_path: Path) -> None:
    header = NIH_COLUMNS.replace("Gender", "Sex").removesuffix(",")
    later = NIH_ROWS[0].replace("Cardiomegaly", "Mass").removesuffix(",")
    lines(tmp_path / "Data_Entry_2017.csv", (NIH_COLUMNS, NIH_ROWS[0]))
    lines(tmp_path / "Data_Entry_2017_v2020.csv", (header, later))
    touch(tmp_path, ["images/00000001_000.jpg", "images/other.jpg"])
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"mass": 1}
    assert manifest.counts("sex") == {"M": 1}
    assert manifest.paths[0].name == "00000001_000.jpg"


def test_the_users_names_go_first(tmp_path: Path) -> None:
    manifest = read_data(chestxray14_tree(tmp_path), names={"Cardiomegaly": "large heart", "hernia": "cardiomegaly"})
    assert manifest.frame["labels"].tolist()[0] == "large heart"
    assert manifest.frame["labels"].tolist()[3] == "pleural thickening|cardiomegaly"


def test_a_patient_on_both_sides_is_counted(tmp_path: Path) -> None:
    chestxray14_tree(tmp_path)
    lines(tmp_path / "test_list.txt", ["00000001_001.png"])
    lines(tmp_path / "train_val_list.txt", ["00000001_000.png"])
    assert "1 of 1 patients stand on both sides" in read_data(tmp_path).notes[-1]


def test_a_row_without_findings(tmp_path: Path) -> None:
    chestxray14_tree(tmp_path)
    lines(tmp_path / "Data_Entry_2017.csv", (NIH_COLUMNS, NIH_ROWS[0].replace("Cardiomegaly", "")))
    with pytest.raises(ManifestError, match=r"Data_Entry_2017\.csv, row 2: wanted Finding Labels, got a blank; take"):
        read_data(tmp_path)


def test_a_table_without_its_films(tmp_path: Path) -> None:
    lines(tmp_path / "Data_Entry_2017.csv", (NIH_COLUMNS, *NIH_ROWS))
    with pytest.raises(ManifestError, match=r"chestxray14: no film was found"):
        read_data(tmp_path)


def test_another_table_of_a_like_name(tmp_path: Path) -> None:
    chestxray14_tree(tmp_path)
    lines(tmp_path / "Data_Entry_2017_mine.csv", ("film,dx", "00000001_000.png,Mass"))
    assert len(read_data(tmp_path)) == 4
