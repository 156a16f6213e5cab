"""What a gallery refuses, and that it is then as it was before."""

import numpy as np
import pytest
from gallery_cases import clustered, names, rows_of

from embedlearn.errors import ArgumentError
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.where import parse_condition

X = clustered(400, 12)


def gallery(count=400):
    return Gallery(device="cpu").fit(X[:count], rows_of(names(count)))


def test_what_cannot_be_removed_changes_nothing():
    built = gallery(10)
    with pytest.raises(ArgumentError, match="id: 2 of 3 are not in the gallery, such as x"):
        built.remove(["c1", "x", "y"])
    with pytest.raises(ArgumentError, match="ids: wanted a list of ids, got the text c1"):
        built.remove("c1")
    assert (len(built), built.pending) == (10, 0)
    built.remove(names(10))
    assert len(built) == 0
    assert (built.kneighbors(X[:2], 3)[1] == -1).all()
    with pytest.raises(ArgumentError, match="no case is left in the gallery; add some, or build it anew"):
        built.compact()
    built.add(X[:1], rows_of(["c1"]))
    built.compact()
    assert built.kneighbors(X[:1], 2)[1].tolist() == [[0, -1]]


@pytest.mark.parametrize(
    ("vectors", "rows", "complaint"),
    [
        (X[:2], rows_of(["c5", "n"]), "id: 1 of 2 are in the gallery already, such as c5"),
        (X[:2], rows_of(["n", "n"]), "id: n is there 2 times"),
        (X[:2], rows_of(["n"]), "rows: wanted one for each of 2 vectors, got 1"),
        (X[:1], {"id": [None]}, "id: 1 of 1 are missing"),
        (X[:1], {"label": ["x"]}, "rows: wanted a column id"),
        (X[:1], {"id": ["n"], "hospital": ["x"]}, "rows: the gallery has no column hospital; it has id, label"),
        (X[:1], {"id": ["n"], "age": ["old"]}, "age: wanted values of the type int64"),
        (X[:1, :5], rows_of(["n"]), "X: wanted vectors of 12 numbers, got 5"),
        (X[:1] * np.nan, rows_of(["n"]), "X: row 0 holds NaN"),
        (np.concatenate([X[:1], X[:1] * 0]), rows_of(["n", "m"]), "X: row 1 is a vector of length zero"),
        (X[0], rows_of(["n"]), "X: wanted a matrix"),
        ([["a"] * 12], rows_of(["n"]), "X: wanted a matrix of numbers"),
    ],
)
def test_what_cannot_be_added_changes_nothing(vectors, rows, complaint):
    built = gallery(10)
    with pytest.raises(ArgumentError, match=complaint):
        built.add(vectors, rows)
    assert (len(built), built.pending) == (10, 0)
    assert built.find(["n", "m", "c5"]).tolist() == [-1, -1, 5]
    assert built.kneighbors(X[:1], 11)[1][0, -1] == -1


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (lambda: gallery().kneighbors(X[:1], 0), "k: wanted a whole number, 1 or more, got 0"),
        (lambda: gallery().kneighbors(X[:1], 2.5), "k: wanted a whole number, 1 or more, got 2.5"),
        (lambda: gallery().kneighbors(X[:1], "3"), "k: wanted a whole number"),
        (lambda: gallery().kneighbors(X[0], 1), "X: wanted a matrix"),
        (lambda: gallery().kneighbors(X[:1, 1:], 1), "X: wanted vectors of 12 numbers, got 11"),
        (lambda: gallery().kneighbors(X[:2] * [[1], [0]], 1), "X: row 1 is a vector of length zero"),
        (lambda: gallery().kneighbors(X[:1], 1, parse_condition("hospital == 'x'")), "there is no column hospital"),
        (lambda: gallery().vectors_of([0, -1]), "rows: wanted numbers from 0 to 399, got -1"),
        (lambda: gallery().take([400]), "rows: wanted numbers from 0 to 399, got 400"),
        (lambda: gallery().take([[1]]), r"rows: wanted a list of numbers, got shape \(1, 1\)"),
        (lambda: gallery().find("c1"), "ids: wanted a list of ids, got str"),
        (lambda: Gallery().fit([[1, 2], [3]]), "X: wanted a matrix of numbers"),
        (lambda: Gallery().fit(X[:0]), "X: wanted at least one vector, got none"),
        (lambda: Gallery().fit(np.zeros((3, 0))), "X: wanted vectors of 1 numbers, got 0"),
        (lambda: Gallery().fit(X, extra={"a": {1, 2}}), "extra: wanted plain data that JSON can hold"),
        (lambda: Gallery("lsh").fit(X), "--kind: wanted auto, flat"),
        (lambda: Gallery(metric="dot").fit(X), "metric: wanted euclidean or cosine"),
        (lambda: Gallery(recall=95).fit(X), "--recall: wanted a number from 0.01 to 1"),
        (lambda: Gallery("ivfpq").fit(X[:99]), "--kind ivfpq: wanted 256 vectors or more, got 99; take flat"),
    ],
)
def test_what_makes_no_sense_is_refused(call, complaint):
    with pytest.raises(ArgumentError, match=complaint):
        call()


def test_a_fit_that_fails_leaves_the_gallery_as_it_was():
    built = gallery(10)
    with pytest.raises(ArgumentError):
        built.fit(X, rows_of(["a"]))
    assert built.kneighbors(X[:1], 1)[1].tolist() == [[0]]
    for call in (lambda g: len(g), lambda g: g.kneighbors(X, 1), lambda g: g.add(X), lambda g: g.about):
        with pytest.raises(RuntimeError, match="holds nothing yet: call fit, or Gallery.open"):
            call(Gallery())
