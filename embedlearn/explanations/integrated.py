"""Integrated gradients over the pooled features, for heads that are not linear and so have no exact map."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from embedlearn.encoders.devices import evaluating
from embedlearn.errors import ArgumentError
from embedlearn.explanations.exact import Explained


def integrated_maps(
    features: Tensor,
    pool: Callable[[Tensor], Tensor],
    head: nn.Module,
    vectors: Tensor,
    nodes: int = 128,
    baseline: Tensor | None = None,
) -> Explained:
    """What each place of a feature map adds to z . v, by integrated gradients of the head (Sundararajan 2017).

    `features` float [B, C, h, w]; `pool` takes them to [B, C], each channel by itself; `head` takes [B, C] to raw
    embeddings [B, D], asked in evaluation mode and without the normalisation, which is done here. `vectors` float
    [R, D], or [B, R, D] where each film has its own; `baseline` float [C], zero where it is not given.

    On the straight way from the baseline to the film's pooled features p, the gradients of raw(p) . v / |raw| are
    averaged by Gauss-Legendre over `nodes` points; the length |raw| is held at the film's own, as in `exact_maps`.
    (Were it to vary, a cosine would not change along the way from zero under a linear head without bias, and all would
    be zero.) The pooled features are a sum over places, sum of f dp/df, where the pooling is homogeneous, as a mean, a
    generalised mean and a maximum are; what is left, such as the baseline, is spread evenly. Each place so gets its
    share of its channels. The constant is the score of the baseline.

    For a linear head this is `exact_maps`. For another the residual is what the nodes miss, and is to be looked at: for
    a ReLU between two linear layers about 1/200 of a cosine at 8 nodes and 1/3000 at 128. Raises `ArgumentError` for
    fewer nodes than one.
    """
    if nodes < 1:
        raise ArgumentError(f"nodes: wanted 1 or more, got {nodes}")
    features = features.detach().to(torch.promote_types(features.dtype, torch.float32))
    with evaluating(head), torch.enable_grad():
        pooled, shares = _shares(features.requires_grad_(), pool)
        origin = pooled.new_zeros(pooled.shape[1]) if baseline is None else baseline.to(pooled)
        rest = (pooled - origin - shares.sum((-2, -1))) / shares[0, 0].numel()
        shares = shares + rest[..., None, None]
        with torch.no_grad():
            raw, start = head(pooled.clone()), head(origin[None].clone())  # its first layer may work in place
        length = raw.norm(dim=1, keepdim=True).clamp_min(1e-12)
        directions = vectors.to(raw).expand(len(raw), -1, -1) / length[..., None]
        slopes = _mean_gradients(head, origin, pooled, directions, nodes)
    maps = torch.einsum("brc,bchw->brhw", slopes, shares)
    constants = (directions @ start[0]).reshape(directions.shape[:2])
    return Explained(maps, constants, torch.einsum("brd,bd->br", directions, raw))


def _shares(features: Tensor, pool: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
    """Pooled features [B, C], and what each place gives to them by Euler's theorem, f dp/df, [B, C, h, w]."""
    features = features.requires_grad_()
    pooled = pool(features).flatten(1)
    slopes = torch.autograd.grad(pooled.sum(), features)[0]
    return pooled.detach(), (features * slopes).detach()


def _mean_gradients(head: nn.Module, origin: Tensor, pooled: Tensor, directions: Tensor, nodes: int) -> Tensor:
    """Gradients of head . direction by the pooled features, [B, R, C], averaged from `origin` [C] to `pooled`."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    total = torch.zeros_like(directions[..., :1] * pooled[:, None])
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        point = (origin + float(place) * (pooled - origin)).requires_grad_()
        embeddings = head(point.clone())
        for number in range(directions.shape[1]):
            score = (embeddings * directions[:, number]).sum()
            total[:, number] += float(weight) * torch.autograd.grad(score, point, retain_graph=True)[0]
    return total
