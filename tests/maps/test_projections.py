"""Projections keep neighbours together, draw the same map twice, and place each new film for itself."""

import os
import subprocess
import sys

import numpy as np
import pytest
from amounts import mostly_slow
from scipy.spatial import cKDTree
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from embedlearn.errors import ArgumentError
from embedlearn.gallery.exact import exact_neighbours
from embedlearn.maps.neighbours import neighbours_elsewhere
from embedlearn.maps.projections import KINDS, create_projection
from embedlearn.maps.projections import tsne as tsne_module
from embedlearn.maps.projections.fuzzy import fuzzy_graph

DRAWN = ("umap", "tsne", "pca")
QUICK = {"umap": {"epochs": 100}, "tsne": {"steps": 200, "perplexity": 15}, "pca": {}}
CLUSTERS, WIDTH = 6, 12
TENSORFLOW = pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning")


def draw(count, seed):
    """Films about six centres on the sphere, and the number of each one's centre."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLUSTERS, WIDTH))
    cluster = rng.integers(0, CLUSTERS, count)
    films = centres[cluster] + 0.3 * rng.normal(size=(count, WIDTH))
    return (films / np.linalg.norm(films, axis=1, keepdims=True)).astype(np.float32), cluster


FILMS, CLUSTER = draw(400, 0)
NEW, NEW_CLUSTER = draw(40, 1)


@pytest.fixture(scope="module")
def fitted():
    return {kind: create_projection(kind, **QUICK[kind], seed=3).fit(FILMS) for kind in DRAWN}


@pytest.mark.parametrize("kind", DRAWN)
def test_a_map_keeps_neighbours_together_and_groups_apart(fitted, kind):
    places = fitted[kind].embedding_
    assert places.dtype == np.float32 and places.shape == (400, 2)
    assert trustworthiness(FILMS, places, n_neighbors=10) > {"umap": 0.93, "tsne": 0.95, "pca": 0.8}[kind]
    if kind != "pca":
        near = cKDTree(places).query(places, 6)[1][:, 1:]
        assert (CLUSTER[near] == CLUSTER[:, None]).mean() > 0.99


@pytest.mark.parametrize("kind", DRAWN)
def test_the_same_seed_draws_the_same_map(fitted, kind):
    again = create_projection(kind, **QUICK[kind], seed=3).fit(FILMS)
    assert again.embedding_.tobytes() == fitted[kind].embedding_.tobytes()
    assert again.transform(NEW).tobytes() == fitted[kind].transform(NEW).tobytes()
    if kind != "pca":
        other = create_projection(kind, **QUICK[kind], seed=4).fit(FILMS)
        assert other.embedding_.tobytes() != again.embedding_.tobytes()


@pytest.mark.parametrize("kind", DRAWN)
def test_no_global_generator_is_touched(fitted, kind):
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    create_projection(kind, **QUICK[kind]).fit(FILMS[:50]).transform(NEW)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("small", [0, 10_000])
def test_threads_do_not_change_a_map(monkeypatch, small):
    monkeypatch.setattr(tsne_module, "SMALL", small)
    monkeypatch.setattr(tsne_module, "ALONE", 0)
    drawn = []
    for threads in (1, 2):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        drawn.append(create_projection("tsne", steps=20).fit(FILMS))
    assert drawn[0].embedding_.tobytes() == drawn[1].embedding_.tobytes()
    assert drawn[0].transform(NEW).tobytes() == drawn[1].transform(NEW).tobytes()


@pytest.mark.slow
def test_threads_of_the_libraries_do_not_change_a_map_either():
    code = "import hashlib, test_projections as t"
    code += "; p = [t.create_projection(kind, **t.QUICK[kind]).fit(t.FILMS) for kind in t.DRAWN]"
    code += "; print([hashlib.md5(q.embedding_.tobytes() + q.transform(t.NEW).tobytes()).hexdigest() for q in p])"
    said = []
    for threads in ("1", "2"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
        place = {**os.environ, **limits, "PYTHONPATH": os.path.dirname(__file__)}
        said.append(subprocess.run([sys.executable, "-c", code], env=place, capture_output=True, check=True).stdout)
    assert said[0] == said[1] and said[0].count(b"'") == 6


# New films.


@pytest.mark.parametrize("kind", DRAWN)
def test_a_films_place_does_not_depend_on_its_company(fitted, kind):
    together = fitted[kind].transform(NEW)
    alone = np.vstack([fitted[kind].transform(film[None]) for film in NEW])
    backwards = fitted[kind].transform(NEW[::-1].copy())[::-1]
    with_all = fitted[kind].transform(np.vstack([FILMS, NEW, 100 * NEW]))[400:440]
    assert (alone == together).all() and (backwards == together).all() and (with_all == together).all()
    assert fitted[kind].transform(NEW[:0]).shape == (0, 2)


@pytest.mark.parametrize("kind", ["umap", "tsne"])
def test_new_films_land_in_their_groups(fitted, kind):
    near = cKDTree(fitted[kind].embedding_).query(fitted[kind].transform(NEW), 5)[1]
    assert (CLUSTER[near] == NEW_CLUSTER[:, None]).mean() > 0.97


@pytest.mark.parametrize("kind", DRAWN)
def test_a_film_of_the_map_is_placed_where_it_lies(fitted, kind):
    places = fitted[kind].embedding_
    away = np.linalg.norm(fitted[kind].transform(FILMS) - places, axis=1) / np.ptp(places, axis=0).max()
    assert np.median(away) < 0.02


@pytest.mark.slow
@TENSORFLOW
def test_umap_learn_places_new_films_nearly_there():
    """Its own transform, on its own map of the same films; ours on the same map."""
    from umap import UMAP

    peer = UMAP(random_state=0, n_jobs=1, n_epochs=100).fit(FILMS)
    ours = create_projection("umap", epochs=100)
    learnt = {"embedding": peer.embedding_, "curve": np.array([peer._a, peer._b]), "vectors": FILMS}
    placed = type(ours).restored(ours.settings(), learnt).transform(NEW)
    theirs, size = peer.transform(NEW), np.ptp(peer.embedding_, axis=0).max()
    assert np.median(np.linalg.norm(placed - theirs, axis=1)) < 0.02 * size
    assert np.linalg.norm(placed - theirs, axis=1).max() < 0.1 * size


def test_opentsne_places_new_films_there():
    """Its own object, with its own exact neighbours, on the map that it made itself."""
    from openTSNE import TSNE

    peer = TSNE(perplexity=15, n_iter=200, neighbors="exact", random_state=0, negative_gradient_method="fft").fit(FILMS)
    theirs = np.asarray(peer.transform(NEW))
    ours = create_projection("tsne", perplexity=15)
    learnt = {"embedding": np.asarray(peer, np.float32), "vectors": FILMS}
    placed = type(ours).restored(ours.settings(), learnt).transform(NEW)
    assert np.linalg.norm(placed - theirs, axis=1).max() < 0.01 * np.ptp(peer, axis=0).max()


@TENSORFLOW
def test_the_graph_is_umap_learns():
    from umap.umap_ import fuzzy_simplicial_set

    films = np.vstack([FILMS, FILMS[:9]])  # some are equal
    squared, found = exact_neighbours(films, films, 15)
    random = np.random.RandomState(0)
    theirs = fuzzy_simplicial_set(films, 15, random, "euclidean", knn_indices=found, knn_dists=np.sqrt(squared))[0]
    ours = fuzzy_graph(*neighbours_elsewhere(films, 14))
    assert abs(ours - theirs).max() < 1e-3 and ours.nnz > 4000 and abs(ours - ours.T).max() == 0


def test_pca_is_scikit_learns_with_the_sign_fixed(fitted):
    theirs = PCA(2).fit(FILMS)
    ours = fitted["pca"]
    signs = np.sign((ours.components_ * theirs.components_).sum(1))
    np.testing.assert_allclose(ours.embedding_, theirs.transform(FILMS) * signs, atol=1e-5)
    largest = np.abs(ours.components_).argmax(1)
    assert (ours.components_[[0, 1], largest] > 0).all()
    flipped = create_projection("pca").fit(-FILMS)
    np.testing.assert_allclose(np.abs(flipped.embedding_), np.abs(ours.embedding_), atol=1e-5)


# What is kept.


@pytest.mark.parametrize("kind", DRAWN)
def test_a_map_is_restored_from_plain_values_and_arrays(fitted, kind):
    first = fitted[kind]
    settings, arrays = first.settings(), first.arrays()
    assert settings["seed"] == 3 and all(isinstance(value, int | float) for value in settings.values())
    again = type(first).restored(settings, {**arrays, "vectors": FILMS})
    assert (again.embedding_ == first.embedding_).all()
    assert (again.transform(NEW) == first.transform(NEW)).all()
    assert "vectors" not in arrays or (arrays["vectors"] == FILMS).all()


@pytest.mark.parametrize("kind", DRAWN)
def test_progress_comes_to_its_end(kind):
    told = []
    few = {"tsne": {"steps": 70}}.get(kind, QUICK[kind])
    create_projection(kind, **few).fit(FILMS[:60], lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted(done for done, _ in told) and told[-1][0] == told[-1][1]


# What is odd.


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("count", mostly_slow([5, 6, 16, 31], [5, 31]))
def test_a_few_films_make_a_map(kind, count):
    made = create_projection(kind).fit(FILMS[:count])
    assert np.isfinite(made.embedding_).all() and np.ptp(made.embedding_, axis=0).min() > 0
    assert np.isfinite(made.transform(NEW)).all()


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize(
    "films",
    [np.ones((30, 4)), np.repeat(FILMS[:3], 40, axis=0), np.arange(30.0)[:, None], np.vstack([FILMS[:60]] * 2)],
    ids=["one film", "three films", "a line", "every film twice"],
)  # fmt: skip
def test_equal_films_and_thin_ones_make_a_map(kind, films):
    made = create_projection(kind).fit(films)
    far = np.vstack([films[:3], films[:3] + 1, films[:3] * 1e12 + 1e12, films[:3] * 1e25])
    assert np.isfinite(made.embedding_).all() and np.isfinite(made.transform(far)).all()


@pytest.mark.parametrize("kind", DRAWN)
def test_what_cannot_be_mapped_is_refused(fitted, kind):
    broken = FILMS.copy()
    broken[7, 2] = np.nan
    with pytest.raises(ArgumentError, match="row 7 holds NaN"):
        create_projection(kind).fit(broken)
    with pytest.raises(ArgumentError, match="row 7 holds NaN"):
        fitted[kind].transform(broken)
    with pytest.raises(ArgumentError, match="5 films or more"):
        create_projection(kind).fit(FILMS[:4])
    with pytest.raises(ArgumentError, match="wanted vectors of 12 numbers.*got 11"):
        fitted[kind].transform(NEW[:, 1:])


def test_settings_of_no_use_are_refused():
    with pytest.raises(ArgumentError, match="kind: wanted umap, tsne, pca or som, got pacmap"):
        create_projection("pacmap")
    with pytest.raises(ArgumentError, match="perplexity: no setting of umap; wanted one of n_neighbors"):
        create_projection("umap", perplexity=30)
    for kind, wrong in (
        ("umap", {"n_neighbors": 1}), ("umap", {"min_dist": 2}), ("umap", {"epochs": -1}),
        ("tsne", {"perplexity": 0.5}), ("tsne", {"perplexity": float("nan")}), ("tsne", {"steps": 0}),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match=next(iter(wrong))):
            create_projection(kind, **wrong).fit(FILMS)


def test_every_kind_is_there_by_name():
    for kind in KINDS:
        assert create_projection(kind, seed=2).kind == kind and create_projection(kind, seed=2).settings()["seed"] == 2
