"""One name for each finding."""

import pytest

from embedlearn.radiographs.labels import CANONICAL, canonical_label


@pytest.mark.parametrize(
    ("raw", "label"),
    [
        ("COVID-19", "covid-19"),
        ("Covid_19", "covid-19"),
        ("COVID", "covid-19"),
        ("Pneumonia/Viral/COVID-19", "covid-19"),
        ("No_findings", "healthy"),
        ("No Finding", "healthy"),
        ("NORMAL", "healthy"),
        ("BACTERIA", "pneumonia/bacterial"),
        ("Viral Pneumonia", "pneumonia/viral"),
        ("PNEUMONIA", "pneumonia"),
        ("  Lung   Opacity ", "lung opacity"),
        ("Pneumonia/Bacterial/E.Coli", "pneumonia/bacterial/e.coli"),
    ],
)
def test_names_of_the_public_sets(raw: str, label: str) -> None:
    assert canonical_label(raw) == label


@pytest.mark.parametrize("label", [*CANONICAL.values(), "lung opacity", "pneumonia/viral/sars"])
def test_a_canonical_label_stays(label: str) -> None:
    assert canonical_label(label) == label


def test_the_users_own_names_go_first_and_do_not_mind_their_spelling() -> None:
    names = {"Lung_Opacity": "opacity", "COVID": "corona"}
    assert canonical_label("LUNG OPACITY", names) == "opacity"
    assert canonical_label("covid", names) == "corona"
    assert canonical_label("normal", names) == "healthy"
