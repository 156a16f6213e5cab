"""Neighbours of other cases are those of a plain loop, however many films a case has."""

import numpy as np
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.maps.neighbours import case_numbers, column_codes, neighbours_elsewhere

FILMS = np.random.default_rng(0).normal(size=(200, 12)).astype(np.float32)


@pytest.mark.parametrize("cases", [2, 9, 200])
def test_neighbours_of_other_cases_are_those_of_a_loop(cases):
    own = np.random.default_rng(cases).integers(0, cases, 200)
    squared, found = neighbours_elsewhere(FILMS, 7, own.astype(str))
    for row in range(200):
        others = np.flatnonzero(own != own[row])
        far = ((FILMS[others].astype(np.float64) - FILMS[row]) ** 2).sum(1)
        assert (found[row] == others[np.argsort(far)[:7]]).all()
        np.testing.assert_allclose(squared[row], np.sort(far)[:7], rtol=1e-4)


def test_without_cases_only_the_film_itself_is_left_out():
    films = np.vstack([FILMS[:20]] * 2)
    squared, found = neighbours_elsewhere(films, 3)
    assert (found != np.arange(40)[:, None]).all() and (squared[:, 0] == 0).all() and (squared[:, 1] > 0).all()
    whole = exact_neighbours(films, films, 4)[0]
    assert (whole[:, 1:] == squared).all()
    missing = neighbours_elsewhere(films, 3, np.array([None] * 40))
    assert (missing[1] == found).all()
    one = neighbours_elsewhere(films, 3, ["same"] * 40)
    assert (one[1] == -1).all() and np.isinf(one[0]).all()


def test_cases_are_numbered_and_a_film_without_one_is_its_own():
    assert case_numbers(["a", None, "b", "a", float("nan")], 5).tolist() == [0, 2, 1, 0, 3]
    assert case_numbers(None, 3).tolist() == [0, 1, 2] and case_numbers([None] * 3, 3).tolist() == [0, 1, 2]
    codes, names = column_codes("labels", [2, None, 10, 2], 4)
    assert codes.tolist() == [1, -1, 0, 1] and names == ["10", "2"]
    with pytest.raises(ArgumentError, match="sources: wanted one for each of 3 films, got 2"):
        column_codes("sources", ["a", "b"], 3)
