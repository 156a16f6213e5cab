"""The memory against a deque, and losses that compare with it against plain loops and pytorch-metric-learning."""

import math
from collections import deque
from itertools import product

import pytest
import torch
from pytorch_metric_learning import losses as pml
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.reducers import DoNothingReducer, MeanReducer
from torch.nn.functional import normalize

from embedlearn.encoders.losses import Comparison, ContrastiveLoss, SupConLoss, Term, TripletLoss, mean_of
from embedlearn.encoders.memory import CrossBatchMemory
from embedlearn.errors import ArgumentError

DIMENSION = 6
LOSSES = [ContrastiveLoss(0.9), TripletLoss(0.3), TripletLoss(0.3, squared=False, semihard=True), SupConLoss(0.3)]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=["contrastive", "triplet", "semihard", "supcon"])


def draw(seed, rows=5, classes=3):
    """Embeddings that take gradients, labels, and films, of which later seeds repeat some."""
    generator = torch.Generator().manual_seed(seed)
    X = normalize(torch.randn(rows, DIMENSION, generator=generator, dtype=torch.float64), dim=1).requires_grad_()
    films = torch.randperm(12, generator=generator)[:rows]
    return X, films % classes, films


def batch_of(drawn):
    return Comparison(*drawn, torch.arange(len(drawn[1])))


def remember(*drawn, size=8):
    memory = CrossBatchMemory(size, DIMENSION).double()
    for batch in drawn:
        memory.put(*batch)
    return memory


def gradient_along(X, value):
    """The gradient along the sphere: the library normalises once more, which takes away the rest."""
    gradient = torch.autograd.grad(value, X, retain_graph=True)[0]
    assert gradient.abs().max() > 1e-4
    return gradient - (gradient * X).sum(1, keepdim=True) * X


@pytest.mark.parametrize("size", [1, 4, 7])
def test_it_holds_the_last_that_were_put_in_the_oldest_first(size):
    memory, queue = CrossBatchMemory(size, DIMENSION).double(), deque(maxlen=size)
    assert [len(part) for part in memory.rows()] == [0, 0, 0]
    for seed, rows in enumerate([2, 3, 1, 5, 0, 9, 4]):
        X, labels, films = draw(seed, rows)
        memory.put(X, labels, films)
        queue.extend(zip(X.tolist(), labels.tolist(), films.tolist(), strict=True))
        held = zip(*(part.tolist() for part in memory.rows()), strict=True)
        assert list(held) == list(queue)


def test_it_holds_copies_without_gradients():
    X, labels, films = draw(0)
    memory = remember((X, labels, films))
    before = [part.clone() for part in memory.rows()]
    rows = memory.rows()
    with torch.no_grad():
        for part in (X, labels, films, *rows):
            part += 1
    for part, old in zip(memory.rows(), before, strict=True):
        assert torch.equal(part, old) and not part.requires_grad


@every_loss
def test_loaded_in_the_middle_it_goes_on_the_same(loss):
    memory, losses = remember(draw(0), draw(1)), []
    loaded = CrossBatchMemory(8, DIMENSION).double()
    loaded.load_state_dict({name: tensor.clone() for name, tensor in memory.state_dict().items()})
    for one in (memory, loaded):
        values = []
        for seed in range(2, 6):
            values.append(mean_of(loss.terms(one.extend(batch_of(draw(seed))))).item())
            one.put(*draw(seed))
        losses.append(values)
    assert losses[0] == losses[1] and len(set(losses[0])) == 4


def test_an_empty_memory_changes_nothing():
    batch = batch_of(draw(0))
    extended = CrossBatchMemory(4, DIMENSION).double().extend(batch)
    for name in ("columns", "labels", "films", "own"):
        assert torch.equal(getattr(extended, name), getattr(batch, name))


@every_loss
def test_gradients_reach_the_batch_and_survive_what_is_put_in_later(loss):
    memory, (X, labels, films) = remember(draw(0)), draw(1)
    value = mean_of(loss.terms(memory.extend(batch_of((X, labels, films)))))
    memory.put(X, labels, films)
    value.backward()
    assert X.grad.abs().max() > 1e-4


@every_loss
def test_the_parts_of_the_anchors_sum_to_the_whole(loss):
    memory, (X, labels, films) = remember(draw(0), draw(1)), draw(2, rows=7)
    parts = [loss.terms(memory.extend(Comparison(X, labels, films, own))) for own in torch.arange(7).split([2, 5])]
    together = [Term(one.total + other.total, one.count + other.count) for one, other in zip(*parts, strict=True)]
    whole = loss.terms(memory.extend(batch_of((X, labels, films))))
    torch.testing.assert_close(mean_of(together), mean_of(whole), rtol=1e-9, atol=1e-12)


