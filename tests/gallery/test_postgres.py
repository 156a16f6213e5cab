"""The gallery in PostgreSQL answers as an exact index in memory does, and keeps what it is given."""

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random

import faiss
import numpy as np
import pyarrow as pa
import pytest
from random_conditions import random_condition, random_table

from embedlearn.errors import ArgumentError
from embedlearn.gallery.about import About
from embedlearn.gallery.postgres import PostgresGallery, search
from embedlearn.gallery.where import Compare, parse_condition

pytest_plugins = ("postgres_server",)

FILMS, WIDTH = 20_000, 128
CONDITIONS = ["view == 'v1'", "view != 'v1' and not label == None", "age < 1", "label in ('v0', 'v3') or age >= 90"]


def draw_vectors(seed: int, count: int, width: int = WIDTH):
    """Clustered vectors, float32 [count, width]."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).normal(size=(200, width))
    return (centers[rng.integers(0, 200, count)] + 0.5 * rng.normal(size=(count, width))).astype(np.float32)


def draw_rows(count: int) -> pa.Table:
    rng = np.random.default_rng(0)
    words = {name: [f"v{value}" for value in rng.integers(0, 5, count)] for name in ("label", "source", "view")}
    words["label"][::7] = [None] * len(words["label"][::7])
    table = pa.table({"id": [f"film {row}" for row in range(count)], **words, "age": rng.integers(0, 100, count)})
    return table.set_column(1, "label", table.column("label").dictionary_encode())


VECTORS, ROWS, QUERIES = draw_vectors(1, FILMS), draw_rows(FILMS), draw_vectors(2, 60)


@pytest.fixture(scope="module")
def films(postgres) -> Iterator[PostgresGallery]:
    """20,000 films, of which every comparison is made."""
    with PostgresGallery.create(postgres.url, "films", About(WIDTH), ROWS.schema) as gallery:
        assert gallery.add(VECTORS, ROWS) == FILMS == len(gallery)
        yield gallery


@pytest.fixture(scope="module")
def graph(postgres) -> Iterator[PostgresGallery]:
    """The same with a graph, built when all were in."""
    with PostgresGallery.create(postgres.url, "graph", About(WIDTH), ROWS.schema) as gallery:
        gallery.add(VECTORS, ROWS)
        gallery.index()
        yield gallery


@pytest.fixture
def small(postgres) -> Iterator[PostgresGallery]:
    with PostgresGallery.create(postgres.url, "small", About(3), pa.schema({"id": pa.string()})) as gallery:
        yield gallery
    PostgresGallery.drop(postgres.url, "small")


def ids(*names: str) -> pa.Table:
    return pa.table({"id": list(names)})


def faiss_neighbours(vectors, queries, k: int, allowed=None):
    """Squared distances and rows among those allowed (bool [N])."""
    rows = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed)
    index = faiss.IndexFlatL2(vectors.shape[1])
    index.add(vectors[rows])
    squared, places = index.search(queries, k)
    return squared, np.where(places < 0, -1, rows[places])


def recall(found, expected) -> float:
    """The share of the rows expected, -1 apart, that were found."""
    pairs = zip(found, expected, strict=True)
    return float(np.mean([len({*a} & {*b} - {-1}) / len({*b} - {-1}) for a, b in pairs]))


def same_but_for_ties(vectors, queries, found, expected) -> bool:
    """Whether the rows found are as far as those expected, and hardly any is another one."""
    far = [np.linalg.norm(vectors[rows] - queries[:, None].astype(float), axis=2) for rows in (found, expected)]
    return np.allclose(*far, rtol=1e-6) and (found == expected).mean() > 0.99


@pytest.mark.parametrize("condition", [None, *CONDITIONS])
def test_neighbours_are_those_of_faiss(films, condition):
    where = condition and parse_condition(condition)
    squared, expected = faiss_neighbours(VECTORS, QUERIES, 10, where and where.mask(ROWS))
    distances, rows = films.kneighbors(QUERIES, 10, where)
    assert (distances.dtype, rows.dtype) == (np.float32, np.int64)
    np.testing.assert_allclose(distances, np.sqrt(squared), rtol=1e-5)
    assert same_but_for_ties(VECTORS, QUERIES, rows, expected)


def test_by_cosine_neighbours_are_those_of_the_smallest_angle(postgres):
    queries = QUERIES * 3
    with PostgresGallery.create(postgres.url, "angles", About(WIDTH, "cosine"), ROWS.schema) as gallery:
        gallery.add(VECTORS[:3000], ROWS[:3000])
        distances, rows = gallery.kneighbors(queries, 10)
        np.testing.assert_allclose(np.linalg.norm(gallery.vectors_of(rows[0]), axis=1), 1, rtol=1e-6)
    unit = [part / np.linalg.norm(part, axis=1, keepdims=True) for part in (VECTORS[:3000].astype(float), queries)]
    plain = 1 - unit[1] @ unit[0].T
    assert np.array_equal(rows, np.argsort(plain, axis=1)[:, :10])
    np.testing.assert_allclose(distances, np.sort(plain, axis=1)[:, :10], atol=1e-6)


def test_a_film_lies_at_no_distance_from_itself(films):
    distances, rows = films.kneighbors(VECTORS[:90], 1)
    assert np.array_equal(rows[:, 0], np.arange(90))
    assert (distances == 0).all()


def test_the_graph_finds_nearly_all(graph):
    assert graph.kind == "hnsw"
    _, expected = faiss_neighbours(VECTORS, QUERIES, 10)
    _, rows = graph.kneighbors(QUERIES, 10)
    assert recall(rows, expected) > 0.95


@pytest.mark.parametrize("few", [0, search.FEW])
@pytest.mark.parametrize("condition", [*CONDITIONS, "id in ('film 3', 'film 777')"])
def test_the_graph_finds_as_many_as_meet_the_condition(graph, monkeypatch, condition, few):
    monkeypatch.setattr(search, "FEW", few)  # 0: the graph is searched however few meet the condition
    where = parse_condition(condition)
    mask = where.mask(ROWS)
    _, expected = faiss_neighbours(VECTORS, QUERIES[:20], 10, mask)
    _, rows = graph.kneighbors(QUERIES[:20], 10, where)
    assert recall(rows, expected) > 0.95
    distances, rows = graph.kneighbors(QUERIES[:5], 300, where)
    full = min(300, mask.sum())
    assert mask[rows[:, :full]].all()
    assert (np.diff(distances[:, :full]) >= 0).all()
    assert (rows[:, full:] == -1).all() and np.isinf(distances[:, full:]).all()
    assert all(len(set(found[:full])) == full for found in rows.tolist())


def test_where_the_graph_gives_up_all_are_compared(postgres, graph, monkeypatch):
    monkeypatch.setattr(search, "FEW", 0)
    where = parse_condition("age < 3")
    url = f"{postgres.url}&options=-c%20hnsw.max_scan_tuples%3D1"
    with PostgresGallery.open(url, "graph") as hasty:
        rows = hasty.kneighbors(QUERIES, 10, where)[1]
    assert (rows >= 0).all() and where.mask(ROWS)[rows].all()


def test_another_process_searches_the_graph_once_it_opens_the_gallery(postgres, graph):
    with PostgresGallery.open(postgres.url, "graph", ef_search=20) as again:
        assert (again.kind, again.ef_search, again.about, again.schema) == ("hnsw", 20, graph.about, graph.schema)
        assert (again.kneighbors(VECTORS[:5], 1)[1][:, 0] == np.arange(5)).all()


@pytest.mark.parametrize("kind", ["exact", "hnsw"])
def test_of_films_equally_far_the_lower_row_comes_first(postgres, kind):
    X = np.array([[1, 0], [0, 1], [1, 0], [-1, 0], [3, 0], [1, 0]], np.float32)
    with PostgresGallery.create(postgres.url, "ties", About(2), pa.schema({"id": pa.string()}), kind=kind) as gallery:
        gallery.add(X, ids(*"abcdef"))
        assert gallery.kneighbors([[0, 0.5], [1, 0]], 6)[1].tolist() == [[1, 0, 2, 3, 5, 4], [0, 2, 5, 1, 3, 4]]
        gallery.add(np.ones((50, 2)), ids(*map(str, range(50))))
        assert gallery.kneighbors([[1, 1]], 50)[1][0].tolist() == list(range(6, 56))
        if kind == "exact":
            assert gallery.kneighbors([[0, 0.5], [1, 0]], 2)[1].tolist() == [[1, 0], [0, 2]]
    PostgresGallery.drop(postgres.url, "ties")


def test_a_condition_means_the_same_in_sql_as_in_memory(postgres):
    rng = Random(3)
    rows = random_table(rng, 120).append_column("id", pa.array([str(row) for row in range(120)]))
    found = 0
    with PostgresGallery.create(postgres.url, "conditions", About(2), rows.schema) as gallery:
        gallery.add(np.random.default_rng(0).normal(size=(120, 2)), rows)
        for _ in range(300):
            condition = random_condition(rng)
            mask = condition.mask(rows)
            _, [met] = gallery.kneighbors([[1, 1]], 120, condition)
            assert sorted(met[met >= 0]) == np.flatnonzero(mask).tolist(), condition
            found += 0 < mask.sum() < 120
    assert found > 100


def test_rows_and_vectors_come_back_as_they_were(postgres):
    rows = random_table(Random(4), 60).append_column("id", pa.array([f"ä{row}" for row in range(60)]))
    rows = rows.append_column(
        "seen", pa.array([datetime(2020, 1, 1, 5, tzinfo=UTC)] * 60, pa.timestamp("s", "Asia/Tokyo"))
    )
    rows = rows.append_column("few", pa.array([7] * 60, pa.int8())).append_column("none", pa.nulls(60))
    X = np.random.default_rng(0).normal(size=(60, 5)).astype(np.float32)
    with PostgresGallery.create(postgres.url, "types", About(5), rows.schema) as gallery:
        assert gallery.columns == rows.column_names
        gallery.add(X, rows)
        places = gallery.find(["ä5", "nobody", "ä3", "ä5"])
        assert places.tolist() == [5, -1, 3, 5]
        chosen = places[places >= 0]
        assert gallery.take(chosen).to_pylist() == rows.take(chosen).to_pylist()
        assert np.array_equal(gallery.vectors_of(chosen), X[chosen])
        assert gallery.take([]).schema == gallery.schema
        assert gallery.vectors_of([]).shape == (0, 5)
        assert gallery.kneighbors(np.empty((0, 5)), 2)[0].shape == (0, 2)


@pytest.mark.parametrize("column", ["label", "view", "id", "age", "nothing"])
def test_the_values_of_a_column(films, column):
    known = (
        [value for value in ROWS[column].unique().to_pylist() if value is not None]
        if column in ROWS.column_names
        else []
    )
    assert films.values(column) == sorted(known)


def test_not_a_number_is_missing(postgres):
    rows = pa.table({"id": ["a", "b"], "dose": [float("nan"), 1.5]})
    with PostgresGallery.create(postgres.url, "doses", About(1), rows.schema) as gallery:
        gallery.add([[1], [2]], rows)
        assert gallery.take([0, 1]).column("dose").to_pylist() == [None, 1.5]
        for text in ("dose > 0", "dose == None", "dose != 1.5"):
            _, [met] = gallery.kneighbors([[1]], 2, condition := parse_condition(text))
            assert sorted(met[met >= 0]) == np.flatnonzero(condition.mask(rows)).tolist()


def test_films_are_taken_out(small):
    assert small.add(np.eye(3), ids("a", "b", "c")) == 3
    assert small.remove(["a", "c", "a"]) == 2
    assert len(small) == 1
    assert small.find(["a", "b", "c"]).tolist() == [-1, 1, -1]
    assert small.kneighbors(np.eye(3)[:1], 2)[1].tolist() == [[1, -1]]
    with pytest.raises(ArgumentError, match="1 of 2 are not in the gallery, such as a"):
        small.remove(["a", "b"])
    assert len(small) == 1
    small.add([[1, 2, 3]], ids("a"))
    assert small.find(["a"])[0] > 2


def test_what_is_wrong_is_said_before_anything_is_kept(small):
    small.add([[1, 2, 3]], ids("a"))
    for X, rows, complaint in (
        ([[1, 2, 3]], ids("a"), "1 of 1 are in the gallery already, such as a"),
        (np.eye(3), ids("b", "c", "b"), "id: b is there 2 times"),
        ([[1, np.nan, 3]], ids("b"), "row 0 holds NaN"),
        ([[1, 2, 3], [0, 0, 0]], ids("b", "c"), "row 1 is a vector of length zero"),
        ([[1, 2]], ids("b"), "wanted vectors of 3 numbers, got 2"),
        ([[1, 2, 3]], ids("b", "c"), "wanted one for each of 1 vectors, got 2"),
        ([[1, 2, 3]], pa.table({"id": ["b"], "sex": ["F"]}), "no column sex"),
        ([[1, 2, 3]], ids("b\0"), "zero byte"),
    ):
        with pytest.raises(ArgumentError, match=complaint):
            small.add(X, rows)
    assert len(small) == 1
    with pytest.raises(ArgumentError, match="k: wanted 1 or more"):
        small.kneighbors([[1, 2, 3]], 0)
    with pytest.raises(ArgumentError, match="there is no column sex"):
        small.kneighbors([[1, 2, 3]], 1, Compare("sex", "==", "F"))
    with pytest.raises(ArgumentError, match="no case in row 5"):
        small.take([0, 5])
