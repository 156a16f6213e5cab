"""The supervised contrastive loss against a plain loop and against pytorch-metric-learning."""

import numpy as np
import pytest
import torch
from pytorch_metric_learning import losses as pml

from embedlearn.encoders.losses import SupConLoss
from embedlearn.errors import ArgumentError


@pytest.mark.parametrize("temperature", [0.1, 0.7])
def test_it_is_the_librarys(make_batch, assert_same, temperature):
    X, labels = make_batch(0)
    assert_same(X, SupConLoss(temperature)(X, labels), pml.SupConLoss(temperature=temperature)(X, labels))


def test_an_anchor_without_positives_is_left_out_but_stays_among_the_others(make_batch):
    X, _ = make_batch(0, films=5)
    labels = [0, 0, 1, 1, 2]
    S = (X @ X.T).detach().numpy() / 0.5
    terms = []
    for i, j in ((0, 1), (1, 0), (2, 3), (3, 2)):
        others = [k for k in range(5) if k != i]
        terms.append(-S[i, j] + np.log(np.exp(S[i, others]).sum()))
    assert SupConLoss(0.5)(X, torch.tensor(labels)).item() == pytest.approx(np.mean(terms))


def test_tuples_and_a_temperature_of_zero_are_refused(make_batch):
    X, labels = make_batch(0)
    with pytest.raises(ArgumentError, match="--loss supcon takes whole batches: use --sampler classes"):
        SupConLoss()(X, labels, tuple(torch.tensor([[0], [1], [0], [2]])))
    with pytest.raises(ArgumentError, match=r"temperature: wanted a number from 0.001"):
        SupConLoss(0)
