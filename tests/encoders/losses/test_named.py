"""Losses, miners, distances and reducers by name, and the errors that list what is valid."""

import pytest
import torch
from pytorch_metric_learning import distances, miners, reducers
from pytorch_metric_learning import losses as pml

from embedlearn.encoders.losses import (
    ContrastiveLoss,
    CrossEntropyLoss,
    SupConLoss,
    TripletLoss,
    create_loss,
    create_miner,
)
from embedlearn.encoders.settings import Objective
from embedlearn.errors import ArgumentError

OURS = ["contrastive", "triplet", "supcon", "cross-entropy"]


def make_loss(*args, **kwargs):
    return create_loss(Objective(*args, **kwargs), classes=3, dimension=6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("contrastive", ContrastiveLoss), ("triplet", TripletLoss), ("supcon", SupConLoss),
     ("cross-entropy", CrossEntropyLoss), ("TripletMarginLoss", pml.TripletMarginLoss)],
)  # fmt: skip
def test_a_loss_is_made_by_its_name(name, kind):
    assert type(make_loss(name)) is kind
    assert make_loss("none") is None


def test_a_loss_of_ours_takes_its_arguments():
    loss = make_loss("triplet", ("margin=1", "squared=false", "semihard=true"))
    assert (loss.margin, loss.squared, loss.semihard, loss.nonzero) == (1, False, True, False)
    assert make_loss("supcon", ("temperature=0.3",)).temperature == 0.3
    assert make_loss("cross-entropy", ("scale=4",)).directions.shape == (3, 6)


def test_a_loss_of_the_library_takes_numbers_words_and_truths_by_name():
    loss = make_loss("TripletMarginLoss", ("margin=0.1", "swap=true", "triplets_per_anchor=5"))
    assert (loss.margin, loss.swap, loss.triplets_per_anchor) == (0.1, True, 5)
    assert make_loss("TripletMarginLoss", ("triplets_per_anchor=all",)).triplets_per_anchor == "all"
    assert make_loss("SoftTripleLoss", ("centers_per_class=4",)).fc.shape == (6, 12)
    assert make_loss("SubCenterArcFaceLoss", ("sub_centers=2",)).W.shape == (6, 6)


@pytest.mark.parametrize(("name", "shape"), [("ProxyAnchorLoss", (3, 6)), ("ArcFaceLoss", (6, 3))])
def test_a_loss_with_weights_is_given_its_sizes(name, shape):
    assert [tuple(weight.shape) for weight in make_loss(name).parameters()] == [shape]


def test_making_a_loss_leaves_no_trace_in_it():
    """Some learn by being called, which the rehearsal must not show."""
    made, fresh = make_loss("DynamicSoftMarginLoss"), pml.DynamicSoftMarginLoss()
    for key, value in fresh.state_dict().items():
        assert torch.equal(made.state_dict()[key], value)
    assert torch.equal(made.hist_, fresh.hist_)
    assert not any(part._forward_hooks for part in made.modules())


@pytest.mark.parametrize("name", ["triplet", "TripletMarginLoss"])
def test_making_a_loss_touches_no_generator(name):
    before = torch.get_rng_state()
    make_loss(name, miner="DistanceWeightedMiner")
    create_miner(Objective(name, miner="DistanceWeightedMiner"))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_miner_is_made_by_its_name():
    miner = create_miner(Objective(miner="MultiSimilarityMiner", miner_args=("epsilon=0.3",)))
    assert type(miner).__name__ == "MultiSimilarityMiner" and miner.epsilon == 0.3
    miner = create_miner(Objective(miner="TripletMarginMiner", miner_args=("type_of_triplets=semihard",)))
    assert miner.type_of_triplets == "semihard"
    assert create_miner(Objective()) is None


def test_a_distance_and_a_reducer_reach_the_loss_and_the_distance_its_miner():
    objective = Objective(
        "TripletMarginLoss", miner="TripletMarginMiner", distance="LpDistance", distance_args=("power=2", "p=1"),
        reducer="ThresholdReducer", reducer_args=("high=0.5",),
    )  # fmt: skip
    loss, miner = create_loss(objective, classes=3, dimension=6), create_miner(objective)
    for part in (loss, miner):
        assert type(part.distance) is distances.LpDistance and (part.distance.power, part.distance.p) == (2, 1)
    assert type(loss.reducer) is reducers.ThresholdReducer and loss.reducer.high == 0.5


