"""The benchmark of episodes asks both sides the same, says where they differ, and measures what it says it does."""

import json
import math
import subprocess
import sys
from subprocess import CompletedProcess

import numpy as np
import pytest
import torch
from easyfsl.utils import evaluate
from sklearn.neighbors import KNeighborsClassifier

from embedlearn.embeddings import load_embeddings
from embedlearn.episodes.evaluate import all_scores
from embedlearn.episodes.heads.knn import KNNClassifier
from embedlearn.episodes.heads.prototype import PrototypeClassifier
from embedlearn.episodes.space import Space, normalized
from experiments.benchmarks import episodes as benchmark
from experiments.benchmarks import peers
from experiments.benchmarks.peers import Films, agreement, their_scores

EVALUATED, ITERATING = 4, 8


@pytest.fixture(scope="module", params=[5, 3])
def films(request):
    return Films.draw(request.param, 60)


def test_films_are_spread_about_the_means_of_classes_of_equal_size(films):
    ways = len(set(films.classes))
    assert films.rows.shape == (60 * ways, 512) and films.rows.dtype == np.float32
    means = np.stack([films.rows[films.classes == name].mean(axis=0) for name in np.unique(films.classes)])
    within = films.rows.reshape(ways, 60, 512) - means[:, None]
    assert within.std() == pytest.approx(peers.SPREAD, rel=0.02)
    assert means.std() == pytest.approx(math.sqrt(1 + peers.SPREAD**2 / 60), rel=0.1)
    assert (Films.draw(ways, 60).rows == films.rows).all()


# Both sides are asked the same.


@pytest.mark.parametrize("place", range(EVALUATED))
def test_what_answers_from_products_answers_as_its_peer(films, place):
    duels = peers.evaluated(films.center)
    assert len(duels) == EVALUATED
    drawn = films.episodes(20, 1)
    ours = all_scores(Space(films.rows, films.center), duels[place].head, drawn)
    said = agreement(ours, their_scores(duels[place].peer, duels[place].peer_rows(films.rows), drawn))
    assert said.endswith((" identical", ", 0 not"))
    assert (ours.argmax(axis=2) == drawn.query_label).mean() > 1.5 / drawn.n_way


@pytest.mark.parametrize("place", range(ITERATING))
def test_what_iterates_answers_as_its_peer(films, place):
    duels = peers.iterating()
    assert len(duels) == ITERATING
    head, peer_name, peer, peer_rows = (
        getattr(duels[place], name) for name in ("head", "peer_name", "peer", "peer_rows")
    )
    drawn, rows = films.episodes(8, 1), normalized(films.rows)
    ours, theirs = all_scores(Space(rows), head, drawn), their_scores(peer, peer_rows(rows), drawn)
    differing = (ours.argmax(axis=2) != theirs.argmax(axis=2)).mean()
    assert differing <= (0.01 if peer_name == "scikit-learn LogisticRegression" else 0.003)
    assert (theirs == their_scores(peer, peer_rows(rows), drawn)).all()  # nothing is kept from episode to episode


def test_a_model_of_scikit_learn_in_easyfsls_loop_is_fitted_to_each_support():
    films = Films.draw(4, 30, 16)
    drawn = films.episodes(3, 0)
    found = their_scores(peers.fitting(KNeighborsClassifier(3)), films.rows, drawn)
    for support, query, scores in zip(drawn.support, drawn.query, found, strict=True):
        model = KNeighborsClassifier(3).fit(films.rows[support], drawn.support_label)
        assert (scores == model.predict_proba(films.rows[query])).all()


def test_easyfsl_draws_loads_and_answers_episodes_of_the_same_films(films):
    ways = len(set(films.classes))
    loader = peers.easyfsl_loader(films, 60)
    support, label, query, truth, _ = next(iter(loader))
    assert len(loader) == 60 and support.shape == (5 * ways, 512) and query.shape == (15 * ways, 512)
    assert torch.bincount(label).tolist() == [5] * ways and torch.bincount(truth).tolist() == [15] * ways
    where = {row.tobytes(): name for row, name in zip(films.rows, films.classes, strict=True)}
    for rows, slots in ((support, label), (query, truth)):
        assert len({(where[row.numpy().tobytes()], int(slot)) for row, slot in zip(rows, slots, strict=True)}) == ways
    head, peer = PrototypeClassifier(), peers.evaluated(films.center)[0].peer
    ours = benchmark.accuracy(head, films, 60, 0)
    assert 0.4 < ours < 0.99
    assert evaluate(peer, loader, device="cpu", use_tqdm=False) == pytest.approx(ours, abs=0.05)


