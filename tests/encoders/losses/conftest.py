"""Small batches, and comparison with another computation, gradients included."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize


@pytest.fixture
def make_batch() -> Callable[..., tuple[Tensor, Tensor]]:
    """Embeddings of length 1 that take gradients, and labels in equal parts; `twins` rows are copies of others."""

    def make(seed, films=13, classes=3, dimension=6, dtype=torch.float64, twins=0):
        generator = torch.Generator().manual_seed(seed)
        X = normalize(torch.randn(films, dimension, generator=generator, dtype=torch.float64), dim=1)
        if twins:
            X[-twins:] = X[torch.randint(films - twins, (twins,), generator=generator)]
        labels = torch.arange(films)[torch.randperm(films, generator=generator)] % classes
        return X.to(dtype).requires_grad_(), labels

    return make


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Equal values, and equal gradients along the sphere, which are not zero (the library normalises once more)."""

    def check(X, ours, theirs, rtol=1e-5, atol=1e-7):
        torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol)
        gradients = [torch.autograd.grad(value, X, retain_graph=True)[0] for value in (ours, theirs)]
        gradients = [gradient - (gradient * X).sum(1, keepdim=True) * X for gradient in gradients]
        assert gradients[0].abs().max() > 1e-4
        torch.testing.assert_close(*gradients, rtol=rtol, atol=atol)

    return check
