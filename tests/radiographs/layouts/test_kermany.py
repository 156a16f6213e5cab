"""Kermany's children, and the two sets that borrow films and names from others."""

from pathlib import Path

import pytest
from covid_trees import PAEDIATRIC
from planting import plant

from embedlearn.radiographs.layouts import kermany, read_data
from embedlearn.radiographs.layouts.darkcovidnet import patient_of as nih_patient_of


@pytest.mark.parametrize("inner", [".", "chest_xray", "chest_xray/chest_xray", "ChestXRay2017/chest_xray"])
def test_kermany_at_any_depth(tmp_path: Path, inner: str) -> None:
    plant(tmp_path / inner, PAEDIATRIC)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"healthy": 4, "pneumonia/bacterial": 2, "pneumonia/viral": 2}
    assert manifest.counts("source") == {"kermany": 8}
    assert manifest.counts("published_split") == {"test": 2, "train": 4, "val": 2}
    assert manifest.counts("view") == {"AP": 8}
    assert manifest.counts("licence") == {"CC BY 4.0": 8}
    assert manifest.frame["split"].isna().all()
    assert manifest.counts("patient")["person1"] == 3
    assert manifest.notes == (
        "kermany: 1 of 6 patients stand on both sides of the published split, "
        "which is kept in the column published_split and decides nothing by itself",
    )


def test_films_of_other_names_are_not_said_to_be_kermanys(tmp_path: Path) -> None:
    plant(tmp_path, ["train/NORMAL/IM-0115-0001.jpeg", "train/NORMAL/mine.jpeg", "train/PNEUMONIA/mine too.jpeg"])
    manifest = read_data(tmp_path)
    assert manifest.counts("view") == {"AP": 1}
    assert manifest.counts("licence") == {"CC BY 4.0": 1}
    assert "kermany names no patients for 2 of 3 films" in manifest.notes[-1]


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


def test_class_folders_in_lower_case(tmp_path: Path) -> None:
    plant(tmp_path / "children", [name.replace("NORMAL/", "normal/").replace("PNEU", "Pneu") for name in PAEDIATRIC])
    plant(tmp_path / "mine", ["train/normal/a.png", "train/pneumonia/b.png"])
    assert read_data(tmp_path / "children").counts("patient")["person1"] == 3
    assert read_data(tmp_path / "mine").counts("source") == {"mine": 2}


def test_a_link_to_films_of_the_other_side_is_not_followed(tmp_path: Path) -> None:
    plant(tmp_path, [name for name in PAEDIATRIC if not name.startswith("test/NORMAL")])
    (tmp_path / "test" / "NORMAL").symlink_to("../train/NORMAL", target_is_directory=True)
    manifest = read_data(tmp_path)
    assert manifest.counts("source") == {"kermany": 7}
    assert manifest.counts("published_split") == {"test": 1, "train": 4, "val": 2}
    assert manifest.notes[-1].endswith("1 links to folders were not followed, the first is test/NORMAL")
