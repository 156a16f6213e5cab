"""Our losses against plain loops and against pytorch-metric-learning, with their gradients."""

import math

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.reducers import DoNothingReducer, MeanReducer
from torch.nn.functional import normalize

from embedlearn.encoders.losses import (
    ContrastiveLoss,
    CrossEntropyLoss,
    SupConLoss,
    TripletLoss,
    all_pairs,
    create_loss,
    create_miner,
    instance_loss,
)
from embedlearn.encoders.settings import Objective
from embedlearn.errors import ArgumentError


def batch_of(seed, films=13, classes=3, dimension=6):
    """Embeddings of length 1 that take gradients, and labels of which each occurs twice or more."""
    generator = torch.Generator().manual_seed(seed)
    X = normalize(torch.randn(films, dimension, generator=generator, dtype=torch.float64), dim=1)
    return X.requires_grad_(), torch.arange(films)[torch.randperm(films, generator=generator)] % classes


def assert_same(X, ours, theirs):
    """Equal values, and equal gradients along the sphere, which are not zero (the library normalises once more)."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    gradients = [torch.autograd.grad(value, X, retain_graph=True)[0] for value in (ours, theirs)]
    gradients = [gradient - (gradient * X).sum(1, keepdim=True) * X for gradient in gradients]
    assert gradients[0].abs().max() > 1e-4
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def distance(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


@pytest.mark.parametrize("seed", range(3))
def test_contrastive_loss_is_hadsells_over_all_pairs(seed):
    X, labels = batch_of(seed)
    points, n = X.tolist(), len(labels)
    pulled, pushed = [], []
    for i in range(n):
        for j in range(n):
            if i != j and labels[i] == labels[j]:
                pulled.append(distance(points[i], points[j]) ** 2 / 2)
            elif i != j:
                pushed.append(max(0, 0.9 - distance(points[i], points[j])) ** 2 / 2)
    expected = sum(pulled) / len(pulled) + sum(pushed) / len(pushed)
    assert ContrastiveLoss(0.9)(X, labels).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_contrastive_loss_is_half_the_squares_of_the_librarys_terms(seed):
    """Its ContrastiveLoss gives d and max(0, margin - d) pair by pair, unsquared."""
    X, labels = batch_of(seed)
    theirs = pml.ContrastiveLoss(
        pos_margin=0, neg_margin=0.9, distance=LpDistance(normalize_embeddings=False), reducer=DoNothingReducer()
    )
    terms = theirs(X, labels)
    expected = sum(terms[name]["losses"].square().mean() / 2 for name in ("pos_loss", "neg_loss"))
    assert_same(X, ContrastiveLoss(0.9)(X, labels), expected)


@pytest.mark.parametrize("seed", range(3))
def test_triplet_loss_is_schroffs_over_all_triplets(seed):
    X, labels = batch_of(seed)
    points, n = X.tolist(), len(labels)
    terms = [
        max(0, distance(points[a], points[p]) ** 2 - distance(points[a], points[q]) ** 2 + 0.3)
        for a in range(n) for p in range(n) for q in range(n)
        if a != p and labels[a] == labels[p] != labels[q]
    ]  # fmt: skip
    assert TripletLoss(0.3)(X, labels).item() == pytest.approx(sum(terms) / len(terms), rel=1e-6)
    theirs = pml.TripletMarginLoss(
        margin=0.3, distance=LpDistance(normalize_embeddings=False, power=2), reducer=MeanReducer()
    )
    assert_same(X, TripletLoss(0.3)(X, labels), theirs(X, labels))


def test_triplet_loss_of_a_large_batch_is_the_librarys_in_single_precision():
    draws = torch.randn(96, 32, generator=torch.Generator().manual_seed(3))
    X, labels = normalize(draws, dim=1).requires_grad_(), torch.arange(96) % 2
    theirs = pml.TripletMarginLoss(margin=0.2, distance=LpDistance(power=2), reducer=MeanReducer())(X, labels)
    ours = TripletLoss(0.2)(X, labels)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    gradients = (torch.autograd.grad(loss, X)[0] for loss in (ours, theirs))
    radial = [gradient - (gradient * X).sum(1, keepdim=True) * X for gradient in gradients]  # theirs normalises again
    torch.testing.assert_close(*radial, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_supcon_is_the_librarys(temperature):
    X, labels = batch_of(0)
    assert_same(X, SupConLoss(temperature)(X, labels), pml.SupConLoss(temperature=temperature)(X, labels))


def test_supcon_leaves_out_an_anchor_without_positives_but_keeps_it_among_the_others():
    X, _ = batch_of(0, films=5)
    labels = [0, 0, 1, 1, 2]
    S = (X @ X.T).detach().numpy() / 0.5
    terms = []
    for i, j in ((0, 1), (1, 0), (2, 3), (3, 2)):
        others = [k for k in range(5) if k != i]
        terms.append(-S[i, j] + np.log(np.exp(S[i, others]).sum()))
    assert SupConLoss(0.5)(X, torch.tensor(labels)).item() == pytest.approx(np.mean(terms))


def test_cross_entropy_is_the_librarys_normalised_softmax():
    X, labels = batch_of(0)
    ours = CrossEntropyLoss(classes=3, dimension=6, scale=16.0).double()
    theirs = pml.NormalizedSoftmaxLoss(num_classes=3, embedding_size=6, temperature=1 / 16).double()
    theirs.W.data = ours.directions.detach().T.clone()
    assert_same(X, ours(X, labels), theirs(X, labels))
    gradients = [torch.autograd.grad(loss(X, labels), weight)[0] for loss, weight in
                 ((ours, ours.directions), (theirs, theirs.W))]  # fmt: skip
    torch.testing.assert_close(gradients[0], gradients[1].T, rtol=1e-5, atol=1e-7)


def test_instance_loss_is_the_librarys_nt_xent():
    (first, _), (second, _) = batch_of(0), batch_of(1)
    theirs = pml.SelfSupervisedLoss(pml.NTXentLoss(temperature=0.2))
    assert_same(first, instance_loss(first, second, 0.2), theirs(first, second))


def test_pairs_of_a_batch_are_all_that_there_are():
    labels = torch.tensor([0, 1, 0])
    anchors, positives, others, negatives = (part.tolist() for part in all_pairs(labels))
    assert set(zip(anchors, positives, strict=True)) == {(0, 2), (2, 0)}
    assert sorted(zip(others, negatives, strict=True)) == [(0, 1), (1, 0), (1, 2), (2, 1)]


def test_only_the_tuples_that_are_given_count():
    X, labels = batch_of(0)
    points = X.tolist()
    a, b, c = 0, 1, 2
    pairs = tuple(torch.tensor([film]) for film in (a, b, a, c))
    near, far = distance(points[a], points[b]), distance(points[a], points[c])
    expected = near**2 / 2 + max(0, 2 - far) ** 2 / 2
    assert ContrastiveLoss(2.0)(X, labels, pairs).item() == pytest.approx(expected)
    triplets = tuple(torch.tensor([film]) for film in (a, b, c))
    assert TripletLoss(5.0)(X, labels, triplets).item() == pytest.approx(near**2 - far**2 + 5)


@pytest.mark.parametrize("loss", [SupConLoss(), CrossEntropyLoss(3, 6).double()], ids=["supcon", "cross-entropy"])
def test_a_loss_of_whole_batches_refuses_tuples(loss):
    X, labels = batch_of(0)
    with pytest.raises(ArgumentError, match="takes whole batches"):
        loss(X, labels, all_pairs(labels))


@pytest.mark.parametrize(
    "loss", [ContrastiveLoss(0.01), TripletLoss(), SupConLoss()], ids=lambda loss: type(loss).__name__
)
def test_where_nothing_is_to_be_learnt_loss_and_gradient_are_zero(loss):
    X = normalize(torch.eye(4), dim=1).requires_grad_()
    value = loss(X, torch.arange(4))
    value.backward()
    assert value.item() == 0 and not X.grad.any()


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 0, 0], 1.0), ([0, 1, 2], (2 - math.sqrt(2)) ** 2 / 2)], ids=["pull", "push"]
)
def test_contrastive_loss_of_one_kind_of_pair_is_that_part_alone(labels, expected):
    assert ContrastiveLoss(2.0)(torch.eye(3), torch.tensor(labels)).item() == pytest.approx(expected)


def test_equal_embeddings_of_two_classes_give_finite_gradients():
    X = normalize(torch.ones(4, 3), dim=1).requires_grad_()
    ContrastiveLoss()(X, torch.tensor([0, 0, 1, 1])).backward()
    assert torch.isfinite(X.grad).all()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("contrastive", ContrastiveLoss), ("triplet", TripletLoss), ("supcon", SupConLoss),
     ("cross-entropy", CrossEntropyLoss), ("TripletMarginLoss", pml.TripletMarginLoss)],
)  # fmt: skip
def test_a_loss_is_made_by_its_name(name, kind):
    assert type(create_loss(Objective(loss=name), classes=3, dimension=6)) is kind
    assert create_loss(Objective(loss="none"), classes=3, dimension=6) is None


def test_a_loss_of_the_library_takes_numbers_by_name():
    loss = create_loss(Objective(loss="TripletMarginLoss", loss_args=("margin=0.1",)), classes=3, dimension=6)
    assert loss.margin == 0.1
    centres = create_loss(Objective(loss="SoftTripleLoss", loss_args=("centers_per_class=4",)), classes=3, dimension=6)
    assert centres.fc.shape == (6, 12)
    sub = create_loss(Objective(loss="SubCenterArcFaceLoss", loss_args=("sub_centers=2",)), classes=3, dimension=6)
    assert sub.W.shape == (6, 6)


@pytest.mark.parametrize(("name", "shape"), [("ProxyAnchorLoss", (3, 6)), ("ArcFaceLoss", (6, 3))])
def test_a_loss_with_weights_is_given_its_sizes(name, shape):
    loss = create_loss(Objective(loss=name), classes=3, dimension=6)
    assert [tuple(weight.shape) for weight in loss.parameters()] == [shape]


def test_a_miner_is_made_by_its_name():
    miner = create_miner(Objective(miner="MultiSimilarityMiner", miner_args=("epsilon=0.3",)))
    assert type(miner).__name__ == "MultiSimilarityMiner" and miner.epsilon == 0.3
    assert create_miner(Objective()) is None


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        (Objective(loss="TripletMargenLoss"), r"--loss TripletMargenLoss: unknown; .*cross-entropy.*TripletMarginLoss"),
        (Objective(loss="?"), r"--loss \?: unknown; wanted one of contrastive, .*ArcFaceLoss, .*VICRegLoss"),
        (Objective(loss="triplet", loss_args=("temperature=1",)), "--loss-args temperature: .*it takes margin$"),
        (Objective(loss="ArcFaceLoss", loss_args=("sise=1",)), "ArcFaceLoss has no such argument; it takes .*scale"),
        (Objective(loss="ArcFaceLoss", loss_args=("num_classes=9",)), "num_classes: .* no such argument"),
        (Objective(loss="triplet", loss_args=("margin=wide",)), "--loss-args margin=wide: wanted a number, got wide"),
        (Objective(loss="triplet", loss_args=("margin",)), "--loss-args margin: wanted NAME=VALUE"),
        (Objective(loss="CrossBatchMemory"), "CrossBatchMemory cannot be built from flags"),
    ],
)
def test_a_loss_that_cannot_be_made_says_what_is_valid(objective, message):
    with pytest.raises(ArgumentError, match=message):
        create_loss(objective, classes=3, dimension=6)


def test_a_miner_that_cannot_be_made_says_what_is_valid():
    with pytest.raises(
        ArgumentError, match="--miner MultiSimilarity: unknown; wanted one of none, MultiSimilarityMiner"
    ):
        create_miner(Objective(miner="MultiSimilarity"))
    with pytest.raises(ArgumentError, match="--miner-args margin: MultiSimilarityMiner .*it takes epsilon"):
        create_miner(Objective(miner="MultiSimilarityMiner", miner_args=("margin=1",)))


def test_an_objective_that_asks_for_nothing_is_refused():
    with pytest.raises(ArgumentError, match="leaves nothing to learn"):
        Objective(loss="none", instance=0)


def test_a_film_that_stands_twice_in_a_batch_is_no_negative_of_its_own():
    draws = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(1))
    first, second = normalize(draws[0], dim=1), normalize(draws[1], dim=1)
    films = torch.tensor([5, 7, 5, 9])
    views, number = torch.cat([first, second]), films.repeat(2)
    terms = []
    for view in range(8):
        partner = (view + 4) % 8
        rivals = [other for other in range(8) if number[other] != number[view]]
        scores = torch.stack([views[view] @ views[other] / 0.3 for other in (partner, *rivals)])
        terms.append(scores.logsumexp(0) - scores[0])
    torch.testing.assert_close(instance_loss(first, second, 0.3, films), torch.stack(terms).mean())
