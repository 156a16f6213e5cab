"""A searcher answers every question, whichever way is quickest; and what was chosen can be read back."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
from gallery_cases import clustered, far_apart, plain_neighbours, recall_each, require_true, whole

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.gallery import searching
from embedlearn.gallery.approximate import ApproximateIndex, Effort
from embedlearn.gallery.building import Measured
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.gallery.kinds import KINDS
from embedlearn.gallery.searching import Chosen, Plan, Searcher, build_index, read_chosen, read_plan

VECTORS = clustered(5000)
QUERIES = clustered(60, seed=1)
CPU = Plan(device="cpu")
built_once = {}


def searcher_of(kind, touch=None):
    if kind not in built_once:
        built_once[kind] = build_index(VECTORS, replace(CPU, kind=kind))[0]
    return Searcher(VECTORS, built_once[kind], CPU, touch)


@pytest.fixture(params=["flat", *KINDS])
def kind(request):
    return request.param


@pytest.fixture
def always_by_index(monkeypatch):
    monkeypatch.setattr(searching, "COMPARED", 0)


def test_flat_is_exact_search():
    base, queries = whole(600, 6, 1), whole(40, 6, 2)
    searcher = Searcher(base, None, CPU)
    for allowed in (None, np.arange(600) % 7 == 0):
        squared, rows = searcher.search(queries, 9, allowed)
        expected, neighbours = plain_neighbours(queries, base, 9, allowed)
        assert np.array_equal(rows, neighbours)
        assert np.array_equal(squared, (expected**2).round())


@pytest.mark.parametrize("share", [0, 0.001, 0.01, 0.3, 0.97])
def test_filters_are_honoured_and_recall_is_kept(kind, share, always_by_index):
    allowed = np.random.default_rng(0).random(5000) < share
    squared, rows = searcher_of(kind).search(QUERIES, 10, allowed)
    require_true(np.sqrt(squared), rows, QUERIES, VECTORS)
    assert allowed[rows[rows >= 0]].all()
    assert ((rows >= 0).sum(1) == min(10, allowed.sum())).all()
    expected = exact_neighbours(QUERIES, VECTORS, 10, allowed)[1]
    if kind == "flat" or share < 0.002:
        assert np.array_equal(rows, expected)
    else:
        assert recall_each(rows, expected).mean() > 0.9


@pytest.mark.parametrize(("kind", "clusters"), [*((kind, 20) for kind in KINDS), ("hnsw", 200), ("sq8", 200)])
def test_a_filter_that_goes_with_the_vectors_costs_no_recall(kind, clusters, always_by_index):
    """In 200 clusters neighbours are so near that lists, too, are searched too little where those are not allowed."""
    vectors, allowed = far_apart(5000)
    if clusters == 200:
        vectors = clustered(5000, 32, clusters=200)
        allowed = vectors[:, 0] < np.median(vectors[:, 0])
    queries = np.ascontiguousarray(vectors[~allowed][:100])
    searcher = Searcher(vectors, build_index(vectors, replace(CPU, kind=kind))[0], CPU)
    found = searcher.search(queries, 10, allowed)[1]
    assert recall_each(found, exact_neighbours(queries, vectors, 10, allowed)[1]).mean() > 0.9


def test_a_query_for_which_too_few_are_found_is_answered_by_comparing_all(kind, always_by_index):
    searcher = searcher_of(kind)
    lazy = searcher.index and ApproximateIndex(kind, searcher.index.index, Effort(1, 1))
    allowed = np.random.default_rng(2).random(5000) < 0.96
    squared, rows = Searcher(VECTORS, lazy, CPU).search(QUERIES, 4000, allowed)
    assert (rows >= 0).all()
    if kind != "sq8":
        assert np.array_equal(rows, exact_neighbours(QUERIES, VECTORS, 4000, allowed)[1])
    require_true(np.sqrt(squared), rows, QUERIES, VECTORS)


def test_few_allowed_rows_are_all_compared(kind):
    allowed = np.random.default_rng(1).random(5000) < 0.4
    for got, expected in zip(
        searcher_of(kind).search(QUERIES, 10, allowed), exact_neighbours(QUERIES, VECTORS, 10, allowed), strict=True
    ):
        assert np.array_equal(got, expected)


def test_more_neighbours_than_there_are(kind):
    squared, rows = searcher_of(kind).search(QUERIES[:2], 5100)
    assert rows.shape == (2, 5100)
    require_true(np.sqrt(squared), rows, QUERIES[:2], VECTORS)
    allowed = np.arange(5000) < 30
    squared, rows = searcher_of(kind).search(QUERIES[:2], 40, allowed)
    assert (np.sort(rows, axis=1) == [*[-1] * 10, *range(30)]).all()


def test_no_vector_is_read_that_was_not_told_of(kind, always_by_index):
    """`touch` hears of every row that an answer rests on, or of None, which is all."""
    told = []
    searcher = searcher_of(kind, told.append)
    for allowed in (None, np.arange(5000) < 4900, np.arange(5000) < 50, np.arange(5000) % 2 == 0):
        told.clear()
        rows = searcher.search(QUERIES[:3], 5, allowed)[1]
        assert told
        heard = {row for part in told for row in (range(5000) if part is None else np.ravel(part).tolist())}
        assert set(rows.ravel().tolist()) <= heard


def test_what_is_built_says_what_it_is(kind):
    index, chosen = build_index(VECTORS[:300], replace(CPU, kind=kind, recall=0.8))
    assert chosen.kind == kind
    if kind == "flat":
        assert index is None
        assert str(chosen) == "flat (as asked): exact"
    else:
        assert (index.kind, index.effort) == (kind, chosen.effort)
        assert str(chosen).startswith(f"{kind} (as asked): recall@10 ")
        assert f"visits {chosen.effort.visits}, {chosen.effort.factor} candidates each" in str(chosen)
    assert build_index(VECTORS[:300], CPU) == (None, Chosen("flat", "300 vectors are compared in no time"))
    with pytest.raises(ArgumentError, match="--kind ivfpq: wanted 256 vectors or more, got 100; take flat"):
        build_index(VECTORS[:100], replace(CPU, kind="ivfpq"))


def test_a_recall_that_nothing_gives_is_said():
    chosen = Chosen("ivf", "as asked", Effort(6, 2), Measured(0.9, 0.01, 150, 0.99, False))
    assert "recall@10 0.900 (standard error 0.010, 150 held-out queries, although 0.99 was wanted" in str(chosen)


STRANGE = [None, True, False, 0, -1, 1.5, "", "x", "flat", "ivf", [], {}, [3], {"a": 1}, 10**400, float("inf"), 2**63]


def test_what_was_chosen_is_read_back_and_nothing_else_is():
    chosen = Chosen("ivf", "as asked", Effort(6, 2), Measured(0.9, 0.01, 150, 0.99, False))
    plain = json.loads(json.dumps(chosen.as_plain()))
    assert read_chosen(plain, "here") == chosen
    flat = Chosen("flat", "as asked")
    assert read_chosen(json.loads(json.dumps(flat.as_plain())), "here") == flat
    for part in (plain, plain["effort"], plain["measured"]):
        for name, value in list(part.items()):
            for strange in [*STRANGE, ...]:
                part[name] = strange
                if strange is ...:
                    del part[name]
                with contextlib.suppress(StorageError):
                    read = read_chosen(plain, "here")
                    assert str(read)
                    assert read.kind in ("flat", *KINDS)
            part[name] = value
    for wrong in ({}, {**plain, "kind": "lsh"}, {**plain, "effort": {"visits": 0, "factor": 1}}):
        with pytest.raises(StorageError, match="here: says of its index what cannot be"):
            read_chosen(wrong, "here")


def test_a_plan_is_read_back_and_nothing_else_is():
    plain = {"kind": "ivf", "recall": 0.9, "seed": 3}
    assert read_plan(plain, "here") == Plan("ivf", 0.9, seed=3)
    assert read_plan({**plain, "recall": None, "seed": 2**80}, "here").seed == 2**80
    good = {"kind": ["flat", "ivf"], "recall": [None, True], "seed": [0, 10**400, 2**63]}
    for name in plain:
        for strange in STRANGE:
            if not any(strange is one or strange == one != 0 for one in good[name]) and (name, strange) != ("seed", 0):
                with pytest.raises(StorageError, match="here: says of its plan what cannot be"):
                    read_plan({**plain, name: strange}, "here")
    with pytest.raises(StorageError, match="here: says of its plan"):
        read_plan({"kind": "ivf"}, "here")
