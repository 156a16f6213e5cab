"""What a gallery's vectors may be, and what is kept of them."""

import json

import numpy as np
import pytest

from embedlearn.errors import ArgumentError, MismatchError, StorageError
from embedlearn.gallery.about import METRICS, SIZES, About, read_about

ABOUT = About(3, "cosine", "e" * 64, "p" * 64)


def test_euclidean_vectors_are_kept_as_they_are():
    X = np.random.default_rng(0).normal(size=(5, 4))
    checked = About(4).checked(X)
    assert checked.dtype == np.float32
    assert np.array_equal(checked, X.astype(np.float32))
    assert np.array_equal(About(2).checked([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    assert About(4).checked(X[:0]).shape == (0, 4)
    assert About(4).checked(np.asfortranarray(X)).flags.c_contiguous


@pytest.mark.parametrize("dimension", [1, 3, 512])
def test_cosine_vectors_are_scaled_to_length_one_whatever_their_length(dimension):
    X = np.random.default_rng(1).normal(size=(40, dimension)).astype(np.float32)
    kept = X.copy()
    unit = X / np.linalg.norm(X.astype(float), axis=1, keepdims=True)
    about = About(dimension, "cosine")
    for scale in (1e-38, 1e-30, 1e-3, 1, 1e3, 1e30, 1e37):
        np.testing.assert_allclose(about.checked(X * np.float32(scale)), unit, atol=3e-7)
    assert np.array_equal(about.checked(X * np.float32(2**40)), about.checked(X))
    assert np.array_equal(about.checked(X[7:8])[0], about.checked(X)[7])
    assert np.array_equal(X, kept)


def test_distances_are_those_of_the_metric():
    X = np.random.default_rng(2).normal(size=(30, 8))
    for metric in METRICS:
        about = About(8, metric)
        vectors = about.checked(X)
        squared = ((vectors[0] - vectors) ** 2).sum(1)
        cosine = 1 - X @ X[0] / np.linalg.norm(X, axis=1) / np.linalg.norm(X[0])
        expected = cosine if metric == "cosine" else np.linalg.norm(X - X[0], axis=1)
        got = about.distances(squared)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, atol=1e-5)
        assert about.distances(np.full(2, np.inf, np.float32)).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize(
    ("X", "complaint"),
    [
        ([[1, 2, 3], [1, np.nan, 3]], "row 1 holds NaN"),
        ([[1, 2, 3], [1, 2, 3], [-np.inf, 2, 3]], "row 2 holds NaN or infinity"),
        ([[1, 2, 3], [0, 0, 0]], "row 1 is a vector of length zero"),
        ([[1, 2, 3], [0, -0.0, 0]], "row 1 is a vector of length zero"),
        ([[1, 2]], "wanted vectors of 3 numbers, got 2"),
        ([1, 2, 3], r"wanted a matrix .* got shape \(3,\)"),
        ([[[1, 2, 3]]], r"got shape \(1, 1, 3\)"),
        ([["a", "b", "c"]], "wanted a matrix of numbers, got list"),
        ([[1, 2, 3], [1, 2]], "wanted a matrix of numbers, got list"),
        (None, "got None; give a row"),
        ({"a": 1}, "got dict"),
    ],
)
@pytest.mark.parametrize("metric", METRICS)
def test_vectors_that_cannot_be_compared_are_refused_by_row(X, complaint, metric):
    with pytest.raises(ArgumentError, match=complaint):
        About(3, metric).checked(X)


@pytest.mark.parametrize("size", [SIZES[0] / 2, SIZES[1] * 2, 1e25, 1e-40])
def test_euclidean_vectors_whose_squares_float32_cannot_hold_are_refused(size):
    with pytest.raises(ArgumentError, match="X: row 1: wanted a vector whose largest number is from 1e-15 to 1e[+]15"):
        About(2).checked(np.array([[1, 1], [size, 0]], np.float32))
    assert About(2).checked(np.array([[SIZES[1], -SIZES[1]], [SIZES[0], 0]], np.float32)).shape == (2, 2)


def test_what_cannot_be_a_gallery_is_refused():
    for dimension in (0, -1, 2**16 + 1):
        with pytest.raises(ArgumentError, match="dimension: wanted a number from 1 to 65536"):
            About(dimension)
    with pytest.raises(ArgumentError, match="metric: wanted euclidean or cosine, got dot"):
        About(3, "dot")


def test_vectors_of_another_encoder_are_refused():
    ABOUT.require_same("e" * 64, "p" * 64, "films")
    for encoder, preprocessing in (("f" * 64, "p" * 64), ("e" * 64, "q" * 64), ("", ""), ("e" * 64, "")):
        with pytest.raises(MismatchError, match="films: wanted vectors by the encoder and the preprocessing"):
            ABOUT.require_same(encoder, preprocessing, "films")
    with pytest.raises(MismatchError, match=r"\(eeeeeeeeeeee and pppppppppppp\), got none and none; embed"):
        ABOUT.require_same("", "", "films")


def test_it_is_read_back_from_json_and_nothing_else_is():
    plain = json.loads(json.dumps(ABOUT.as_plain()))
    assert read_about(plain, "here") == ABOUT
    strange = [None, True, -1, 0, 1.5, "", "x", [], {}, [3], {"a": 1}, 10**400, float("inf"), 2**63]
    changed = [{**plain, name: value} for name in plain for value in strange]
    allowed = [{**plain, name: value} for name in ("encoder", "preprocessing") for value in ("", "x")]
    missing = [{}, {"metric": "cosine"}, {**plain, "more": 1}]
    for one in [*changed, *missing]:
        if one not in allowed:
            with pytest.raises(StorageError, match="here: says of its vectors what cannot be"):
                read_about(one, "here")