# Where they differ.


def test_predictions_that_differ_are_counted_by_whether_the_peer_holds_them_for_tied():
    theirs = np.array([[[0.0, 1.0, 0.0], [0.5, 0.49999, 0.0], [0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]])
    ours = np.log(np.array([[[0.1, 0.8, 0.1], [0.4, 0.5, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]]))
    assert agreement(ours, theirs) == "2 of 4 predictions identical, 1 tied within 0.0001, 1 not"
    assert agreement(theirs, theirs) == "4 of 4 predictions identical"
    assert agreement(ours, 100 * theirs) == agreement(ours, theirs)


def test_votes_that_are_tied_are_all_that_majorities_differ_in(films):
    head, drawn = KNNClassifier(5), films.episodes(40, 2)
    theirs = their_scores(peers.fitting(KNeighborsClassifier(5)), films.rows, drawn)
    ours = all_scores(Space(films.rows), head, drawn)
    differ = ours.argmax(axis=2) != theirs.argmax(axis=2)
    first, second = np.sort(theirs, axis=2)[..., -1], np.sort(theirs, axis=2)[..., -2]
    assert differ.any() and (first == second)[differ].all()


# Whole processes.


def test_saved_embeddings_are_three_classes_of_unseen_films(tmp_path):
    benchmark.save_embeddings(tmp_path / "films.parquet")
    found = load_embeddings(tmp_path / "films.parquet")
    assert found.vectors.shape == (600, 128)
    assert found.frame["label"].value_counts().tolist() == [200] * 3
    assert set(found.frame["split"]) == {"held-out"}
    assert found.frame["case"].is_unique and found.frame["sha256"].is_unique
    np.testing.assert_allclose(found.center, found.vectors.mean(axis=0), atol=1e-6)


def test_a_command_that_fails_is_left_out_with_a_word(monkeypatch, capsys):
    monkeypatch.setattr(subprocess, "run", lambda command, **_: CompletedProcess(command, 2, "", "no such flag\n"))
    assert list(benchmark._command(True, 2)) == []
    assert "left out, it failed: no such flag" in capsys.readouterr().out


def test_a_command_is_timed_after_a_first_run(monkeypatch):
    clock, costs = [0.0], [9.0, 2.0, 4.0, 3.0]

    def run(command, **_):
        clock[0] += costs.pop(0)
        return CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock[0])
    (found,) = benchmark._command(False, 3)
    assert (found.ours, found.peer, found.ratio, found.n) == (3, 5, pytest.approx(5 / 3), 3)


def test_the_peak_is_that_of_the_process_alone_and_grows_with_the_films():
    held = np.ones(3 * 10**7)  # a quarter of a GB, beside torch, that is not the other process's
    few, many = (benchmark.peak_gigabytes(films) for films in (10_000, 60_000))
    assert len(held) and 0.05 < few < 0.6
    assert 50_000 * 512 * 4 / 1e9 < many - few < 4 * 50_000 * 512 * 4 / 1e9


@pytest.mark.slow
def test_the_benchmark_of_episodes_writes_its_ratios(tmp_path):
    path = tmp_path / "found.json"
    command = [sys.executable, "-m", "experiments.benchmarks.episodes", "--quick", "--json", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert len(found) >= 2 * (2 * EVALUATED + ITERATING) + 1
    for each in found:
        assert list(each) == ["metric", "ours", "peer", "peer_name", "ratio", "n"]
        assert each["metric"] and each["peer_name"] and each["n"] >= 1
        assert all(each[side] > 0 and math.isfinite(each[side]) for side in ("ours", "peer", "ratio"))
