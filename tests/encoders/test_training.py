"""A training learns, is decided by its seed, and stops when it should."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from amounts import slow

from embedlearn.encoders.devices import computes_in_bf16
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import embed_films
from embedlearn.encoders.settings import Architecture, Objective, Sampling, Schedule
from embedlearn.encoders.training import LabelledFilms, Trainer
from embedlearn.errors import ArgumentError


def run(trainer):
    while not trainer.finished:
        trainer.run_epoch()
    return trainer


def without_time(history):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]


def test_an_easy_task_is_learnt(make_trainer):
    schedule = Schedule(epochs=8, learning_rate=5e-3, precision="fp32")
    trainer = run(make_trainer(schedule=schedule))
    first, last = trainer.history[0], trainer.history[-1]
    assert last["label_loss"] < first["label_loss"] / 2
    assert last["instance_loss"] < first["instance_loss"]
    assert trainer.history[trainer.kept_epoch]["val_knn"] >= 11 / 12


def test_the_scores_are_those_of_a_plain_search_and_best_is_the_encoder_of_its_epoch(make_trainer):
    trainer = make_trainer(schedule=Schedule(epochs=1, precision="fp32"))
    row = trainer.run_epoch()
    encoder = Encoder(Architecture(dimension=16))
    encoder.load_state_dict(trainer.best)
    gallery, queries = (
        embed_films(encoder, part.films, trainer.plan.preprocessing) for part in (trainer.training, trainer.validation)
    )
    first, voted = [], []
    for query in queries:
        nearest = trainer.training.labels[np.argsort(np.linalg.norm(gallery - query, axis=1))[:5]]
        first.append(nearest[0])
        voted.append(int(nearest.sum() > 2))
    truth = trainer.validation.labels
    for name, answers in (("val_recall_at_1", first), ("val_knn", voted)):
        assert row[name] == pytest.approx(np.mean([np.mean(np.array(answers)[truth == k] == k) for k in (0, 1)]))


def test_the_loss_of_an_epoch_is_the_label_term_and_the_weighted_instance_term(make_trainer):
    row = make_trainer(objective=Objective(instance=0.5, instance_width=32)).run_epoch()
    assert row["loss"] == pytest.approx(row["label_loss"] + 0.5 * row["instance_loss"])


def test_the_seed_decides_a_training_to_the_bit(make_trainer):
    torch.manual_seed(1)
    first = run(make_trainer(seed=5))
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    again, other = run(make_trainer(seed=5)), make_trainer(seed=6)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert without_time(first.history) == without_time(again.history)
    assert all(torch.equal(first.best[name], again.best[name]) for name in first.best)
    weights = again.encoder.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in first.encoder.state_dict().items())
    assert other.run_epoch()["loss"] != first.history[0]["loss"]


def test_the_rate_rises_linearly_and_falls_along_a_cosine(make_trainer):
    """Four epochs of three steps: six to rise, six to fall; a row of the history holds its last step's rate."""
    trainer = make_trainer(
        schedule=Schedule(epochs=4, learning_rate=2e-3, warmup=0.5, precision="fp32", patience=0),
        objective=Objective(instance=0),
    )
    assert trainer.steps == 3
    rates = [row["learning_rate"] / 2e-3 for row in run(trainer).history]
    assert rates == pytest.approx(
        [3 / 6, 6 / 6, (1 + math.cos(math.pi * 2 / 6)) / 2, (1 + math.cos(math.pi * 5 / 6)) / 2]
    )


def test_a_training_stops_when_the_score_has_stayed_behind_for_so_many_epochs(make_trainer, monkeypatch):
    scores = iter([1.0, 1.0, 0.1, 0.1, 0.1, 0.1])
    monkeypatch.setattr(Trainer, "_score", lambda self: (0.0, next(scores)))
    trainer = run(make_trainer(schedule=Schedule(epochs=6, patience=2, precision="fp32")))
    assert [row["score"] for row in trainer.history] == pytest.approx([1, 1, 0.7, 0.4])
    assert trainer.kept_epoch == 1


def test_without_patience_a_training_goes_on_to_its_end(make_trainer, monkeypatch):
    scores = iter([1.0, 0.0, 0.0, 0.0])
    monkeypatch.setattr(Trainer, "_score", lambda self: (0.0, next(scores)))
    assert len(run(make_trainer(schedule=Schedule(epochs=4, patience=0, precision="fp32"))).history) == 4


