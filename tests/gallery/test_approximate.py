"""Approximate indexes: recall as asked for, distances that are true, and the same bytes from the same seed."""

import faiss
import numpy as np
import pytest
from gallery_cases import clustered, far_apart, plain_neighbours, recall_each, require_true

from embedlearn.errors import StorageError
from embedlearn.gallery import approximate, building
from embedlearn.gallery.approximate import Effort, read_approximate
from embedlearn.gallery.building import _ladder, build_approximate
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.gallery.kinds import KINDS

VECTORS = clustered(6000)
FRESH = clustered(300, seed=1)
NEW = clustered(600, seed=2)
built_once = {}


def built(kind):
    if kind not in built_once:
        built_once[kind] = build_approximate(kind, VECTORS, seed=5)
    return built_once[kind]


def recall_of(index, queries, vectors, k=10):
    k = min(k, len(vectors))
    shares = recall_each(index.search(queries, vectors, k)[1], exact_neighbours(queries, vectors, k)[1])
    return shares.mean(), shares.std() / len(shares) ** 0.5


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


def test_fresh_queries_are_answered_as_well_as_was_asked(kind):
    index, measured = built(kind)
    mean, error = recall_of(index, FRESH, VECTORS)
    assert measured.reached
    assert (measured.wanted, measured.queries) == (0.95, 150)
    assert measured.recall >= 0.95 - 3 * measured.error
    assert mean >= 0.95 - 3 * error
    assert abs(mean - measured.recall) <= 4 * np.hypot(error, measured.error)


@pytest.mark.parametrize("k", [1, 3, 50])
def test_fewer_neighbours_or_more_are_found_as_surely(kind, k):
    mean, error = recall_of(built(kind)[0], FRESH, VECTORS, k)
    assert mean >= 0.95 - 4 * error


def test_more_recall_costs_more_and_less_less(kind):
    low, high = (build_approximate(kind, VECTORS, recall=recall)[0] for recall in (0.4, 0.98))
    assert low.effort.visits <= high.effort.visits
    assert low.effort != high.effort or kind == "sq8"
    mean, error = recall_of(low, FRESH, VECTORS)
    assert mean >= 0.4 - 3 * error


def test_what_nothing_gives_is_said(kind, monkeypatch):
    monkeypatch.setattr(building, "FACTORS", (1,))
    monkeypatch.setitem(approximate.KINDS, kind, type(KINDS[kind])(**{**vars(KINDS[kind]), "most": 1}))
    index, measured = build_approximate(kind, VECTORS, recall=1)
    assert index.effort == Effort(1, 1)
    assert not measured.reached
    assert measured.recall < 1
    if kind.startswith("ivf"):
        few = build_approximate(kind, VECTORS[:900], recall=1)[1]
        assert (few.queries, few.reached) == (45, False)


def test_every_row_is_in_the_index_once_and_distances_are_true(kind):
    index, _ = built(kind)
    assert index.index.ntotal == len(VECTORS)
    squared, rows = index.search(FRESH[:50], VECTORS, 30)
    require_true(np.sqrt(squared), rows, FRESH[:50], VECTORS)
    squared, rows = index.search(np.ascontiguousarray(VECTORS[::40]), VECTORS, 1)
    assert (rows[:, 0] == np.arange(0, 6000, 40)).mean() > 0.98
    assert (squared[rows[:, 0] == np.arange(0, 6000, 40)] == 0).all()


def test_only_what_is_allowed_is_found_and_no_more_than_there_is(kind):
    index, _ = built(kind)
    allowed = np.random.default_rng(3).random(6000) < 0.3
    squared, rows = index.search(FRESH[:50], VECTORS, 10, allowed)
    assert allowed[rows[rows >= 0]].all()
    require_true(np.sqrt(squared), rows, FRESH[:50], VECTORS)
    assert recall_each(rows, plain_neighbours(FRESH[:50], VECTORS, 10, allowed)[1]).mean() > 0.9
    few = np.zeros(6000, bool)
    few[[17, 4000, 5999]] = True
    squared, rows = index.search(FRESH[:5], VECTORS, 10, few)
    assert rows.shape == (5, 10)
    assert set(rows.ravel().tolist()) <= {-1, 17, 4000, 5999}
    require_true(np.sqrt(squared), rows, FRESH[:5], VECTORS)
    for nothing in (index.search(FRESH[:2], VECTORS, 4, few & False), index.search(FRESH[:0], VECTORS, 4)):
        assert (nothing[1] == -1).all()
        assert np.isinf(nothing[0]).all()
        assert nothing[1].shape[1] == 4


@pytest.mark.parametrize("kind", ["ivf", "ivfpq", "sq8"])  # with a graph, Searcher compares all
def test_a_filter_that_goes_with_the_vectors_costs_no_recall(kind):
    """As a label does: the query lies among what is not allowed, and what is allowed lies elsewhere."""
    vectors, allowed = far_apart(6000)
    queries = np.ascontiguousarray(vectors[~allowed][:300])
    index, _ = build_approximate(kind, vectors)
    shares = recall_each(
        index.search(queries, vectors, 10, allowed)[1], exact_neighbours(queries, vectors, 10, allowed)[1]
    )
    assert shares.mean() >= 0.93 - 3 * shares.std() / len(shares) ** 0.5


