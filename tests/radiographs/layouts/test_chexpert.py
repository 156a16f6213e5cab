"""CheXpert on a small tree in its published form."""

from pathlib import Path

import pytest
from hospital_trees import CHEXPERT, CHEXPERT_COLUMNS, CHEXPERT_TRAIN, chexpert_tree, lines

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import chexpert, read_data


@pytest.mark.parametrize("inner", ["", CHEXPERT])
def test_the_published_form(tmp_path: Path, inner: str) -> None:
    manifest = read_data(chexpert_tree(tmp_path) / inner)
    frame = manifest.frame
    assert frame["patient"].tolist() == ["patient00001", "patient00002", "patient64541"]
    assert frame["label"].tolist() == ["healthy", "lung opacity", "enlarged cardiomediastinum"]
    assert frame["labels"].tolist() == [
        "healthy|support devices",
        "lung opacity|fracture",
        "enlarged cardiomediastinum|cardiomegaly|lung opacity",
    ]
    uncertain = "cardiomegaly|edema|consolidation|atelectasis|pleural effusion"
    assert frame["uncertain"].fillna("").tolist() == ["", uncertain, ""]
    assert frame["view"].tolist() == ["AP", "PA", "AP"]
    assert frame["age"].tolist() == ["68", "87", "73"]
    assert frame["sex"].tolist() == ["F", "F", "M"]
    assert frame["published_split"].tolist() == ["train", "train", "val"]
    assert all(path.is_file() for path in manifest.paths)


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    notes = "\n".join(read_data(chexpert_tree(tmp_path)).notes)
    assert "1 films named in the tables are not there and were left out, the first is " in notes
    assert "1 films without a frontal view were left out" in notes
    assert "1 films without a finding that is certain were left out" in notes
    assert "1 films have findings marked uncertain" in notes


@pytest.mark.parametrize("prefix", ["", "CheXpert-v1.0/", "/data/sets/CheXpert-v1.0-small/"])
def test_whatever_stands_before_the_set_in_a_path(tmp_path: Path, prefix: str) -> None:
    root = chexpert_tree(tmp_path) / CHEXPERT
    lines(root / "train.csv", (CHEXPERT_COLUMNS, *(prefix + row for row in CHEXPERT_TRAIN)))
    assert read_data(root).counts("patient") == {"patient00001": 1, "patient00002": 1, "patient64541": 1}


def test_other_tables_of_that_name(tmp_path: Path) -> None:
    lines(tmp_path / "train.csv", ("path,label", "a.png,COVID"))
    assert not chexpert.recognises(tmp_path)


def test_a_table_of_laterals_only(tmp_path: Path) -> None:
    lines(tmp_path / "train.csv", (CHEXPERT_COLUMNS, CHEXPERT_TRAIN[2]))
    with pytest.raises(ManifestError, match=r"chexpert: no film was found"):
        read_data(tmp_path)
