"""The benchmark of galleries asks both sides the same, times them alike, and counts what is found as a loop does."""

import importlib.util
import json
import math
import subprocess
import sys
import time
from collections import Counter
from itertools import count

import faiss
import numpy as np
import pytest
import torch

from embedlearn.gallery.gallery import Gallery
from embedlearn.gallery.where import Compare
from experiments.benchmarks import gallery as benchmark
from experiments.benchmarks import gallery_peers as peers
from experiments.benchmarks import gallery_scene as scenes
from experiments.benchmarks import gallery_torch
from experiments.benchmarks.gallery_scene import Scene, Sizes

TINY = Sizes(3_000, 2_000, 1_000, ("ivfpq", "ivf", "hnsw", "sq8"), 120, 2, 4, 5, (2_000,))


@pytest.fixture(scope="module")
def scene():
    return Scene.draw(TINY, 3_000)


# What is searched.


def test_vectors_are_seeded_of_length_one_and_about_the_same_centres():
    vectors, again, other = (scenes.draw(70_000, seed) for seed in (0, 0, 1))
    assert vectors.dtype == np.float32 and vectors.shape == (70_000, scenes.WIDTH)
    assert (vectors == again).all() and (vectors != other).any()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    products = np.sort(other[:100] @ vectors.T, axis=1)
    shared = 1 / (1 + scenes.SPREAD**2)  # the cosine of two vectors of a cluster, but for chance
    assert products[:, -10:].mean() > shared > 3 * abs(products.mean())
    assert products[:, -1].max() < 0.95


def test_the_more_spread_the_fewer_neighbours_share_a_centre():
    """With almost no spread vectors of a cluster are alike; with much of it all are strangers."""
    nearest = []
    for spread in (0.1, scenes.SPREAD, scenes.HARD, 10):
        base, queries = scenes.draw(20_000, 0, spread), scenes.draw(100, 1, spread)
        nearest.append(np.sort(queries @ base.T, axis=1)[:, -10:].mean())
    assert nearest == sorted(nearest, reverse=True)
    assert nearest[0] > 0.98 and nearest[-1] == pytest.approx(3.3 / np.sqrt(scenes.WIDTH), abs=0.05)


def test_a_condition_on_the_source_holds_for_one_in_a_hundred():
    rows = scenes.describe(20_000)
    counted = Counter(rows.column("source").to_pylist())
    assert len(counted) == scenes.SOURCES and len(set(rows.column("id").to_pylist())) == 20_000
    assert min(counted.values()) > 140 and max(counted.values()) < 260


def test_recall_counts_as_a_loop_does():
    rng = np.random.default_rng(0)
    found, truth = (np.stack([rng.permutation(30)[:10] for _ in range(50)]) for _ in range(2))
    found[3, 4:] = -1
    shares = [len(set(own.tolist()) & set(true.tolist())) / 10 for own, true in zip(found, truth, strict=True)]
    assert scenes.recall(found, truth) == pytest.approx(np.mean(shares))
    assert scenes.recall(truth[:, ::-1], truth) == 1


# How it is timed.


def test_sides_are_asked_in_turn_and_every_second_round_backwards():
    asked = []
    seconds = scenes.in_turn(3, *(lambda number, side=side: asked.append((number, side)) for side in "abc"))
    assert [len(side) for side in seconds] == [3, 3, 3]
    assert [number for number, _ in asked] == [-1] * 3 + [0] * 3 + [1] * 3 + [2] * 3
    orders = {"".join(side for number, side in asked if number == each) for each in range(3)}
    assert orders == {"abc", "cba"}


def test_each_call_is_charged_with_its_own_seconds_but_for_the_first_round(monkeypatch):
    clock = [0.0]
    costs = {"own": count(1), "other": count(10, 10)}
    monkeypatch.setattr(scenes.time, "perf_counter", lambda: clock[0])

    def spend(side):
        clock[0] += next(costs[side])

    assert scenes.in_turn(2, lambda _: spend("own"), lambda _: spend("other")) == [[2, 3], [20, 30]]


def test_queries_are_asked_one_by_one_and_a_round_goes_on_where_the_last_ended():
    asked = []
    queries = np.arange(10, dtype=np.float32).reshape(5, 2)
    call = scenes.one_by_one(lambda query: asked.append(query), queries, 3)
    call(0)
    call(1)
    assert [query.shape for query in asked] == [(1, 2)] * 6
    assert [query[0, 0] / 2 for query in asked] == [0, 1, 2, 3, 4, 0]


def test_who_is_slower_has_a_ratio_below_one(scene):
    def slow(queries):
        time.sleep(0.004)

    def quick(queries):
        time.sleep(0.0005)

    behind, ahead = (list(scene.speeds("x", *sides)) for sides in ((slow, {"a": quick}), (quick, {"a": slow})))
    assert [found.metric for found in behind] == [
        "x, batches of 120, microseconds a query", "x, one by one, microseconds a query",
    ]  # fmt: skip
    assert all(found.ratio < 0.6 and found.ours > found.peer for found in behind)
    assert all(found.ratio > 1.6 and found.peer_name == "a" for found in ahead)
    assert 4000 / 120 < behind[0].ours < 4000 < behind[1].ours


