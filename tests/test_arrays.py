"""What is handed over as embeddings is checked once, and what is wrong is told with its remedy."""

import numpy as np
import pytest

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError, ArgumentTypeError
from embedlearn.gallery.gallery import Gallery


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (None, "X: wanted a matrix [films, dimensions], got None; give a row of numbers for each film"),
        (3.0, "X: wanted a matrix [films, dimensions], got 3.0; give a row of numbers for each film"),
        ([1, 2, 3], "X: wanted a matrix [films, dimensions], got shape (3,); X.reshape(1, -1) is one film"),
        (np.ones((2, 3, 4)), "got shape (2, 3, 4); X.reshape(len(X), -1) has a row for each film"),
        (np.ones((2, 3)) * 1j, "X: wanted real numbers, got complex ones; give X.real"),
        ([[1, 2], [3]], "X: wanted a matrix of numbers, got list; give rows of numbers, all as long"),
        ([["a", "b"]], "X: wanted a matrix of numbers, got list; give rows of numbers, all as long"),
    ],
)
def test_what_is_no_matrix_is_told_with_its_remedy_and_in_no_other_packages_words(given, complaint):
    for ask in (lambda: checked_matrix(given, np.float32), lambda: Gallery(device="cpu").fit(given)):
        with pytest.raises(ArgumentError) as told:
            ask()
        assert complaint in str(told.value) and "Reshape your data" not in str(told.value)


def test_things_of_another_type_are_a_type_error_too():
    for caught in (TypeError, ArgumentTypeError, ArgumentError):
        with pytest.raises(caught, match=r"got list \(.*dict.*\); give a row of numbers for each film"):
            checked_matrix([[{}, 1]], np.float32)


@pytest.mark.parametrize("given", [[[1, 2], [3, 4]], np.ones((3, 2)).T, np.ones((2, 2), np.uint8)])
def test_a_matrix_is_taken_whole_and_lies_in_rows(given):
    found = checked_matrix(given, np.float32)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, given)
