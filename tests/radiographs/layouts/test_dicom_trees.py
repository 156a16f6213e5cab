"""Trees of DICOM files as hospitals export them, and where their labels come from."""

import os
from pathlib import Path
from typing import Any

import pytest
from hospital_trees import dicomtree_tree, touch, write_csv, write_dicom

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.layouts.dicomtree import recognises


def test_an_export_without_suffixes(tmp_path: Path) -> None:
    manifest = read_data(dicomtree_tree(tmp_path / "export"))
    frame = manifest.frame
    assert [path.relative_to(tmp_path / "export").parts[0] for path in manifest.paths] == ["PATA", "PATA", "PATB"]
    assert manifest.counts() == {"unlabelled": 3}
    assert manifest.counts("source") == {"export": 3}
    assert frame["patient"].tolist() == ["A", "A", "B"]
    assert set(frame["view"]) == {"PA"}
    assert set(frame["sex"]) == {"F"}
    assert set(frame["age"]) == {"51"}
    assert set(frame["laterality"]) == {"U"}
    assert set(frame["photometric"]) == {"MONOCHROME2"}
    assert set(frame["modality"]) == {"DX"}


def test_what_is_no_frontal_radiograph_is_counted(tmp_path: Path) -> None:
    notes = "\n".join(read_data(dicomtree_tree(tmp_path / "export")).notes)
    assert "1 films without a frontal view (PA or AP) were left out, the first is PATB/ST3/SE2/IM1" in notes
    assert "1 images of the modality CT, no radiographs, were left out, the first is PATB/ST3/SE2/IM2" in notes
    assert "objects without an image were left out, the first is PATB/ST3/SE2/IM3" in notes
    assert "1 films of several frames were left out; data convert TABLE --frame N saves one of each" in notes
    assert "1 files that are no DICOM were left out, the first is PATB/ST3/SE2/VIEWER" in notes
    assert f"no film has a label; write {tmp_path}/export/labels.csv with a column label and one of path, " in notes


JOINS: dict[str, list[str]] = {
    "path": ["PATA/ST1/SE1/IM1", "PATA/ST2/SE1/IM1", "PATB/ST3/SE1/IM1"],
    "SOPInstanceUID": ["1.2.1.1.1", "1.2.2.1.1", "1.2.3.1.1"],
    "image": ["1.2.1.1.1", "1.2.2.1.1", "1.2.3.1.1"],
    "SeriesInstanceUID": ["1.2.1.1", "1.2.2.1", "1.2.3.1"],
    "series": ["1.2.1.1", "1.2.2.1", "1.2.3.1"],
    "StudyInstanceUID": ["1.2.1", "1.2.2", "1.2.3"],
    "study": ["1.2.1", "1.2.2", "1.2.3"],
    "PatientID": ["A", "A", "B"],
    "patient": ["A", "A", "B"],
}


@pytest.mark.parametrize("column", JOINS)
def test_labels_by_each_identifier(tmp_path: Path, column: str) -> None:
    labels = ["COVID", "COVID", "Normal"]
    rows = dict(zip(JOINS[column], labels, strict=True)).items()
    write_csv(dicomtree_tree(tmp_path) / "labels.csv", [(column, "label"), *rows])
    assert read_data(tmp_path).frame["label"].tolist() == ["covid-19", "covid-19", "healthy"]


def test_the_finest_identifier_goes_first_and_sets_of_labels(tmp_path: Path) -> None:
    rows = [("patient", "labels", "study"), ("B", "Pleural_Thickening|Mass", "1.2.1"), ("A", "Mass", "9.9")]
    write_csv(dicomtree_tree(tmp_path) / "labels.csv", rows)
    manifest = read_data(tmp_path)
    assert manifest.frame[["patient", "label", "labels"]].to_numpy().tolist() == [
        ["A", "pleural thickening", "pleural thickening|mass"]
    ]
    notes = "\n".join(manifest.notes)
    assert "2 films without a row in labels.csv were left out" in notes
    assert "1 rows of labels.csv name no film that is kept, by their study, the first is 9.9" in notes


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("film", "label"), ("IM1", "x")], r"labels\.csv: wanted a column label and one of path, image, .* got film"),
        ([("study", "finding"), ("1.2", "x")], r"labels\.csv: wanted a column label and one of .* got study, finding"),
        ([("study", "label"), ("1.2.1", "")], r"labels\.csv, row 2: wanted study and label, got a blank; fill it in"),
        ([("study", "label"), ("1.2.1", "a"), ("1.2.1", "b")], r"row 3: wanted one label for 1\.2\.1, got two; keep"),
    ],
)
def test_labels_that_cannot_be_joined(tmp_path: Path, rows: list[tuple[str, ...]], message: str) -> None:
    write_csv(dicomtree_tree(tmp_path) / "labels.csv", rows)
    with pytest.raises(ManifestError, match=message):
        read_data(tmp_path)


def test_class_folders_of_dicom_films_know_their_patients(tmp_path: Path) -> None:
    for number in range(2):
        write_dicom(tmp_path / "train" / "COVID" / f"IM{number}", PatientID=f"c{number}")
        write_dicom(tmp_path / "test" / "Normal" / f"IM{number}", PatientID=f"n{number}")
    write_dicom(tmp_path / "stray")
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 2}
    assert manifest.counts("published_split") == {"test": 2, "train": 2}
    assert manifest.frame["patient"].tolist() == ["n0", "n1", "c0", "c1"]
    assert any("1 films beside the class folders were left out" in note for note in manifest.notes)


