"""The benchmark of embedding gives both sides the same films and the same network, and counts what both spend."""

import json
import math
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from embedlearn.embeddings import load_embeddings
from embedlearn.encoders.inputs import embed_films
from embedlearn.radiographs.cache import open_films
from experiments.benchmarks import embedding as benchmark


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return benchmark.draw_films(tmp_path_factory.mktemp("benchmark") / "films", 10)


@pytest.fixture(scope="module")
def saved():
    return benchmark.made_up("resdense", 96)


def test_films_are_grey_jpegs_of_about_a_thousand_pixels_in_order(paths, tmp_path):
    assert paths == sorted(paths) and {path.parent.name for path in paths} == {"healthy", "pneumonia"}
    for path in paths:
        with Image.open(path) as film:
            assert (film.format, film.mode) == ("JPEG", "L") and 900 <= min(film.size) <= max(film.size) <= 1200
            values = np.asarray(film)
        assert 30 < values.std() < 80 and ((values == 0) | (values == 255)).mean() < 0.2
        assert 50_000 < path.stat().st_size < 500_000
    again = benchmark.draw_films(tmp_path, 10)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_the_bare_network_makes_the_bits_of_ours(paths, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path))
    films = open_films(paths, saved.preprocessing)
    assert np.array_equal(
        benchmark.prepare_bare(saved, paths)().numpy(), embed_films(saved.encoder, films, saved.preprocessing)
    )


def test_a_shard_holds_every_film(paths, saved, monkeypatch, tmp_path):
    monkeypatch.setenv("EMBEDLEARN_CACHE", str(tmp_path / "cache"))
    benchmark.prepare_shard(saved, paths, tmp_path)()
    found = load_embeddings(tmp_path / "shards")
    assert found.frame["path"].tolist() == [str(path) for path in paths]
    assert np.array_equal(found.vectors, benchmark.prepare_bare(saved, paths)().numpy())


def test_both_routes_from_files_see_the_same_films_in_the_same_order(paths, saved):
    ours, theirs = benchmark.embed_cold(saved, paths), benchmark.embed_plainly(saved, paths[0].parents[1])
    assert ours.shape == theirs.shape == (10, 128)
    centred = [side - side.mean(axis=0) for side in (ours, theirs)]
    assert ((centred[0] @ centred[1].T).argmax(axis=1) == np.arange(10)).all()


def test_what_is_spent_holds_processes_that_were_started_and_no_sleep():
    burning = "import time; [None for _ in iter(lambda: time.process_time() < 0.3, False)]"
    found = benchmark.spent(lambda: subprocess.run([sys.executable, "-c", burning], check=True))
    assert 0.3 < found.cpu < 2 and found.wall > 0.25
    found = benchmark.spent(lambda: time.sleep(0.2))
    assert found.cpu < 0.1 and found.wall >= 0.2


@pytest.mark.slow
def test_the_benchmark_of_embedding_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "experiments.benchmarks.embedding", "--quick", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found) == 4
    for each in found:
        assert list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
        assert each["metric"] and each["peer_name"] and each["n"] >= 1
        assert all(each[side] > 0 and math.isfinite(each[side]) for side in ("ours", "peer", "ratio"))