def test_what_is_built_computes_as_the_librarys_own_objects(make_batch):
    X, labels = make_batch(0)
    ours = make_loss(
        "ContrastiveLoss", ("pos_margin=0.9", "neg_margin=0.1"), distance="CosineSimilarity", reducer="MeanReducer"
    )
    theirs = pml.ContrastiveLoss(0.9, 0.1, distance=distances.CosineSimilarity(), reducer=reducers.MeanReducer())
    assert ours(X, labels).item() == theirs(X, labels).item() != pml.ContrastiveLoss(0.9, 0.1)(X, labels).item()
    objective = Objective(
        miner="TripletMarginMiner", miner_args=("type_of_triplets=semihard", "margin=0.3"),
        distance="LpDistance", distance_args=("power=2",),
    )  # fmt: skip
    theirs = miners.TripletMarginMiner(0.3, "semihard", distance=distances.LpDistance(power=2))
    for one, other in zip(create_miner(objective)(X, labels), theirs(X, labels), strict=True):
        assert torch.equal(one, other)


def test_a_miner_beside_a_loss_of_ours_takes_the_distance():
    objective = Objective("triplet", miner="TripletMarginMiner", distance="LpDistance", distance_args=("power=2",))
    assert type(create_loss(objective, classes=3, dimension=6)) is TripletLoss
    assert create_miner(objective).distance.power == 2


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Objective("TripletMargenLoss"), r"--loss TripletMargenLoss: unknown; .*cross-entropy.*TripletMarginLoss"),
        (Objective("?"), r"--loss \?: unknown; wanted one of contrastive, .*ArcFaceLoss, .*VICRegLoss"),
        (
            Objective("triplet", ("temperature=1",)),
            "--loss-args temperature: .*it takes margin, squared, semihard, non",
        ),
        (Objective("cross-entropy", ("classes=1",)), "--loss-args classes: .*it takes scale$"),
        (Objective("ArcFaceLoss", ("sise=1",)), "ArcFaceLoss has no such argument; it takes margin, scale$"),
        (Objective("ArcFaceLoss", ("num_classes=9",)), "num_classes: .* no such argument"),
        (Objective("triplet", ("margin=wide",)), "--loss-args margin=wide: wanted a number, got wide"),
        (Objective("triplet", ("margin=true",)), "--loss-args margin=true: wanted a number, got true"),
        (Objective("triplet", ("squared=1",)), "--loss-args squared=1: wanted true or false, got 1"),
        (Objective("triplet", ("margin=-1",)), "--loss-args margin: wanted a number from 0 to 100, got -1"),
        (Objective("triplet", ("margin",)), "--loss-args margin: wanted NAME=VALUE"),
        (Objective("TripletMarginLoss", ("distance=LpDistance",)), "--loss-args distance: use --distance"),
        (
            Objective("TripletMarginLoss", ("triplets_per_anchor=some",)),
            "cannot be used on embeddings and labels alone",
        ),
        (Objective("CrossBatchMemory"), "--loss CrossBatchMemory: it cannot be built from these flags .*'loss'"),
        (Objective("RankedListLoss"), "--loss RankedListLoss: it cannot be built .*'margin' and 'Tn'"),
        (Objective("VICRegLoss"), "--loss VICRegLoss: it cannot be used on embeddings and labels alone"),
        (Objective("BaseMetricLossFunction"), "cannot be used .*NotImplementedError"),
        (Objective("TripletMarginLoss", distance="LpDistanz"), "--distance LpDistanz: unknown; .*none, LpDistance"),
        (
            Objective("TripletMarginLoss", distance="LpDistance", distance_args=("powr=2",)),
            "--distance-args powr: .*it takes normalize_embeddings, p, power, is_inverted",
        ),
        (Objective("ArcFaceLoss", distance="LpDistance"), "cannot be built .*requires the distance .*CosineSimilarity"),
        (Objective("TripletMarginLoss", reducer="Mean"), "--reducer Mean: unknown; .* none, .*MeanReducer"),
        (
            Objective("TripletMarginLoss", reducer="PerAnchorReducer"),
            "--loss TripletMarginLoss --reducer PerAnchorReducer: .*Triplet reduction not supported",
        ),
        (Objective("TripletMarginLoss", reducer="DoNothingReducer"), "it gives no number"),
    ],
)
def test_a_loss_that_cannot_be_made_says_what_is_valid(objective, message):
    with pytest.raises(ArgumentError, match=message):
        create_loss(objective, classes=3, dimension=6)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (
            Objective(miner="MultiSimilarity"),
            "--miner MultiSimilarity: unknown; .* none, MultiSimilarityMiner",
        ),
        (
            Objective(miner="MultiSimilarityMiner", miner_args=("margin=1",)),
            "--miner-args margin: MultiSimilarityMiner .*it takes epsilon$",
        ),
        (
            Objective(miner="TripletMarginMiner", miner_args=("type_of_triplets=semihart",)),
            "type_of_triplets=semihart: wanted one of all, hard, semihard, easy, got semihart",
        ),
        (
            Objective(miner="BatchEasyHardMiner", miner_args=("pos_strategy=none",)),
            "--miner BatchEasyHardMiner: it cannot be built .*pos_strategy must be one of",
        ),
        (Objective(miner="BaseMiner"), "--miner BaseMiner: it cannot be used on embeddings and labels alone"),
    ],
)
def test_a_miner_that_cannot_be_made_says_what_is_valid(objective, message):
    with pytest.raises(ArgumentError, match=message):
        create_miner(objective)


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Objective("none", ("margin=1",)), "--loss-args: there is no loss to take them; name one by --loss"),
        (Objective(miner_args=("margin=1",)), "--miner-args: there is no miner to take them"),
        (Objective("TripletMarginLoss", distance_args=("p=1",)), "--distance-args: there is no distance"),
        (Objective("TripletMarginLoss", reducer_args=("low=1",)), "--reducer-args: there is no reducer"),
        (Objective("none", miner="HDCMiner"), "--miner HDCMiner: --loss none leaves it nothing to do"),
        (Objective("none", distance="LpDistance"), "--distance LpDistance: --loss none leaves it nothing to do"),
        (Objective("none", memory=8), "--memory 8: --loss none leaves it nothing to do"),
        (
            Objective("triplet", distance="LpDistance"),
            "--distance LpDistance: --loss triplet has its own; set --loss-args margin=..., squared=..., semihard=..., "
            "nonzero=..., or take --loss TripletMarginLoss",
        ),
        (
            Objective("triplet", reducer="MeanReducer", miner="TripletMarginMiner"),
            "--reducer MeanReducer: --loss triplet has its own; .* --loss TripletMarginLoss",
        ),
    ],
)
def test_a_flag_that_would_do_nothing_is_refused(objective, message):
    for create in (lambda: create_loss(objective, classes=3, dimension=6), lambda: create_miner(objective)):
        with pytest.raises(ArgumentError, match=message):
            create()


