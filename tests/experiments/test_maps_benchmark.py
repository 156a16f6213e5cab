"""The benchmark of maps gives every side the same films, times them alike, and measures their maps alike."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.manifold import trustworthiness

from experiments.benchmarks import map_sides
from experiments.benchmarks import maps as benchmark
from experiments.benchmarks.maps import Drawn, Sizes


def test_films_are_seeded_of_length_one_and_clustered():
    given, again = benchmark.draw(2_000), benchmark.draw(2_000)
    assert all((given[name] == again[name]).all() for name in given)
    vectors = given["vectors"]
    assert vectors.dtype == np.float32 and vectors.shape == (2_000, benchmark.WIDTH)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    nearest = np.argsort(-(vectors @ vectors.T), axis=1)[:, 1:11]
    alike = (given["labels"][nearest] == given["labels"][:, None]).mean()
    assert alike > 0.9 and len(set(given["labels"])) == benchmark.LABELS
    by_source = (given["sources"][nearest] == given["sources"][:, None]).mean()
    assert by_source == pytest.approx(1 / benchmark.SOURCES, abs=0.02)


@pytest.fixture(scope="module")
def given():
    return benchmark.draw(200)


@pytest.mark.parametrize("side", ["our-figure", "our-tsne", "scikit-tsne"])
def test_a_side_draws_all_films(given, tmp_path, side):
    np.savez(tmp_path / "films.npz", **given)
    map_sides.run_side(side, tmp_path / "films.npz", tmp_path)
    places = np.load(tmp_path / "places.npy")
    assert places.shape == (200, 2) and trustworthiness(given["vectors"], places, n_neighbors=10) > 0.8
    assert (tmp_path / "map.png").exists() == (side == "our-figure")


def test_umap_learns_figure_has_a_scatter_by_label_and_one_by_source(given, tmp_path, monkeypatch):
    """The library is played: what it is asked, and that its places are drawn."""
    asked = []

    class UMAP:
        def __init__(self, **settings):
            asked.append(settings)

        def fit_transform(self, vectors):
            return vectors[:, :2]

    monkeypatch.setitem(sys.modules, "umap", type(sys)("umap"))
    sys.modules["umap"].UMAP = UMAP
    assert (map_sides.bare_figure(given, tmp_path) == given["vectors"][:, :2]).all()
    map_sides.unseeded_figure(given, tmp_path)
    same = {"n_neighbors": 15, "min_dist": 0.1}
    assert asked == [{**same, "random_state": 0, "n_jobs": 1}, same]
    with Image.open(tmp_path / "map.png") as drawn:
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(10**6)}
    assert {(31, 119, 180), (255, 127, 14), (44, 160, 44)} <= colours


def test_sides_draw_the_same_films_in_turn_after_a_few(monkeypatch):
    ran = []

    def play(side, films, out):
        held = np.load(films)
        ran.append((side, len(held["vectors"])))
        np.save(out / "places.npy", held["vectors"][:, :2] if side == "a" else held["vectors"][:, 2:4])

    monkeypatch.setattr(benchmark, "run_apart", play)
    monkeypatch.setattr(benchmark, "WARMING", 300)
    drawn = benchmark.drawn_by("a", ("b", "c"), 400, 2)
    assert sorted(ran[:3]) == [("a", 300), ("b", 300), ("c", 300)]
    assert sorted(ran[3:]) == [(side, 400) for side in "aabbcc"]
    assert list(drawn.seconds) == list("abc") and all(len(rounds) == 2 for rounds in drawn.seconds.values())
    assert drawn.quality["b"] == drawn.quality["c"] != drawn.quality["a"]
    films = benchmark.draw(400)["vectors"]
    expected = trustworthiness(films, films[:, :2], n_neighbors=15)
    assert drawn.quality["a"].trustworthiness == pytest.approx(expected, abs=1e-6)


def test_who_is_slower_has_a_ratio_below_one(monkeypatch, given):
    quality = benchmark.map_quality(given["vectors"], given["vectors"][:, :2], given["labels"], given["sources"])
    drawn = Drawn({"a": [4.0, 5.0, 9.0], "b": [2.0, 2.0, 2.0]}, {"a": quality, "b": quality})
    seconds, trust, kept = benchmark.beside("x", drawn, {"b": "peer"})
    assert (seconds.ours, seconds.peer, seconds.ratio, seconds.n) == (5, 2, 0.4, 3)
    assert trust.ratio == kept.ratio == 1 and trust.ours == quality.trustworthiness and kept.ours == quality.kept
    assert (seconds.metric, kept.metric, kept.peer_name) == ("x, seconds", "x, neighbours kept", "peer")


def test_a_side_runs_in_a_process_of_its_own_that_loads_no_other(given, tmp_path):
    np.savez(tmp_path / "films.npz", **given)
    benchmark.run_apart("our-tsne", tmp_path / "films.npz", tmp_path)
    assert np.load(tmp_path / "places.npy").shape == (200, 2)
    with pytest.raises(subprocess.CalledProcessError):
        benchmark.run_apart("nobody", tmp_path / "films.npz", tmp_path)
    code = "import sys, experiments.benchmarks.map_sides; "
    code += "print([name for name in ('umap', 'sklearn', 'matplotlib', 'embedlearn', 'torch') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=benchmark.ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_everything_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark, "QUICK", Sizes(400, 400, 1, 1))
    benchmark._run(benchmark.MapBenchmark(json=tmp_path / "found.json", quick=True))
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert len(found) == 9 and len({(each["metric"], each["peer_name"]) for each in found}) == 9
    assert all(value > 0 and math.isfinite(value) for each in found for value in (each["ours"], each["peer"]))
    assert all(each["ratio"] > 0.9 for each in found if "seconds" not in each["metric"])
