"""The benchmark of schedules: the default comes from its rule, and its kept-out films do not train."""

import json

import numpy as np
import pytest

from embedlearn.maps.som.som import minisom_with
from embedlearn.maps.som.training import first_grid
from experiments.benchmarks import som as benchmark


def test_the_least_radius_below_the_bound_on_every_set_is_taken():
    def rows(*errors):
        names = [f"ours, last radius {radius}" for radius in benchmark.LAST_RADII]
        return [{"schedule": name, "topographic_error": error} for name, error in zip(names, errors, strict=True)]

    one, other = rows(0.2, 0.1, 0.06, 0.05, 0.04, 0.03, 0.02), rows(0.3, 0.2, 0.1, 0.08, 0.05, 0.06, 0.01)
    assert benchmark.best_last_radius(one, 0.05) == 0.8
    assert benchmark.best_last_radius(one + other, 0.05) == 0.9
    assert benchmark.best_last_radius(one + other, 0.001) is None


def test_errors_are_of_films_that_did_not_train():
    seen = []

    def train(films, rows, columns):
        seen.append(films)
        return minisom_with(first_grid(films, rows, columns))

    vectors = benchmark.clustered(100, 0)
    kept_out = np.arange(100) < 20
    found = benchmark.measure(train, vectors, kept_out)
    assert np.array_equal(seen[0], vectors[20:])
    som = minisom_with(first_grid(vectors[20:], found["rows"], found["columns"]))
    assert found["quantization_error"] == pytest.approx(som.quantization_error(vectors[:20]))
    assert found["topographic_error"] == som.topographic_error(vectors[:20])


def test_it_writes_our_default_beside_minisoms_schedules(tmp_path, monkeypatch, capsys):
    kept = ("no training, our PCA start", "MiniSom, train_batch_offline", "ours, last radius 1.0")
    monkeypatch.setattr(benchmark, "SCHEDULES", {name: benchmark.SCHEDULES[name] for name in kept})
    monkeypatch.setattr(benchmark, "LAST_RADII", (1.0,))
    benchmark.run(benchmark.SomBenchmark(json=tmp_path / "som.json", films=800, quick=True))
    written = json.loads((tmp_path / "som.json").read_text())
    assert {row["peer_name"] for row in written} == {"MiniSom, train_batch_offline"}
    assert [row["metric"] for row in written] == [
        "quantization error, clustered",
        "films whose two best nodes touch, clustered",
        "nodes in use, clustered",
        "CPU-seconds, clustered",
    ]
    assert all(row["ours"] > 0 and row["peer"] > 0 for row in written)
    assert written[2]["ratio"] == pytest.approx(written[2]["ours"] / written[2]["peer"])
    assert all(name in capsys.readouterr().out for name in ("clustered",))


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["som", "--json", str(tmp_path / "a.json"), "--embeddings", "nowhere.parquet"])
    with pytest.raises(SystemExit) as exit_:
        benchmark.main()
    assert exit_.value.code == 2
    assert "nowhere.parquet: there is no such file" in capsys.readouterr().err