def test_class_folders_with_folders_of_patients_in_them(tmp_path: Path) -> None:
    for name in ("COVID/P1/a", "COVID/P2/a", "Normal/P3/a", "Normal/P3/b", "Normal/P4/a"):
        write_dicom(tmp_path / name, PatientID=name.split("/")[1])
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 3}
    assert manifest.counts("patient") == {"P1": 1, "P2": 1, "P3": 2, "P4": 1}
    assert any("the films are labelled by the folders COVID, Normal; " in note for note in manifest.notes)


@pytest.mark.parametrize(
    "films",
    [
        {"MILLER/a": "1", "MILLER/b": "1", "SMITH/a": "2", "SMITH/b": "2"},  # one patient in each folder
        {"0001/a": "0001", "0002/a": "0002"},  # folders called as their patients
        {"a": "1", "b": "2"},
        {"export/a": "1", "export/b": "2"},
        {f"visit{number}/a": str(number) for number in range(3)},
        {f"anon{number}/IM{film}": "" for number in range(4) for film in range(2)},
    ],
)
def test_folders_of_patients_are_no_classes(tmp_path: Path, films: dict[str, str]) -> None:
    for name, patient in films.items():
        write_dicom(tmp_path / name, PatientID=patient)
    assert read_data(tmp_path).counts() == {"unlabelled": len(films)}


def test_classes_of_films_without_patients(tmp_path: Path) -> None:
    for name in ("COVID/a", "COVID/b", "Normal/a", "sick/a"):
        write_dicom(tmp_path / name, PatientID="")
    assert read_data(tmp_path).counts() == {"covid-19": 2, "healthy": 1, "sick": 1}


def test_the_challenges_films_without_its_table(tmp_path: Path) -> None:
    for number in range(2):
        write_dicom(tmp_path / "stage_2_train_images" / f"{number}.dcm", PatientID=str(number))
    with pytest.raises(ManifestError, match=r"got stage_2_train_images, a part of .*; put stage_2_train_labels\.csv"):
        read_data(tmp_path)


def test_the_name_before_the_colon(tmp_path: Path) -> None:
    write_dicom(tmp_path / "COVID" / "a.dcm", PatientID="1")
    write_dicom(tmp_path / "Normal" / "b.dcm", PatientID="2")
    assert read_data(f"dicomtree:{tmp_path}").counts("patient") == {"1": 1, "2": 1}
    assert read_data(f"folders:{tmp_path}").frame["patient"].isna().all()


def test_links_are_not_followed(tmp_path: Path) -> None:
    tree = dicomtree_tree(tmp_path / "export")
    os.symlink(tree, tree / "PATA" / "loop")
    manifest = read_data(tree)
    assert len(manifest) == 3
    assert any("1 links to folders were not followed, the first is PATA/loop" in note for note in manifest.notes)


def test_a_broken_file_is_counted(tmp_path: Path) -> None:
    tree = dicomtree_tree(tmp_path / "export")
    whole = (tree / "PATA/ST1/SE1/IM1").read_bytes()
    deflated = whole.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    (tree / "PATA/ST1/SE1/IM2").write_bytes(deflated)
    assert any("1 DICOM files that cannot be read were left out" in note for note in read_data(tree).notes)


@pytest.mark.parametrize(
    ("elements", "view"),
    [
        ({"ViewPosition": "AP"}, "AP"),
        ({"ViewPosition": None}, ""),
        ({"ViewPosition": None, "code": "postero-anterior"}, "PA"),
        ({"ViewPosition": "", "code": "antero-posterior"}, "AP"),
    ],
)
def test_the_view_by_its_code(tmp_path: Path, elements: dict[str, Any], view: str) -> None:
    from pydicom import Dataset

    if code := elements.pop("code", None):
        item = Dataset()
        item.CodeMeaning = code
        elements["ViewCodeSequence"] = [item]
    write_dicom(tmp_path / "IM1", **elements)
    assert read_data(tmp_path).frame["view"].fillna("").tolist() == [view]


def test_other_folders_are_no_trees(tmp_path: Path) -> None:
    touch(tmp_path / "films", ["a.png", "b/c.png", "empty.dcm"])
    touch(tmp_path / "texts", ["labels.csv", "README.txt"])
    (tmp_path / "bare").mkdir()
    write_dicom(touch(tmp_path / "mixed", ["a/1.png", "a/2.png", "b/3.png"]) / "b" / "4.dcm")
    assert not any(recognises(folder) for folder in sorted(tmp_path.iterdir()))


def test_a_stray_file_first(tmp_path: Path) -> None:
    write_dicom(touch(tmp_path, ["AUTORUN", "films/notes"]) / "films" / "IM1")
    write_dicom(tmp_path / "films" / "IM2")
    assert len(read_data(tmp_path)) == 2


def test_a_tree_of_other_images_only(tmp_path: Path) -> None:
    write_dicom(tmp_path / "scans" / "IM1", Modality="CT")
    with pytest.raises(ManifestError, match=r"scans: no film was found"):
        read_data(tmp_path / "scans")