def test_the_candidates_are_told_before_their_vectors_are_read(kind):
    index, _ = built(kind)
    told = []
    _, rows = index.search(FRESH[:3], VECTORS, 5, touch=told.append)
    (candidates,) = told
    assert candidates.shape[0] == 3
    for found, among in zip(rows, candidates, strict=True):
        assert set(found.tolist()) <= set(among.tolist())


@pytest.mark.parametrize("extra", [0, 1, 2, 9, 30])
@pytest.mark.parametrize("dimension", [1, 2, 5, 16])
def test_few_vectors_and_odd_widths(kind, extra, dimension):
    vectors = clustered(KINDS[kind].least + extra, dimension, seed=extra)
    index, measured = build_approximate(kind, vectors, recall=0.9)
    squared, rows = index.search(vectors[:20], vectors, 15)
    require_true(np.sqrt(squared), rows, vectors[:20], vectors)
    assert 0 <= measured.recall <= 1
    assert measured.queries == len(vectors) // 20
    assert measured.reached == (measured.recall >= 0.9)
    mean, _ = recall_of(index, vectors, vectors)
    assert mean > 0.9


def test_the_same_seed_gives_the_same_bytes(kind, tmp_path):
    again = build_approximate(kind, VECTORS, seed=5)
    index, measured = built(kind)
    assert (again[0].effort, again[1]) == (index.effort, measured)
    for name, one in (("one", index), ("other", again[0])):
        one.write(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    if kind != "sq8":  # where the seed says no more than which vectors are held out
        build_approximate(kind, VECTORS, seed=6)[0].write(tmp_path / "third")
        assert (tmp_path / "one").read_bytes() != (tmp_path / "third").read_bytes()


def test_the_state_of_numpys_generator_is_left_alone(kind):
    np.random.seed(1)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    build_approximate(kind, VECTORS[:500])
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


@pytest.mark.parametrize("mapped", [True, False])
@pytest.mark.parametrize("kind", ["ivf", "ivfpq"])
def test_what_was_learnt_is_used_again_where_it_serves(kind, mapped, tmp_path, monkeypatch):
    """Not where the queries held out now were learnt from, nor of a file that is mapped, nor for many more vectors."""
    index, _ = built(kind)
    index.write(tmp_path / "index")
    before = read_approximate(tmp_path / "index", kind, index.effort, 16, 6000, mapped)
    vectors = np.concatenate([VECTORS[2000:], NEW])
    for worth in (50_000, 1000):
        monkeypatch.setattr(approximate, "WORTH_IT", worth)
        again, _ = build_approximate(kind, vectors, trained=before)
        same = index.index.nlist == again.index.nlist and np.array_equal(
            *(one.index.quantizer.reconstruct_n(0, one.index.nlist) for one in (index, again))
        )
        assert same == before.serves(len(vectors)) == (worth == 1000 and not mapped)
        assert again.index.ntotal == len(vectors)
        if not same:
            mean, error = recall_of(again, FRESH, vectors)
            assert mean >= 0.95 - 3 * error
    assert not before.serves(30_000)
    assert before.index.ntotal == 6000
    for one, other in zip(before.search(FRESH, VECTORS, 5), index.search(FRESH, VECTORS, 5), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("mapped", [True, False])
def test_it_is_read_back_and_nothing_else_is(kind, mapped, tmp_path):
    index, _ = built(kind)
    path = tmp_path / "index"
    index.write(path)
    back = read_approximate(path, kind, index.effort, 16, 6000, mapped)
    for one, other in zip(back.search(FRESH, VECTORS, 10), index.search(FRESH, VECTORS, 10), strict=True):
        assert np.array_equal(one, other)
    strange = [("ivf" if kind != "ivf" else "sq8", index.effort, 16, 6000), (kind, index.effort, 17, 6000)]
    strange += [(kind, index.effort, 16, 5999), (kind, Effort(2**70, 1), 16, 6000), (kind, Effort(1, 10**9), 16, 6000)]
    for arguments in strange:
        with pytest.raises(StorageError, match="index: .*build the gallery anew"):
            read_approximate(path, *arguments, mapped)
    path.write_bytes(b"not of FAISS")
    with pytest.raises(StorageError, match="index: FAISS cannot read it .*; build the gallery anew"):
        read_approximate(path, kind, index.effort, 16, 6000, mapped)


def test_an_index_that_cannot_be_written_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match=r"no/index: cannot be written .*; nothing was changed"):
        built("sq8")[0].write(tmp_path / "no" / "index")


def test_the_ladder():
    assert _ladder(1) == [1]
    assert _ladder(20) == [1, 2, 3, 4, 6, 8, 12, 16, 20]
    assert _ladder(65_536)[-3:] == [32_768, 49_152, 65_536]
    assert built("ivf")[0].most == built("ivf")[0].index.nlist
    assert built("hnsw")[0].index.metric_type == faiss.METRIC_L2
