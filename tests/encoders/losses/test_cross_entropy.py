"""Cross-entropy on cosines against pytorch-metric-learning."""

import pytest
import torch
from pytorch_metric_learning import losses as pml

from embedlearn.encoders.losses import CrossEntropyLoss
from embedlearn.errors import ArgumentError


def test_it_is_the_librarys_normalised_softmax(make_batch, assert_same):
    X, labels = make_batch(0)
    ours = CrossEntropyLoss(classes=3, dimension=6, scale=16.0).double()
    theirs = pml.NormalizedSoftmaxLoss(num_classes=3, embedding_size=6, temperature=1 / 16).double()
    theirs.W.data = ours.directions.detach().T.clone()
    assert_same(X, ours(X, labels), theirs(X, labels))
    gradients = [torch.autograd.grad(loss(X, labels), weight)[0] for loss, weight in
                 ((ours, ours.directions), (theirs, theirs.W))]  # fmt: skip
    torch.testing.assert_close(gradients[0], gradients[1].T, rtol=1e-5, atol=1e-7)


def test_tuples_and_a_scale_of_zero_are_refused(make_batch):
    X, labels = make_batch(0)
    with pytest.raises(ArgumentError, match="--loss cross-entropy takes whole batches: use --sampler classes"):
        CrossEntropyLoss(3, 6).double()(X, labels, tuple(torch.tensor([[0], [1], [0], [2]])))
    with pytest.raises(ArgumentError, match=r"scale: wanted a number from 0.001"):
        CrossEntropyLoss(3, 6, scale=0)
