"""Training on films that may show several findings: it learns, stops, goes on and is shared as any other."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from finding_toys import CASES, FINDINGS, build_finding_trainer, judge, make_findings, train
from sklearn.metrics import roc_auc_score

from embedlearn.encoders.findings import MEAN, FindingScores, finding_auc, neighbour_votes
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.multilabel import HEAD
from embedlearn.encoders.resume import restore_training, save_training
from embedlearn.encoders.settings import Objective, Sampling
from embedlearn.errors import ArgumentError


def without_time(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


@pytest.mark.parametrize("case", ["bce", "overlap"])
def test_easy_findings_are_learnt(case):
    trainer = build_finding_trainer(CASES[case], epochs=5, films=60)
    while not trainer.finished:
        trainer.run_epoch()
    assert trainer.history[-1]["label_loss"] < trainer.history[0]["label_loss"]
    assert trainer.history[-1][MEAN] > 0.85


def test_the_columns_are_the_auc_of_each_finding_by_the_head_that_best_holds():
    trainer = build_finding_trainer(CASES["bce"], epochs=1)
    row = trainer.run_epoch()
    encoder = trainer.encoder
    encoder.load_state_dict({name: value for name, value in trainer.best.items() if not name.startswith(HEAD)})
    vectors = embed_films(encoder, trainer.validation.films, trainer.plan.preprocessing)
    weight, bias = (trainer.best[f"{HEAD}{name}"].numpy() for name in ("weight", "bias"))
    scores = 16 * vectors @ weight.T + bias
    each = []
    for column, name in enumerate(FINDINGS):
        target = trainer.validation.labels[:, column]
        each.append(roc_auc_score(target[target >= 0], scores[target >= 0, column]))
        assert row[f"val_auc {name}"] == pytest.approx(each[-1], abs=0.01)  # near ties fall either way
    assert row[MEAN] == pytest.approx(np.mean(each), abs=0.01)


@pytest.mark.parametrize("case", ["bce and instance", "overlap"])
def test_it_goes_on_behind_any_step_to_the_same_bits(case, tmp_path):
    whole = build_finding_trainer(CASES[case])
    for _ in range(2):
        whole.run_epoch()
    stopped = build_finding_trainer(CASES[case])
    stopped.run_epoch()

    def stop(done, total):
        save_training(tmp_path, stopped)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped.run_epoch(stop)
    resumed = build_finding_trainer(CASES[case])
    assert restore_training(tmp_path, resumed) is None
    assert resumed.step == 1
    resumed.run_epoch()
    assert without_time(resumed.history) == without_time(whole.history)
    assert resumed.best.keys() == whole.best.keys()
    assert all(torch.equal(value, resumed.best[name]) for name, value in whole.best.items())
    weights = resumed.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in whole.encoder.state_dict().items())


def test_the_auc_of_findings_is_scikit_learns_where_there_is_one():
    rng = np.random.default_rng(0)
    targets, scores = rng.integers(-1, 2, (50, 4)), rng.integers(0, 6, (50, 4)) / 2
    targets[:, 2], targets[:, 3] = -1, 1
    found = finding_auc(scores, targets)
    for column in (0, 1):
        known = targets[:, column] >= 0
        assert found[column] == pytest.approx(roc_auc_score(targets[known, column], scores[known, column]))
    assert np.isnan(found[2:]).all()
    assert finding_auc(np.exp(scores), targets)[:2] == pytest.approx(found[:2])


def test_votes_are_means_over_the_films_of_which_a_finding_is_known():
    rng = np.random.default_rng(1)
    gallery, queries = (torch.nn.functional.normalize(torch.from_numpy(rng.normal(size=(n, 5))), dim=1) for n in (9, 4))
    targets = rng.integers(-1, 2, (9, 3))
    targets[0] = 0, 1, 1
    wanted = np.zeros((4, 3))
    for query in range(4):
        for finding in range(3):
            weights = [
                (np.exp(float(gallery[film] @ queries[query]) / 0.1), targets[film, finding] == 1)
                for film in range(9) if targets[film, finding] >= 0
            ]  # fmt: skip
            wanted[query, finding] = sum(w for w, shown in weights if shown) / sum(w for w, _ in weights)
    assert neighbour_votes(gallery.float(), targets, queries.float()).numpy() == pytest.approx(wanted, rel=1e-4)


def test_findings_that_validation_cannot_tell_have_no_column():
    targets = np.array([[1, 0, 1], [0, -1, 1], [0, 0, 1], [0, 0, 1]])
    scores = FindingScores("abc", targets)
    assert scores.columns == (MEAN, "val_auc a")
    assert scores.of(torch.from_numpy(targets.astype(float))) == (1.0, 1.0)
    assert scores.films == 1
    assert FindingScores("ab", np.array([[1, 0], [0, 1], [1, 0], [0, 1]])).films == 4
    with pytest.raises(ArgumentError, match="training: no finding is both on a validation film and known"):
        FindingScores("bc", targets[:, 1:])


@pytest.mark.parametrize(
    ("objective", "sampling", "complaint"),
    [
        (Objective("triplet"), Sampling(), "--loss triplet: wants one class a film"),
        (Objective("TripletMarginLoss"), Sampling(), "--loss TripletMarginLoss: wants one class a film"),
        (Objective(memory=8), Sampling(), "--memory 8: not with --multi-label"),
        (Objective(miner="TripletMarginMiner"), Sampling(), "--miner TripletMarginMiner: not with --multi-label"),
        (Objective(), Sampling("triplets"), "--sampler triplets: not with --multi-label"),
        (Objective(), Sampling(patients="different"), "--patients different: not with --multi-label"),
    ],
)
def test_what_wants_one_class_a_film_is_refused(objective, sampling, complaint):
    with pytest.raises(ArgumentError, match=complaint):
        build_finding_trainer(objective, sampling=sampling)


@pytest.mark.parametrize(
    ("side", "other", "complaint"),
    [(1, 0, "shows below; leave it out with --classes"), (0, -1, "is known not to show below; add films known not to")],
)
def test_a_finding_of_which_training_films_know_one_side_only_is_refused(side, other, complaint):
    trainer = build_finding_trainer(CASES["bce"])
    films = make_findings(20, seed=3)
    films.labels[films.labels[:, 2] == side, 2] = other
    with pytest.raises(ArgumentError, match=f"training: no training film {complaint}"):
        type(trainer)(trainer.encoder, films, trainer.validation, trainer.plan, trainer.fabric)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """What each of two processes found, which torchrun started."""
    folder = tmp_path_factory.mktemp("findings")
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    worker = Path(__file__).with_name("finding_toys.py")
    done = subprocess.run(
        [*words, str(worker), str(folder)], capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_have_the_terms_and_gradients_of_one_with_the_whole_batch(shared, case):
    first, second = (found[case] for found in shared)
    alone = judge(case)
    assert alone["embeddings"].abs().max() > 1e-3
    for name, value in alone.items():
        torch.testing.assert_close(first[name], value, rtol=1e-5, atol=1e-7)
        assert torch.equal(first[name], second[name])


@pytest.mark.slow
def test_two_processes_train_as_one(shared):
    first, second = (found["training"] for found in shared)
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    torch.testing.assert_close(first["first"], train()["first"], rtol=1e-5, atol=1e-6)