@pytest.mark.parametrize(
    ("part", "value", "loss"),
    [("distance", "LpDistance", "AngularLoss"), ("reducer", "SumReducer", "DynamicSoftMarginLoss")],
)
def test_a_part_that_the_loss_would_never_ask_is_refused(part, value, loss):
    with pytest.raises(ArgumentError, match=f"--{part} {value}: --loss {loss} has no use for it"):
        make_loss(loss, **{part: value})


@pytest.mark.parametrize("name", OURS)
def test_every_loss_of_ours_has_a_twin_in_the_library(name):
    with pytest.raises(ArgumentError) as caught:
        make_loss(name, distance="LpDistance")
    assert isinstance(make_loss(str(caught.value).rpartition(" ")[2]), torch.nn.Module)


@pytest.mark.parametrize(
    ("name", "miner", "takes"),
    [
        ("contrastive", "none", True), ("triplet", "none", True), ("supcon", "none", True),
        ("cross-entropy", "none", False), ("triplet", "TripletMarginMiner", False), ("NTXentLoss", "none", False),
    ],
)  # fmt: skip
def test_memory_is_for_losses_that_compare_whole_batches(name, miner, takes):
    if takes:
        assert make_loss(name, miner=miner, memory=8) is not None
    else:
        with pytest.raises(ArgumentError, match="--memory 8: only contrastive, triplet, supcon compare a batch"):
            make_loss(name, miner=miner, memory=8)


def test_an_objective_that_asks_for_nothing_is_refused():
    with pytest.raises(ArgumentError, match="leaves nothing to learn"):
        Objective(loss="none", instance=0)
