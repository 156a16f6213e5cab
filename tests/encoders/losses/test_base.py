"""What every loss of ours keeps: anchors may be divided, rows and labels renamed, and nothing is C x C large."""

import pytest
import torch
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from embedlearn.encoders.losses import (
    Comparison,
    ContrastiveLoss,
    CrossEntropyLoss,
    SupConLoss,
    Term,
    TripletLoss,
    mean_of,
)

COMPARING = [
    ContrastiveLoss(0.9),
    SupConLoss(0.2),
    *(
        TripletLoss(0.3, squared=squared, semihard=semihard, nonzero=nonzero)
        for squared in (True, False) for semihard in (True, False) for nonzero in (True, False)
    ),
]  # fmt: skip
LOSSES = [*COMPARING, CrossEntropyLoss(3, 6).double()]


def name_of(loss):
    on = [key for key in ("squared", "semihard", "nonzero") if getattr(loss, key, False)]
    return "-".join([type(loss).__name__, *on])


@pytest.mark.parametrize("sizes", [(4, 9), (1, 12), (0, 13), (6, 5, 2)], ids=str)
@pytest.mark.parametrize("loss", LOSSES, ids=name_of)
def test_the_parts_of_the_anchors_sum_to_the_whole(make_batch, loss, sizes):
    X, labels = make_batch(0, twins=3)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(1))
    films = torch.arange(len(X))
    parts = [loss.terms(Comparison(X, labels, films, own)) for own in order.split(sizes)]
    together = [
        Term(sum(term.total for term in same), sum(term.count for term in same)) for same in zip(*parts, strict=True)
    ]
    whole = loss(X, labels)
    torch.testing.assert_close(mean_of(together), whole, rtol=1e-6, atol=1e-9)
    leaves = [X, *loss.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(mean_of(together), leaves), torch.autograd.grad(whole, leaves), strict=True
    ):
        assert theirs.abs().max() > 1e-4
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("loss", COMPARING, ids=name_of)
def test_the_order_of_the_batch_and_the_names_of_its_classes_do_not_matter(make_batch, loss):
    X, labels = make_batch(2)
    order = torch.randperm(len(X), generator=torch.Generator().manual_seed(3))
    other = loss(X[order], torch.tensor([7, 0, 4])[labels][order])
    torch.testing.assert_close(other, loss(X, labels), rtol=1e-9, atol=1e-12)


class Largest(TorchDispatchMode):
    """Records the size of the largest tensor that anything computes."""

    numel = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else [made]:
            self.numel = max(self.numel, tensor.numel() if isinstance(tensor, torch.Tensor) else 0)
        return made


@pytest.mark.parametrize("loss", COMPARING, ids=name_of)
def test_work_and_memory_are_of_anchors_times_columns(loss):
    anchors, columns, dimension = 3, 500, 6
    X = normalize(torch.randn(columns, dimension, generator=torch.Generator().manual_seed(0)), dim=1).requires_grad_()
    rows = torch.arange(columns)
    with Largest() as largest:
        mean_of(loss.terms(Comparison(X, rows % 5, rows, rows[:anchors]))).backward()
    assert largest.numel <= max(columns * dimension, anchors * (columns + 1))


@pytest.mark.parametrize("loss", [ContrastiveLoss(0.01), *COMPARING[1:]], ids=name_of)
def test_where_nothing_is_to_be_learnt_loss_and_gradient_are_zero(loss):
    X = normalize(torch.eye(4), dim=1).requires_grad_()
    value = loss(X, torch.arange(4))
    value.backward()
    assert value.item() == 0 and not X.grad.any()


@pytest.mark.parametrize("loss", COMPARING, ids=name_of)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_embeddings_of_two_classes_give_finite_gradients(loss, dtype):
    X = normalize(torch.ones(4, 3, dtype=dtype), dim=1).requires_grad_()
    loss(X, torch.tensor([0, 0, 1, 1])).backward()
    assert torch.isfinite(X.grad).all()


def test_a_term_over_nothing_is_zero_and_the_others_count():
    values = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    nothing = Term.over(values, torch.zeros(3, dtype=torch.bool))
    two = Term.over(values, torch.tensor([True, False, True]))
    assert (nothing.count.item(), two.count.item(), Term.over(values).count.item()) == (0, 2, 3)
    assert mean_of([nothing]).item() == 0
    value = mean_of([nothing, two, Term.over(values)])
    assert value.item() == pytest.approx(3.5 + 3)
    value.backward()
    torch.testing.assert_close(values.grad, torch.tensor([1 / 2 + 1 / 3, 1 / 3, 1 / 2 + 1 / 3]))


def test_a_comparison_tells_an_anchor_from_its_class():
    labels = torch.tensor([0, 1, 0, 1])
    comparison = Comparison(torch.eye(4), labels, torch.arange(4), own=torch.tensor([2, 3]))
    assert comparison.is_own.tolist() == [[False, False, True, False], [False, False, False, True]]
    assert comparison.is_same_class.tolist() == [[True, False, True, False], [False, True, False, True]]
    assert comparison.is_positive.tolist() == [[True, False, False, False], [False, True, False, False]]
    assert torch.equal(comparison.anchors, torch.eye(4)[2:])