def test_the_last_epoch_within_a_standard_error_of_the_best_score_is_kept(make_trainer, monkeypatch):
    """Smoothed over three epochs the best score is 0.75; of 12 films its standard error is 0.125."""
    scores = iter([0.5, 1.0, 0.75, 0.2, 0.2])
    monkeypatch.setattr(Trainer, "_score", lambda self: (0.0, next(scores)))
    trainer = make_trainer(schedule=Schedule(epochs=5, patience=0, precision="fp32"))
    assert trainer.kept_epoch == -1
    kept, weights = [], []
    while not trainer.finished:
        trainer.run_epoch()
        kept.append(trainer.kept_epoch)
        weights.append(trainer.encoder.projection.weight.detach().clone())
    assert [row["score"] for row in trainer.history] == pytest.approx([0.5, 0.75, 0.75, 0.65, 1.15 / 3])
    assert kept == [0, 1, 2, 3, 3]
    assert torch.equal(trainer.best["projection.weight"], weights[3])
    assert not torch.equal(weights[4], weights[3])


def test_a_loss_that_is_no_number_stops_the_training(make_trainer):
    encoder = Encoder(Architecture(dimension=16))
    encoder.projection.weight.data[0, 0] = torch.nan
    trainer = make_trainer(encoder=encoder)
    with pytest.raises(ArgumentError, match="the loss became nan in epoch 1; start anew with a lower --learning-rate"):
        trainer.run_epoch()
    assert trainer.history == []


@pytest.mark.parametrize(
    ("objective", "sampler"),
    [
        (Objective(loss="contrastive", instance_width=32), "pairs"),
        (Objective(loss="none"), "classes"),
        (Objective(loss="triplet", miner="TripletMarginMiner", instance_width=32), "classes"),
        (Objective(loss="TripletMarginLoss", instance=0), "triplets"),
        slow(Objective(loss="contrastive", instance=0), "siamese"),
        slow(Objective(loss="triplet", instance_width=32), "triplets"),
        slow(Objective(loss="supcon", instance_width=0), "classes"),
        slow(Objective(loss="contrastive", miner="MultiSimilarityMiner", instance=0), "classes"),
        slow(Objective(loss="ProxyAnchorLoss", instance=0), "classes"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.loss}-{value.miner}-{value.instance:g}",
)
def test_every_sampler_loss_and_miner_moves_the_weights(make_trainer, objective, sampler):
    trainer = make_trainer(objective=objective, sampling=Sampling(sampler, 8))
    before = trainer.encoder.backbone[0][0].weight.detach().clone()
    row = trainer.run_epoch()
    assert (row["label_loss"] == 0) == (objective.loss == "none")
    assert (row["instance_loss"] == 0) == (not objective.instance)
    assert not torch.equal(trainer.encoder.backbone[0][0].weight, before)


@pytest.mark.parametrize("sampler", ["pairs", "siamese", "triplets"])
def test_the_loss_is_given_the_samplers_positives_as_positives_and_its_negatives_as_negatives(make_trainer, sampler):
    loss = "triplet" if sampler == "triplets" else "contrastive"
    trainer, kinds = make_trainer(objective=Objective(loss), sampling=Sampling(sampler, 12)), set()

    class Recorder(torch.nn.Module):
        def forward(self, embeddings, labels, tuples):
            assert len(embeddings) == 2 * len(labels) or len(embeddings) == len(labels)
            assert len(tuples) == (3 if sampler == "triplets" else 4)
            triplet = (*tuples[:2], tuples[0], tuples[2])
            anchors, positives, others, negatives = tuples if len(tuples) == 4 else triplet
            kinds.update((labels[anchors] == labels[positives]).tolist())
            kinds.update((labels[others] != labels[negatives]).tolist())
            return embeddings.sum()

    trainer.criterion.loss = Recorder()
    trainer.run_epoch()
    assert kinds == {True}


@pytest.mark.parametrize(("instance", "views"), [(0, 1), (1, 2)])
def test_films_are_seen_twice_only_where_instance_discrimination_needs_two_views(make_trainer, instance, views):
    trainer, seen = make_trainer(objective=Objective("cross-entropy", instance=instance)), []
    trainer.encoder.backbone.register_forward_hook(
        lambda network, inputs, _: seen.append(len(inputs[0])) if network.training else None
    )
    trainer.run_epoch()
    assert seen == [8 * views] * 3


def test_with_no_instance_width_instance_discrimination_sees_the_embedding(make_trainer):
    assert make_trainer(objective=Objective(instance_width=0)).network.instance_head is None
    assert make_trainer(objective=Objective(instance_width=7)).network.instance_head[0].out_features == 7


@pytest.mark.parametrize("sampler", ["pairs", "triplets"])
@pytest.mark.parametrize("loss", ["cross-entropy", "supcon"])
def test_a_loss_of_whole_batches_names_the_sampler_it_needs(make_trainer, loss, sampler):
    with pytest.raises(ArgumentError, match=f"--loss {loss} takes whole batches: use --sampler classes"):
        make_trainer(objective=Objective(loss), sampling=Sampling(sampler, 8))


@pytest.mark.parametrize(
    ("objective", "sampler"),
    [
        (Objective("triplet"), "pairs"),
        (Objective("contrastive"), "triplets"),
        (Objective("triplet", miner="MultiSimilarityMiner"), "classes"),
    ],
    ids=["triplet-pairs", "contrastive-triplets", "triplet-miner of pairs"],
)
def test_a_loss_that_cannot_take_the_tuples_is_refused_before_anything_is_written(make_trainer, objective, sampler):
    with pytest.raises(ArgumentError, match=f"--loss {objective.loss} with --sampler {sampler}.*do not fit"):
        make_trainer(objective=objective, sampling=Sampling(sampler, 8))


def test_a_miner_beside_given_pairs_is_refused(make_trainer):
    with pytest.raises(ArgumentError, match="--miner MultiSimilarityMiner: --sampler pairs says itself"):
        make_trainer(objective=Objective("contrastive", miner="MultiSimilarityMiner"), sampling=Sampling("pairs", 8))


def test_a_loss_that_keeps_a_batch_for_the_next_is_refused(make_trainer):
    with pytest.raises(ArgumentError, match="--loss DynamicSoftMarginLoss with --sampler classes.*do not fit"):
        make_trainer(objective=Objective("DynamicSoftMarginLoss"))


def test_trying_a_criterion_leaves_it_as_it_was(make_trainer):
    trainer = make_trainer(objective=Objective("supcon", memory=8))
    assert trainer.criterion.memory.filled == 0
    assert all(weight.grad is None for weight in make_trainer().criterion.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "none", "instance_width": 32}, "nothing would train the embedding"),
        ({"instance": 0, "instance_width": 32}, "--instance 0 leaves --instance-width nothing to do"),
    ],
)
def test_an_objective_with_an_idle_part_is_refused(settings, message):
    with pytest.raises(ArgumentError, match=message):
        Objective(**settings)


