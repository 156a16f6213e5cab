"""Instance discrimination against a plain loop and against pytorch-metric-learning."""

import pytest
import torch
from pytorch_metric_learning import losses as pml
from torch.nn.functional import normalize

from embedlearn.encoders.losses import Comparison, InstanceLoss, Term, mean_of


def views_of(first, second, films=None):
    """Two views of each film as one comparison, and the column of each one's other view."""
    number = torch.arange(len(first)) if films is None else films
    own = torch.arange(2 * len(first))
    return Comparison(torch.cat([first, second]), torch.zeros_like(own), number.repeat(2), own), own.roll(len(first))


def test_it_is_the_librarys_nt_xent(make_batch, assert_same):
    (first, _), (second, _) = make_batch(0), make_batch(1)
    theirs = pml.SelfSupervisedLoss(pml.NTXentLoss(temperature=0.2))
    ours = mean_of([InstanceLoss(0.2).term(*views_of(first, second))])
    assert_same(first, ours, theirs(first, second))


def test_a_film_that_stands_twice_in_a_batch_is_no_rival_of_its_own():
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
    ours = mean_of([InstanceLoss(0.3).term(*views_of(first, second, films))])
    torch.testing.assert_close(ours, torch.stack(terms).mean())


@pytest.mark.parametrize("sizes", [(3, 23), (20, 6)], ids=str)
def test_the_parts_of_the_anchors_sum_to_the_whole(make_batch, sizes):
    (first, _), (second, _) = make_batch(0), make_batch(1)
    views, partner = views_of(first, second, torch.arange(13) % 9)
    loss = InstanceLoss(0.2)
    parts = [
        loss.term(Comparison(views.columns, views.labels, views.films, own), partner[own])
        for own in views.own.split(sizes)
    ]
    whole = loss.term(views, partner)
    together = Term(sum(part.total for part in parts), sum(part.count for part in parts))
    assert together.count == whole.count == 26
    gradients = [torch.autograd.grad(mean_of([term]), first, retain_graph=True)[0] for term in (together, whole)]
    torch.testing.assert_close(mean_of([together]), mean_of([whole]), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-9)
