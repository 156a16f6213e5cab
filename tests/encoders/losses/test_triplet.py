"""The triplet loss against plain loops and against pytorch-metric-learning, in all its forms, ties included."""

import math
from itertools import product

import pytest
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.miners import TripletMarginMiner
from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer

from embedlearn.encoders.losses import TripletLoss
from embedlearn.errors import ArgumentError

FORMS = [
    {"squared": squared, "semihard": semihard, "nonzero": nonzero}
    for squared, semihard, nonzero in product((True, False), repeat=3)
]


def name_of(form):
    return "-".join(key for key, on in form.items() if on) or "plain"


every_form = pytest.mark.parametrize("form", FORMS, ids=name_of)


def library_loss(X, labels, margin, squared, semihard, nonzero):
    """The same of pytorch-metric-learning, with its miner and its reducers."""
    distance = LpDistance(power=2 if squared else 1)
    reducer = AvgNonZeroReducer() if nonzero else MeanReducer()
    mined = TripletMarginMiner(margin, "semihard", distance=distance)(X, labels) if semihard else None
    return pml.TripletMarginLoss(margin, distance=distance, reducer=reducer)(X, labels, mined)


def looped_loss(X, labels, margin, squared, semihard, nonzero):
    """The same, triplet by triplet."""
    points, owed = X.tolist(), []
    power = 2 if squared else 1
    for a, p, n in product(range(len(labels)), repeat=3):
        if a != p and labels[a] == labels[p] != labels[n]:
            near, far = math.dist(points[a], points[p]) ** power, math.dist(points[a], points[n]) ** power
            if not semihard or near < far <= near + margin:
                owed.append(max(0, near - far + margin))
    counted = sum(one > 0 for one in owed) if nonzero else len(owed)
    return sum(owed) / max(1, counted)


def make_grid(seed, dtype, films=16):
    """Corners of a cube, some drawn twice: many distances are equal, and exact in any arithmetic and any order."""
    generator = torch.Generator().manual_seed(seed)
    flipped = torch.randint(10, (films, 1), generator=generator)
    X = torch.where(torch.arange(16) < flipped, -0.25, 0.25).to(dtype)  # so d = sqrt(difference of flipped) / 2
    return X.requires_grad_(), torch.randint(2, (films,), generator=generator)


@every_form
@pytest.mark.parametrize("twins", [0, 4])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_schroffs_over_all_triplets(make_batch, form, seed, twins):
    X, labels = make_batch(seed, twins=twins)
    expected = looped_loss(X, labels, 0.3, **form)
    assert expected > 0
    assert TripletLoss(0.3, **form)(X, labels).item() == pytest.approx(expected, rel=1e-6)


@every_form
@pytest.mark.parametrize("classes", [2, 3, 12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_librarys(make_batch, assert_same, form, classes, dtype, seed):
    X, labels = make_batch(seed, films=36, classes=classes, dimension=16, dtype=dtype)
    ours = TripletLoss(0.3, **form)(X, labels)
    assert_same(X, ours, library_loss(X, labels, 0.3, **form), rtol=1e-5, atol=1e-6)


@every_form
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_librarys_where_distances_are_equal(assert_same, form, dtype, seed):
    X, labels = make_grid(seed, dtype)
    ours = TripletLoss(0.3, **form)(X, labels)
    assert_same(X, ours, library_loss(X, labels, 0.3, **form), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("nonzero", [True, False])
@pytest.mark.parametrize("semihard", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_negative_on_the_margin_is_semi_hard_and_owes_nothing(seed, semihard, nonzero):
    X, labels = make_grid(seed, torch.float32)
    points = X.tolist()
    gaps = {
        math.dist(points[a], points[n]) - math.dist(points[a], points[p])
        for a, p, n in product(range(len(X)), repeat=3)
        if labels[a] == labels[p] != labels[n]
    }
    assert {0.0, 0.5} <= gaps
    form = {"squared": False, "semihard": semihard, "nonzero": nonzero}
    ours, theirs = TripletLoss(0.5, **form)(X, labels), library_loss(X, labels, 0.5, **form)
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-6)
    assert ours.item() == pytest.approx(looped_loss(X, labels, 0.5, **form), rel=1e-6)


@every_form
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_the_librarys_where_films_stand_twice(make_batch, assert_same, form, dtype, seed):
    X, labels = make_batch(seed, films=24, classes=2, dtype=dtype, twins=8)  # of so few it compares rows one by one
    ours = TripletLoss(0.2, **form)(X, labels)
    assert_same(X, ours, library_loss(X, labels, 0.2, **form), rtol=1e-5, atol=1e-6)


@every_form
def test_a_large_batch_is_the_librarys_in_single_precision(make_batch, assert_same, form):
    X, labels = make_batch(3, films=96, classes=2, dimension=32, dtype=torch.float32)
    ours = TripletLoss(0.2, **form)(X, labels)
    assert_same(X, ours, library_loss(X, labels, 0.2, **form), rtol=1e-4, atol=1e-6)


@every_form
def test_all_triplets_given_are_all_triplets(make_batch, assert_same, form):
    X, labels = make_batch(0)
    same = labels[:, None] == labels
    positive = same & ~torch.eye(len(X), dtype=torch.bool)
    triplets = torch.where(positive[:, :, None] & ~same[:, None])
    loss = TripletLoss(0.4, **form)
    assert_same(X, loss(X, labels, triplets), loss(X, labels))


def test_only_the_triplets_that_are_given_count(make_batch):
    X, labels = make_batch(0)
    points = X.tolist()
    near, far = math.dist(points[0], points[1]), math.dist(points[0], points[2])
    triplet = tuple(torch.tensor([row]) for row in (0, 1, 2))
    assert TripletLoss(5.0)(X, labels, triplet).item() == pytest.approx(near**2 - far**2 + 5)
    assert TripletLoss(5.0, squared=False)(X, labels, triplet).item() == pytest.approx(near - far + 5)


@pytest.mark.parametrize("nonzero", [True, False])
@pytest.mark.parametrize("margin", [0, 1e-12])
def test_with_no_margin_no_triplet_is_semi_hard_and_owes(margin, nonzero):
    X, labels = make_grid(0, torch.float32)
    loss = TripletLoss(margin, semihard=True, nonzero=nonzero)(X, labels)
    assert loss.item() == 0 and not torch.autograd.grad(loss, X)[0].any()


def test_a_semi_hard_loss_owes_at_most_the_margin_and_all_triplets_more(make_batch):
    X, labels = make_batch(0)
    semihard = TripletLoss(0.3, semihard=True, nonzero=True)(X, labels)
    assert 0 < semihard < 0.3 < TripletLoss(0.3, nonzero=True)(X, labels)


def test_pairs_and_a_negative_margin_are_refused(make_batch):
    X, labels = make_batch(0)
    with pytest.raises(ValueError, match="wants triplets .*, got pairs"):
        TripletLoss()(X, labels, tuple(torch.tensor([[0], [1], [0], [2]])))
    with pytest.raises(ArgumentError, match="margin: wanted a number from 0"):
        TripletLoss(-0.1)
