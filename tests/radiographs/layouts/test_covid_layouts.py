"""The collections of COVID-19 films with a table of them: what becomes a row, what is left out, and what is told."""

from pathlib import Path

import pytest
from covid_trees import actualmed_tree, covidcxnet_tree, figure1_tree, hannover_tree, ieee8023_tree
from planting import write_csv

from embedlearn.errors import ManifestError
from embedlearn.radiographs.layouts import figure1, ieee8023, read_data


def test_ieee8023(tmp_path: Path) -> None:
    ieee8023_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 3, "healthy": 1, "pneumonia/bacterial/streptococcus": 2}
    assert manifest.counts("source") == {"ieee8023": 6}
    assert manifest.counts("view") == {"AP Semi Erect": 1, "AP Supine": 1, "PA": 4}
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
    ieee8023_tree(tmp_path)
    write_csv(tmp_path / "metadata.csv", "patientid finding modality filename", [("1", "COVID-19", "X-ray", "a.png")])
    with pytest.raises(ManifestError, match=r"metadata\.csv: wanted the columns .*none named view; take"):
        read_data(tmp_path)


def test_a_collection_with_no_film_left(tmp_path: Path) -> None:
    ieee8023_tree(tmp_path)
    columns = "patientid finding view modality filename"
    write_csv(tmp_path / "metadata.csv", columns, [("1", "COVID-19", "L", "X-ray", "a.png")])
    with pytest.raises(ManifestError, match="ieee8023: no film was found"):
        read_data(tmp_path)


def test_actualmed(tmp_path: Path) -> None:
    actualmed_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 2, "healthy": 1}
    assert manifest.counts("source") == {"actualmed": 3}
    assert manifest.frame["patient"].tolist() == ["ANON56", "ANON196", "ANON91"]
    assert manifest.frame["view"].tolist() == ["PA", "AP", "AP"]
    assert manifest.notes == (
        "actualmed: 1 films named in metadata.csv are not in images/ and were left out, the first is CR.1.2.840.9.png",
        "actualmed: 1 rows without a finding were left out, the first is CR.1.2.840.0.png",
    )


def test_figure1(tmp_path: Path) -> None:
    figure1_tree(tmp_path)
    with pytest.raises(UnicodeDecodeError):
        (tmp_path / "metadata.csv").read_bytes().decode()
    manifest = read_data(tmp_path)
    assert [path.name for path in manifest.paths] == ["COVID-00001.jpg", "COVID-00039a.png", "COVID-00039b.JPEG"]
    assert manifest.frame["label"].tolist() == ["covid-19", "pneumonia", "healthy"]
    assert manifest.counts("patient") == {"COVID-00001": 1, "COVID-00039": 2}
    assert manifest.counts("view") == {"AP Erect": 1}
    assert manifest.counts("sex") == {"F": 2, "M": 1}
    assert manifest.counts("age") == {"33": 1, "50": 1}
    assert any("1 rows without a finding were left out, the first is COVID-00002" in note for note in manifest.notes)
    assert any("the first is COVID-00045" in note for note in manifest.notes)


@pytest.mark.parametrize(
    ("name", "patient"), [("COVID-00003b", "COVID-00003"), ("COVID-00004", "COVID-00004"), ("case-b", "case-b")]
)
def test_a_letter_after_a_number_is_a_picture_of_the_patient(name: str, patient: str) -> None:
    assert figure1.patient_of(name) == patient


def test_hannover(tmp_path: Path) -> None:
    hannover_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert manifest.counts() == {"covid-19": 3}
    assert manifest.counts("patient") == {"042f06a9": 2, "0a359802": 1}
    assert manifest.counts("view") == {"AP": 2, "PA": 1}
    assert manifest.counts("sex") == {"F": 1, "M": 2}
    assert manifest.counts("licence") == {"CC BY 3.0": 3}
    assert manifest.notes == ()
    assert read_data(tmp_path, names={"COVID-19": "corona"}).counts() == {"corona": 3}


def test_covidcxnet(tmp_path: Path) -> None:
    covidcxnet_tree(tmp_path)
    manifest = read_data(tmp_path)
    assert [path.name for path in manifest.paths] == ["001.jpeg", "260.jpg", "280-.jpg", "364.jfif", "821.webp"]
    assert manifest.counts() == {"covid-19": 5}
    assert manifest.counts("patient") == {"10": 1, "18": 2, "251": 1}
    assert manifest.frame["age"].fillna("?").tolist() == ["?", "68", "67", "0.03", "75"]
    assert manifest.counts("sex") == {"F": 1, "M": 3}
    assert manifest.notes == (
        "covidcxnet: 1 films named in metadata.csv are not in chest_xray_images/ and were left out, "
        "the first is 900.jpg",
        "covidcxnet: 1 rows without a finding were left out, the first is 756.jpg",
        "covidcxnet: 1 films that metadata.csv does not list take the label of their folder, the first is 001.jpeg",
        "covidcxnet names no patients for 1 of 5 films: metadata.csv lists about half of them",
    )
    assert read_data(tmp_path, names={"COVID-19": "corona"}).counts() == {"corona": 5}