def test_what_a_query_costs_more_is_the_median_of_differences(monkeypatch, scene):
    monkeypatch.setattr(benchmark, "in_turn", lambda *_: [[2e-4, 3e-4, 9e-4], [1e-4, 1e-4, 8e-4]])
    both, more = benchmark.overhead_of_a_query(scene)
    assert (both.ours, both.peer, both.ratio) == (pytest.approx(300), pytest.approx(100), pytest.approx(0.5))
    assert (more.ours, more.ratio, more.peer_name) == (pytest.approx(100), pytest.approx(0.5), "aim")


# That both sides are asked the same.


def test_peers_find_what_the_gallery_finds(scene, tmp_path):
    np.save(tmp_path / "vectors.npy", scene.vectors)
    assert (peers.bare(scene.vectors)(scene.queries)[1] == scene.truth).all()
    assert (peers.scikit(scene.vectors)(scene.queries)[1] == scene.truth).all()
    assert (peers.load_and_search(tmp_path / "vectors.npy", scene.queries)[1] == scene.truth).all()
    assert (gallery_torch.matmul(torch.from_numpy(scene.vectors), scene.queries) == scene.truth).all()
    products = scene.queries @ scene.vectors.T
    assert scenes.recall(np.argsort(-products, axis=1)[:, :10], scene.truth) == 1


def test_conditions_are_new_each_time_or_seen_before(monkeypatch, scene):
    given = []
    monkeypatch.setattr(Gallery, "kneighbors", lambda self, queries, k=10, where=None: given.append(where))
    assert len(list(benchmark.filtered(scene))) == 4
    given = [where for where in given if where]
    half = len(given) // 2
    assert set(given[:half]) == {Compare("source", "==", "site 0")}
    assert len(set(given[half:])) == min(half, scenes.SOURCES)
    assert all(one != other for one, other in zip(given[half:], given[half + 1 :], strict=False))


def test_hnswlib_takes_the_least_effort_that_finds_enough(scene):
    pytest.importorskip("hnswlib")
    graph = peers.Hnswlib(scene.vectors)
    effort = graph.tune(scene.queries, scene.truth, 0.9)
    before = peers.EFFORTS[peers.EFFORTS.index(effort) - 1]
    assert scenes.recall(graph.search(scene.queries), scene.truth) >= 0.9 and graph.seconds > 0
    graph.index.set_ef(before)
    assert effort > peers.EFFORTS[0] and scenes.recall(graph.search(scene.queries), scene.truth) < 0.9
    assert graph.tune(scene.queries, scene.truth, 1.1) == peers.EFFORTS[-1]


def test_without_hnswlib_or_a_gpu_a_word_is_said(monkeypatch, capsys, scene):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
    assert benchmark.rival(scene) is None and list(gallery_torch.on_a_gpu(TINY)) == []
    assert "hnswlib is not installed" in (said := capsys.readouterr().out) and "see no GPU" in said


def test_what_a_gpu_does_is_measured_where_there_is_one(monkeypatch):
    """Here the processor plays the GPU; one thread copies, since two wait for each other where others use the cores."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        measured_on_a_played_gpu(monkeypatch)
    finally:
        torch.set_num_threads(threads)


def measured_on_a_played_gpu(monkeypatch):
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    found = list(gallery_torch.on_a_gpu(TINY, "cpu"))
    assert {each.metric.split(", ")[1] for each in found} == {"torch.float32", "torch.float16"} and len(found) == 10
    assert [each.ratio for each in found if "recall" in each.metric] == pytest.approx([1, 1], abs=0.05)
    bound = [each for each in found if each.peer_name == "reading every vector once"]
    assert len(bound) == 4 and all(0 < each.ratio < 1 for each in bound)


def test_cases_that_were_added_are_there(scene):
    with benchmark.saved(scene.flat) as folder:
        added, opened = benchmark.grown(folder, scene)
        with Gallery.open(folder) as gallery:
            assert len(gallery) == 3_000 + TINY.added + 1
            late = scenes.draw(TINY.added + 1, 2)
            assert gallery.find(["late 2"])[0] == gallery.kneighbors(late[2:3], 1)[1]
    assert added.n == TINY.added and opened.ours > opened.peer


def test_everything_is_measured():
    found = list(benchmark.measurements(TINY))
    assert all(each.metric and each.peer_name and each.n >= 1 for each in found)
    assert all(value > 0 and math.isfinite(value) for each in found for value in (each.ours, each.peer, each.ratio))
    assert len({(each.metric, each.peer_name) for each in found}) == len(found)
    fresh = [each for each in found if "recall@10 of fresh" in each.metric]
    assert len(fresh) == len(TINY.kinds) + 1 and all(0.8 < each.ours <= 1 for each in fresh)


@pytest.mark.slow
def test_the_benchmark_of_galleries_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "experiments.benchmarks.gallery", "--quick", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert {"ivfpq", "ivf", "hnsw", "sq8", "exact"} <= {each["metric"].split()[0].strip(",") for each in found}
    assert all(list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"] for each in found)
