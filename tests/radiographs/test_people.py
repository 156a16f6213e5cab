"""Age, sex and view in one form each."""

import pytest

from embedlearn.radiographs.people import VIEWS, age_of, is_frontal, sex_of, view_of


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("65", "65"),
        ("65.0", "65"),
        (" 4,5 ", "4.5"),
        ("065Y", "65"),
        ("018M", "1.5"),
        ("006W", "0.11"),
        ("012D", "0.03"),
        ("3 years", "3"),
        ("50+", "50"),
        (">89", "89"),
        ("000Y", "0"),
        ("120", "120"),
        ("121", None),
        ("412", None),
        ("-1", None),
        ("early 40s", None),
        ("M", None),
        ("nan", None),
        ("", None),
        (None, None),
    ],
)
def test_ages(text: str | None, age: str | None) -> None:
    assert age_of(text) == age
    assert age is None or age_of(age) == age


@pytest.mark.parametrize(
    ("text", "sex"),
    [("F", "F"), ("female", "F"), ("w", "F"), ("Male", "M"), (" m ", "M"), ("O", None), ("1", None), (None, None)],
)
def test_sexes(text: str | None, sex: str | None) -> None:
    assert sex_of(text) == sex


@pytest.mark.parametrize(
    ("text", "view", "frontal"),
    [
        ("PA", "PA", True),
        ("ap", "AP", True),
        ("AP supine", "AP Supine", True),
        ("APS", "AP Supine", True),
        ("AP_semi-erect", "AP Semi Erect", True),
        ("antero-posterior", "AP", True),
        ("POSTERIOR-ANTERIOR", "PA", True),
        ("Anterior Posterior erect", "AP Erect", True),
        ("A.P.", "AP", True),
        ("SUPINE", "AP Supine", True),
        ("PORTABLE", "AP Portable", True),
        ("portable PA", "PA Portable", True),
        ("CHEST PA", "PA", True),
        ("Frontal", "Frontal", True),
        ("LL", "L", False),
        ("Lateral", "L", False),
        ("Axial", "Axial", False),
        ("lordotic", "Lordotic", False),
        ("paddle", "Paddle", False),
        ("unknown", None, False),
        ("", None, False),
        (None, None, False),
    ],
)
def test_views(text: str | None, view: str | None, frontal: bool) -> None:
    assert view_of(text) == view
    assert is_frontal(view) == frontal


@pytest.mark.parametrize("view", [*VIEWS.values(), "AP Semi Erect", "Axial"])
def test_a_canonical_view_stays(view: str) -> None:
    assert view_of(view) == view