def test_a_memory_beside_given_pairs_is_refused(make_trainer):
    with pytest.raises(ArgumentError, match="--memory 8: --sampler pairs says itself what is compared"):
        make_trainer(objective=Objective("contrastive", memory=8), sampling=Sampling("pairs", 8))


def test_weight_decay_shrinks_kernels_and_spares_the_rest(make_trainer):
    trainer = make_trainer(schedule=Schedule(weight_decay=0.3))
    decayed, spared = trainer.optimizer.param_groups
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.3, 0.0)
    assert {p.ndim for p in spared["params"]} == {1} and {p.ndim for p in decayed["params"]} == {2, 4}
    learnt = [*trainer.network.parameters(), *trainer.criterion.parameters()]
    assert len(decayed["params"]) + len(spared["params"]) == len(learnt)


def test_films_done_are_reported_step_by_step(make_trainer):
    reports = []
    make_trainer().run_epoch(lambda *counts: reports.append(counts))
    assert reports == [(8, 24), (16, 24), (24, 24)]


def test_a_training_in_bf16_learns_in_weights_of_full_precision(make_trainer):
    schedule = Schedule(epochs=3, learning_rate=5e-3, precision="bf16")
    trainer = run(make_trainer(schedule=schedule))
    assert trainer.history[-1]["label_loss"] < trainer.history[0]["label_loss"]
    assert {weight.dtype for weight in trainer.network.parameters()} == {torch.float32}
    full = make_trainer(schedule=dataclasses.replace(schedule, precision="fp32")).run_epoch()["loss"]
    assert trainer.history[0]["loss"] != full and trainer.history[0]["loss"] == pytest.approx(full, rel=0.1)


@pytest.mark.parametrize("here", [True, False])
def test_auto_precision_is_bf16_where_the_machine_computes_in_it(here, monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: here)
    assert computes_in_bf16("auto", cpu) is here
    assert computes_in_bf16("bf16", cpu) and not computes_in_bf16("fp32", cpu)


def test_films_of_one_class_are_refused(make_trainer):
    trainer = make_trainer()
    one = LabelledFilms(trainer.training.films, np.zeros(20, np.int64))
    with pytest.raises(ArgumentError, match="at least two classes"):
        Trainer(trainer.encoder, one, trainer.validation, trainer.plan, trainer.fabric)
