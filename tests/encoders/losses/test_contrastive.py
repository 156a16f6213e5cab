"""The contrastive loss against a plain loop and against pytorch-metric-learning."""

import math

import pytest
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.reducers import DoNothingReducer

from embedlearn.encoders.losses import ContrastiveLoss
from embedlearn.errors import ArgumentError


@pytest.mark.parametrize("seed", range(3))
def test_it_is_hadsells_over_all_pairs(make_batch, seed):
    X, labels = make_batch(seed)
    points, n = X.tolist(), len(labels)
    pulled, pushed = [], []
    for i in range(n):
        for j in range(n):
            if i != j and labels[i] == labels[j]:
                pulled.append(math.dist(points[i], points[j]) ** 2 / 2)
            elif i != j:
                pushed.append(max(0, 0.9 - math.dist(points[i], points[j])) ** 2 / 2)
    expected = sum(pulled) / len(pulled) + sum(pushed) / len(pushed)
    assert ContrastiveLoss(0.9)(X, labels).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("twins", [0, 4])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_half_the_squares_of_the_librarys_terms(make_batch, assert_same, seed, twins):
    """Its ContrastiveLoss gives d and max(0, margin - d) pair by pair, unsquared."""
    X, labels = make_batch(seed, twins=twins)
    theirs = pml.ContrastiveLoss(
        pos_margin=0, neg_margin=0.9, distance=LpDistance(normalize_embeddings=False), reducer=DoNothingReducer()
    )
    terms = theirs(X, labels)
    expected = sum(terms[name]["losses"].square().mean() / 2 for name in ("pos_loss", "neg_loss"))
    assert_same(X, ContrastiveLoss(0.9)(X, labels), expected)


def test_only_the_pairs_that_are_given_count(make_batch):
    X, labels = make_batch(0)
    points = X.tolist()
    near, far = math.dist(points[0], points[1]), math.dist(points[0], points[2])
    pairs = tuple(torch.tensor([row]) for row in (0, 1, 0, 2))
    expected = near**2 / 2 + max(0, 2 - far) ** 2 / 2
    assert ContrastiveLoss(2.0)(X, labels, pairs).item() == pytest.approx(expected)


def test_all_pairs_given_are_all_pairs(make_batch, assert_same):
    X, labels = make_batch(0)
    same = labels[:, None] == labels
    pairs = (*torch.where(same & ~torch.eye(len(X), dtype=torch.bool)), *torch.where(~same))
    assert_same(X, ContrastiveLoss()(X, labels, pairs), ContrastiveLoss()(X, labels))


@pytest.mark.parametrize(
    ("labels", "expected"), [([0, 0, 0], 1.0), ([0, 1, 2], (2 - math.sqrt(2)) ** 2 / 2)], ids=["pull", "push"]
)
def test_one_kind_of_pair_is_that_part_alone(labels, expected):
    assert ContrastiveLoss(2.0)(torch.eye(3), torch.tensor(labels)).item() == pytest.approx(expected)


def test_triplets_and_a_negative_margin_are_refused(make_batch):
    X, labels = make_batch(0)
    with pytest.raises(ValueError, match="wants pairs .*, got triplets"):
        ContrastiveLoss()(X, labels, tuple(torch.tensor([[0], [1], [2]])))
    with pytest.raises(ArgumentError, match="margin: wanted a number from 0"):
        ContrastiveLoss(-0.1)
