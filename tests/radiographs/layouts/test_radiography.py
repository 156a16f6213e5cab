"""The COVID-19 Radiography Database in each of its forms, and where its films come from."""

from pathlib import Path

import pytest
from covid_trees import radiography_v1_tree, radiography_v3_tree, radiography_v4_tree, radiography_v5_tree
from planting import plant, write_workbook

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import radiography, read_data

NO_PATIENTS = (
    "radiography names no patients: near-identical pictures stand in for them, "
    "so two different films of one patient may fall on both sides of a split"
)


def test_films_masks_and_workbooks(tmp_path: Path) -> None:
    radiography_v5_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 2, "lung opacity": 1, "pneumonia/viral": 1}
    assert {path.parent.name for path in manifest.paths} == {"images"}
    sources = dict(zip((path.stem for path in manifest.paths), manifest.frame["source"], strict=True))
    assert sources == {
        "COVID-1": "radiography/bimcv",
        "COVID-2": "radiography/sirm",
        "Lung_Opacity-1": "radiography/rsna",
        "Normal-1": "radiography/rsna",
        "Normal-2": "radiography/kermany",
        "Viral Pneumonia-1": "radiography/kermany",
    }
    assert manifest.frame["patient"].isna().all()
    assert manifest.notes == (NO_PATIENTS,)


def test_the_folder_itself(tmp_path: Path) -> None:
    radiography_v5_tree(tmp_path)
    inside = read_data(tmp_path / "COVID-19_Radiography_Dataset")
    assert inside.paths == read_data(tmp_path).paths


def test_flat_films_without_workbooks(tmp_path: Path) -> None:
    radiography_v4_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 1, "lung opacity": 1, "pneumonia/viral": 1}
    assert manifest.counts("source") == {"radiography": 5}
    assert manifest.notes[0].startswith("radiography: 5 films are of a collection that no metadata.xlsx tells")
    assert manifest.notes[1] == NO_PATIENTS


def test_three_classes_with_numbers_in_brackets(tmp_path: Path) -> None:
    radiography_v3_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 1, "pneumonia/viral": 1}
    assert manifest.counts("source") == {"radiography": 3, "radiography/sirm": 1}


def test_a_misspelt_workbook_and_blanks_that_come_and_go(tmp_path: Path) -> None:
    radiography_v1_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 1, "pneumonia/viral": 1}
    assert manifest.frame["source"].tolist()[-1] == "radiography/kermany"


def test_the_same_classes_of_another_are_no_radiography(tmp_path: Path) -> None:
    plant(tmp_path / "mine", ["COVID/anna.png", "Normal/ben.png", "Viral Pneumonia/cleo.png"])
    assert read_data(tmp_path / "mine").counts("source") == {"mine": 3}


@pytest.mark.parametrize(
    ("address", "collection"),
    [
        ("https://github.com/ml-workgroup/covid-19-image-repository/tree/master/png", "hannover"),
        ("https://github.com/armiro/COVID-CXNet", "covidcxnet"),
        ("https://github.com/ieee8023/covid-chestxray-dataset", "ieee8023"),
        ("https://eurorad.org", "eurorad"),
        ("https://www.nejm.org/doi/full/10.1056/NEJMoa2001191", "nejm.org"),
        ("by e-mail", ""),
        ("", ""),
    ],
)
def test_the_collection_at_an_address(address: str, collection: str) -> None:
    assert radiography.collection_of(address) == collection


def test_a_torn_workbook(tmp_path: Path) -> None:
    radiography_v3_tree(tmp_path)
    workbook = tmp_path / "COVID-19 Radiography Database" / "COVID.metadata.xlsx"
    workbook.write_bytes(workbook.read_bytes()[:200])
    with pytest.raises(ManifestError, match=r"COVID\.metadata\.xlsx: wanted an Excel workbook, .*; save its sheet"):
        read_data(tmp_path)


def test_a_workbook_that_lists_nothing_of_use(tmp_path: Path) -> None:
    radiography_v4_tree(tmp_path)
    root = tmp_path / "COVID-19_Radiography_Dataset"
    write_workbook(root / "COVID.metadata.xlsx", [("file", "where"), ("COVID-1", "https://eurorad.org")])
    assert read_data(tmp_path).counts("source") == {"radiography": 5}


def test_a_stray_film_and_folders_in_another_case(tmp_path: Path) -> None:
    radiography_v5_tree(tmp_path)
    root = tmp_path / "COVID-19_Radiography_Dataset"
    plant(root, ["COVID/images/000_sample.png"])
    (root / "COVID" / "images").rename(root / "COVID" / "Images")
    assert read_data(tmp_path).counts() == {"covid-19": 3, "healthy": 2, "lung opacity": 1, "pneumonia/viral": 1}