def looped_contrastive(points, labels, anchors):
    pulled, pushed = [], []
    for a, other in product(range(anchors), range(len(points))):
        apart = math.dist(points[a], points[other])
        if labels[a] != labels[other]:
            pushed.append(max(0, 0.9 - apart) ** 2 / 2)
        elif a != other:
            pulled.append(apart**2 / 2)
    return sum(pulled) / len(pulled) + sum(pushed) / len(pushed)


def looped_triplet(points, labels, anchors, power=2, semihard=False):
    owed = []
    for a, p, n in product(range(anchors), range(len(points)), range(len(points))):
        near, far = math.dist(points[a], points[p]) ** power, math.dist(points[a], points[n]) ** power
        if a != p and labels[a] == labels[p] != labels[n] and (not semihard or near < far <= near + 0.3):
            owed.append(max(0, near - far + 0.3))
    return sum(owed) / len(owed)


def looped_semihard(points, labels, anchors):
    return looped_triplet(points, labels, anchors, power=1, semihard=True)


def looped_supcon(points, labels, anchors):
    terms = []
    for a in range(anchors):
        scores = {k: sum(x * y for x, y in zip(points[a], points[k], strict=True)) / 0.3 for k in range(len(points))}
        every = math.log(sum(math.exp(score) for k, score in scores.items() if k != a))
        matched = [score for k, score in scores.items() if k != a and labels[k] == labels[a]]
        if matched:
            terms.append(every - sum(matched) / len(matched))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("loss", "looped"),
    list(zip(LOSSES, [looped_contrastive, looped_triplet, looped_semihard, looped_supcon], strict=True)),
    ids=["contrastive", "triplet", "semihard", "supcon"],
)
def test_anchors_meet_the_batch_and_the_memory_and_their_own_films_past_is_a_positive(loss, looped, seed):
    past, batch = (draw(10 + seed), draw(20 + seed)), draw(seed)
    held = [torch.cat(parts)[-8:] for parts in zip(*past, strict=True)]
    assert set(held[2].tolist()) & set(batch[2].tolist())  # films that are seen again
    points, labels = (torch.cat([one, other]).tolist() for one, other in zip(batch[:2], held[:2], strict=True))
    value = mean_of(loss.terms(remember(*past).extend(batch_of(batch))))
    assert value.item() == pytest.approx(looped(points, labels, len(batch[1])), rel=1e-9)


def test_losses_are_the_librarys_with_reference_embeddings():
    """Its losses compare with `ref_emb`; told no pairs, they would take the anchor itself for a positive."""
    X, labels, films = draw(3)
    batch = remember(draw(1), draw(2)).extend(batch_of((X, labels, films)))
    positive, negative = batch.is_positive, ~batch.is_same_class
    pairs = (*torch.where(positive), *torch.where(negative))
    triplets = torch.where(positive[:, :, None] & negative[:, None])
    plain = LpDistance(normalize_embeddings=False)

    def check(loss, theirs):
        ours = mean_of(loss.terms(batch))
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(gradient_along(X, ours), gradient_along(X, theirs), rtol=1e-5, atol=1e-8)

    contrastive = pml.ContrastiveLoss(0, 0.9, distance=plain, reducer=DoNothingReducer())
    terms = contrastive(X, labels, pairs, batch.columns, batch.labels)
    expected = sum(terms[name]["losses"].square().mean() / 2 for name in ("pos_loss", "neg_loss"))
    check(ContrastiveLoss(0.9), expected)
    triplet = pml.TripletMarginLoss(0.3, distance=LpDistance(power=2), reducer=MeanReducer())
    check(TripletLoss(0.3), triplet(X, labels, triplets, batch.columns, batch.labels))
    supcon = pml.SupConLoss(0.3)
    check(SupConLoss(0.3), supcon(X, labels, pairs, batch.columns, batch.labels))


def test_values_are_those_of_the_librarys_memory_with_room_for_the_batch():
    """It puts a batch in first and compares with the copy: values are the same, but positives are not drawn to anchors.

    So its memory of 8 + 5 rows is one of ours of 8 beside a batch of 5; and its gradient is that of anchors alone.
    """
    theirs = pml.CrossBatchMemory(pml.SupConLoss(0.3), DIMENSION, memory_size=13)
    memory, loss = remember(size=8), SupConLoss(0.3)
    for seed in range(6):
        X, labels, films = draw(seed)
        batch = memory.extend(batch_of((X, labels, films)))
        value, expected = mean_of(loss.terms(batch)), theirs(X, labels)
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-9)
        memory.put(X, labels, films)
    frozen = (X @ batch.columns.detach().T / 0.3).masked_fill(batch.is_own, -torch.inf)
    per_anchor = frozen.logsumexp(1) - frozen.masked_fill(~batch.is_positive, 0).sum(1) / batch.is_positive.sum(1)
    torch.testing.assert_close(gradient_along(X, expected), gradient_along(X, per_anchor.mean()), rtol=1e-5, atol=1e-8)


def test_a_memory_of_nothing_is_refused():
    with pytest.raises(ArgumentError, match="--memory: wanted a number from 1"):
        CrossBatchMemory(0, DIMENSION)
