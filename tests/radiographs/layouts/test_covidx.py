"""COVIDx on a small tree with the rows of its several releases."""

from pathlib import Path

import pytest
from hospital_trees import covidx_tree, lines, touch

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import read_data
from embedlearn.radiographs.layouts.covidx import recognises, row_of


def test_the_published_form(tmp_path: Path) -> None:
    manifest = read_data(covidx_tree(tmp_path))
    frame = manifest.frame
    assert manifest.counts() == {"covid-19": 6, "no covid-19": 3}
    assert manifest.counts("published_split") == {"test": 3, "train": 6}
    assert frame["source"].tolist() == [
        "covidx/ieee8023",
        "covidx/actualmed",
        "covidx/figure1",
        "covidx/sirm",
        "covidx/sirm",
        "covidx/rsna",
        "covidx/actualmed",
        "covidx/ricord",
        "covidx",
    ]
    patients = ["5", "ANON191", "", "COVID 1", "COVID 2", "", "ANON191", "419639-003251", "440808-000020"]
    assert frame["patient"].fillna("").tolist() == patients
    assert [path.name for path in manifest.paths][3:5] == ["COVID(1).png", "COVID (2).png"]
    assert (
        "1 films named in the lists are not there and were left out, the first is train/lost.png" in manifest.notes[0]
    )
    assert "names no patients for 2 of 9 films" in manifest.notes[1]
    assert manifest.notes[2].startswith("covidx: 1 of 6 patients stand on both sides")


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("1 a.png normal", ("1", "a.png", "normal", "")),
        ("3 SARS-10.1148rg.jpeg pneumonia cohen", ("3", "SARS-10.1148rg.jpeg", "pneumonia", "ieee8023")),
        ("COVID 1 COVID(1).PNG positive sirm", ("COVID 1", "COVID(1).PNG", "positive", "sirm")),
        ("p x.png negative rnsa", ("p", "x.png", "negative", "rsna")),
        ("a.png normal", None),
        ("1 a.png", None),
        ("1 a.png normal cohen more", None),
        ("00000001_000.png", None),
        ("", None),
    ],
)
def test_rows_of_three_to_five_words(line: str, row: tuple[str, ...] | None) -> None:
    assert row_of(line) == row


def test_a_file_with_a_blank_in_its_name_is_looked_up(tmp_path: Path) -> None:
    line = "COVID 2 COVID (2).png positive sirm"
    assert row_of(line, {"COVID (2).png"}) == ("COVID 2", "COVID (2).png", "positive", "sirm")
    assert row_of(line, {"(2).png"}) == ("COVID 2 COVID", "(2).png", "positive", "sirm")


def test_lists_of_an_early_release_and_the_users_names(tmp_path: Path) -> None:
    lines(tmp_path / "train_COVIDx5.txt", ("1 a.png normal cohen", "2 b.png pneumonia cohen", "3 c.png COVID-19 cohen"))
    lines(tmp_path / "train_notes.txt", ["no list"])
    touch(tmp_path / "train", ["a.png", "b.png", "c.png"])
    assert read_data(tmp_path).counts() == {"covid-19": 1, "healthy": 1, "pneumonia": 1}
    named = read_data(covidx_tree(tmp_path / "late"), names={"negative": "other"})
    assert named.counts() == {"covid-19": 6, "other": 3}


def test_a_row_that_stands_twice_is_one_film(tmp_path: Path) -> None:
    lines(tmp_path / "train.txt", ["1 a.png normal cohen"] * 2)
    touch(tmp_path / "train", ["a.png"])
    assert len(read_data(tmp_path)) == 1


def test_two_lists_of_a_side(tmp_path: Path) -> None:
    covidx_tree(tmp_path)
    lines(tmp_path / "train_COVIDx9A.txt", ["1 a.png normal cohen"])
    with pytest.raises(
        ManifestError, match=r"one list of the side train, got train\.txt and train_COVIDx9A\.txt; move"
    ):
        read_data(tmp_path)


def test_a_row_of_no_form(tmp_path: Path) -> None:
    covidx_tree(tmp_path)
    lines(tmp_path / "test.txt", ["1 a.png negative rsna", "1 a negative rsna"])
    with pytest.raises(ManifestError, match=r"test\.txt, row 2: wanted patient, file, label .*got '1 a negative rsna'"):
        read_data(tmp_path)


def test_a_list_that_is_no_text(tmp_path: Path) -> None:
    covidx_tree(tmp_path)
    (tmp_path / "test.txt").write_bytes(b"1 a.png negative \xff\xfe")
    with pytest.raises(ManifestError, match=r"test\.txt: wanted a list of films in UTF-8, got .*; fetch it again"):
        read_data(tmp_path)


def test_lists_of_other_sets(tmp_path: Path) -> None:
    touch(tmp_path, ["train/COVID/a.png", "test/COVID/b.png"])
    lines(tmp_path / "train.txt", ["train/COVID/a.png 1"])
    assert not recognises(tmp_path)


def test_a_numbered_list_and_names_in_another_case(tmp_path: Path) -> None:
    lines(tmp_path / "train_split_v3.txt", ["1 a.PNG normal cohen", "COVID 2 covid (2).png COVID-19 sirm"])
    touch(tmp_path / "train", ["A.png", "COVID (2).png"])
    assert read_data(tmp_path).frame["patient"].tolist() == ["1", "COVID 2"]


def test_a_film_of_two_labels_is_left_out(tmp_path: Path) -> None:
    lines(tmp_path / "train.txt", ["1 a.png positive sirm", "1 a.png negative sirm", "2 b.png negative rsna"])
    touch(tmp_path / "train", ["a.png", "b.png"])
    manifest = read_data(tmp_path)
    assert [path.name for path in manifest.paths] == ["b.png"]
    assert "1 files stand in rows that contradict each other on label or patient" in manifest.notes[-1]
