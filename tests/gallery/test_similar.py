"""Similar cases against a plain loop over all cases."""

import numpy as np
import pyarrow as pa
import pytest

from embedlearn.errors import ArgumentError
from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.similar import Wanted, own_cases, similar
from embedlearn.gallery.where import Compare, parse_condition

COUNT = 300


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    patients = [f"p{number}" if number % 3 else None for number in rng.integers(0, 60, COUNT)]
    return pa.table({
        "id": [f"c{number}" for number in range(COUNT)],
        "label": rng.choice(["a", "b", "c"], COUNT),
        "patient": patients,
        "twin": [f"t{number}" for number in rng.integers(0, 200, COUNT)],
    })  # fmt: skip


@pytest.fixture(scope="module")
def vectors():
    X = np.random.default_rng(1).normal(size=(COUNT, 8)).astype(np.float32)
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def gallery(vectors, rows):
    return Gallery().fit(vectors, rows)


def plainly(vectors, rows, far, wanted, left_out=lambda row: False):
    """Rows in order of distance, less those left out, repeated pictures and repeated patients."""
    cases, found, met = rows.to_pylist(), [], set()
    for row in np.lexsort((np.arange(len(far)), far)).tolist():
        case = cases[row]
        keys = set() if wanted.twins else {case["twin"]}
        keys |= {case["patient"]} if wanted.one_per_patient and case["patient"] else set()
        if left_out(case) or keys & met:
            continue
        met |= keys
        found.append(row)
    return found[: wanted.k]


@pytest.mark.parametrize("one_per_patient", [False, True])
@pytest.mark.parametrize("twins", [False, True])
@pytest.mark.parametrize("k", [1, 10, 90, 400])
def test_thinning_is_that_of_a_plain_loop(gallery, vectors, rows, k, twins, one_per_patient):
    wanted = Wanted(k, one_per_patient=one_per_patient, twins=twins)
    for query in np.random.default_rng(2).normal(size=(5, 8)).astype(np.float32):
        hits = similar(gallery, query[None], wanted)
        far = np.linalg.norm(vectors - query, axis=1)
        assert hits.rows.tolist() == plainly(vectors, rows, far, wanted)
        np.testing.assert_allclose(hits.distances, far[hits.rows], rtol=1e-5)
        assert hits.cases.column("id").to_pylist() == [f"c{row}" for row in hits.rows]


def test_the_querys_own_are_left_out(gallery, vectors, rows):
    cases = rows.to_pylist()
    for row in range(0, COUNT, 37):
        wanted = Wanted(50, where=parse_condition("label != 'b'"), twins=True)
        hits = similar(gallery, vectors[row][None], wanted, own_cases(gallery, [row]))
        joined = {row}
        while True:  # whoever shares a patient or a picture with one that is joined
            more = {
                place
                for place, case in enumerate(cases)
                for other in joined
                if case["twin"] == cases[other]["twin"]
                or (case["patient"] is not None and case["patient"] == cases[other]["patient"])
            }
            if more <= joined:
                break
            joined |= more

        def is_own(case, joined=joined):
            return int(case["id"][1:]) in joined or case["label"] == "b"

        far = np.linalg.norm(vectors - vectors[row], axis=1)
        assert hits.rows.tolist() == plainly(vectors, rows, far, wanted, is_own)


def test_of_a_patient_without_films_here(gallery):
    assert own_cases(gallery, [], []) is None
    assert gallery.matching(own_cases(gallery, [], ["nobody"])).tolist() == []


def test_several_images(gallery, vectors, rows):
    images = vectors[[3, 5, 9]]
    most = similar(gallery, images, Wanted(40, combine="max", twins=True))
    far = np.linalg.norm(vectors[:, None] - images[None], axis=2).min(1)
    np.testing.assert_allclose(most.distances, np.sort(far)[:40], atol=1e-6)
    mean = similar(gallery, images, Wanted(40, twins=True))
    middle = images.mean(0) / np.linalg.norm(images.mean(0))
    np.testing.assert_allclose(mean.distances, np.sort(np.linalg.norm(vectors - middle, axis=1))[:40], atol=1e-6)
    assert most.rows.tolist() != mean.rows.tolist()


def test_one_image_is_the_same_either_way(gallery, vectors):
    found = [similar(gallery, vectors[:1], Wanted(20, combine=combine)).rows.tolist() for combine in ("mean", "max")]
    assert found[0] == found[1]


def test_expanding_asks_with_the_neighbours_too(gallery, vectors):
    query = vectors[0]
    near = similar(gallery, query[None], Wanted(4, twins=True))
    weights = np.r_[1, np.clip(vectors[near.rows] @ query, 0, None) ** 3]
    mean = (weights[:, None] * np.vstack([query, vectors[near.rows]])).sum(0)
    mean /= np.linalg.norm(mean)
    hits = similar(gallery, query[None], Wanted(30, expand=4, twins=True))
    np.testing.assert_allclose(hits.distances, np.sort(np.linalg.norm(vectors - mean, axis=1))[:30], atol=1e-5)


def test_ranking_anew_keeps_the_candidates_and_their_distances(gallery, vectors):
    query = np.random.default_rng(3).normal(size=(1, 8)).astype(np.float32)
    plain = similar(gallery, query, Wanted(100, twins=True))
    anew = similar(gallery, query, Wanted(100, rerank=True, twins=True))
    assert sorted(anew.rows) == sorted(plain.rows) and anew.rows.tolist() != plain.rows.tolist()
    far = dict(zip(plain.rows.tolist(), plain.distances.tolist(), strict=True))
    assert anew.distances.tolist() == [far[row] for row in anew.rows.tolist()]


def test_fewer_than_wanted(gallery, vectors):
    where = Compare("label", "==", "nothing")
    assert len(similar(gallery, vectors[:1], Wanted(5, where=where))) == 0
    assert len(similar(gallery, vectors[:1], Wanted(1000, twins=True))) == COUNT


def test_images_that_cancel_each_other_out(gallery, vectors):
    with pytest.raises(ArgumentError, match="--combine max"):
        similar(gallery, np.stack([vectors[0], -vectors[0]]), Wanted())


@pytest.mark.parametrize("words", [{"k": 0}, {"expand": -1}, {"combine": "sum"}, {"rerank": True, "combine": "max"}])
def test_wrong_wishes_are_refused(words):
    with pytest.raises(ArgumentError):
        Wanted(**words)
