"""What a gallery keeps of manifest rows, and what it does not."""

import numpy as np
import pandas as pd
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.identities import Identities
from embedlearn.gallery.records import case_rows

NAMES = Identities(b"salt")


@pytest.fixture
def frame():
    return pd.DataFrame({
        "path": ["/home/anna/1.png", "/home/anna/2.png", "/home/anna/3.png", "/home/anna/4.png"],
        "label": ["healthy", "covid-19", "covid-19", "healthy"],
        "patient": ["p1", "p1", None, "p1"],
        "source": ["nih", "nih", "nih", "cohen"],
        "view": ["PA", None, "AP", "PA"],
        "split": ["train", "held-out", "held-out", "held-out"],
        "sha256": ["a", "b", "c", "d"],
        "case": [0, 0, 1, 2],
        "age": [40.0, 41.0, np.nan, 60.0],
        "note": ["seen by Dr. Who", "", "", ""],
        "number": ["n1", "n2", "n3", "n4"],
    })  # fmt: skip


def test_only_labels_sources_views_splits_and_tokens(frame):
    rows = case_rows(frame, NAMES)
    assert rows.column_names == ["id", "label", "source", "view", "split", "patient", "twin", "film"]
    assert rows.column("view").to_pylist() == ["PA", None, "AP", "PA"]
    for hidden in ("anna", "Who", "p1", "n1", "/", "png"):
        assert hidden not in str([rows.column(name).to_pylist() for name in ("id", "patient", "twin", "film")])


def test_a_patient_is_one_within_a_source_only(frame):
    patients = case_rows(frame, NAMES).column("patient").to_pylist()
    assert patients[0] == patients[1] != patients[3]
    assert patients[2] is None


def test_twins_share_the_token_of_one_of_their_films(frame):
    rows = case_rows(frame, NAMES, twins=np.array([5, 7, 7, 9]))
    twins, films = rows.column("twin").to_pylist(), rows.column("film").to_pylist()
    assert twins[1] == twins[2] and twins[1] in films[1:3]
    assert twins[0] == films[0] and twins[3] == films[3]
    again = case_rows(frame.iloc[::-1].reset_index(drop=True), NAMES, twins=np.array([9, 7, 7, 5]))
    assert again.column("twin").to_pylist()[::-1] == twins  # whatever the order of the films


def test_columns_are_kept_as_they_are_when_asked_for(frame):
    rows = case_rows(frame, NAMES, keep=("age", "note"), id_column="number")
    assert rows.column("age").to_pylist() == [40.0, 41.0, None, 60.0]
    assert rows.column("note").to_pylist()[0] == "seen by Dr. Who"
    assert rows.column("id").to_pylist() == [NAMES.case(name) for name in frame["number"]]
    assert rows.column("film").to_pylist() == [NAMES.film(digest) for digest in frame["sha256"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"keep": ("surname",)}, "--keep-columns surname"),
        ({"keep": ("label",)}, "kept already"),
        ({"id_column": "surname"}, "--id-column surname"),
        ({"id_column": "patient"}, "1 films have none"),
    ],
)
def test_what_cannot_be_kept_is_refused(frame, words, said):
    with pytest.raises(ArgumentError, match=said):
        case_rows(frame, NAMES, **words)


def test_a_column_of_several_types_is_refused(frame):
    frame["odd"] = [1, "two", None, 3.0]
    with pytest.raises(ArgumentError, match="--keep-columns odd"):
        case_rows(frame, NAMES, keep=("odd",))
