"""How a network reads an embedding off its last feature map, where that is pooling and something linear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeGuard, TypeVar

import torch
from torch import Tensor, nn

from embedlearn.encoders.encoder import GEM_FLOOR, GEM_POWER, Encoder
from embedlearn.errors import ArgumentError, InexactError
from embedlearn.flags import require_choice

Pooling = Literal["mean", "max", "gem"]
POOLINGS = ("mean", "max", "gem")
Layer = TypeVar("Layer", bound=nn.Module)


class Shares(NamedTuple):
    """Pooled features as sums over places: pooled[b, c] = factors[b, c] * sum over P of values[b, c, P]."""

    values: Tensor
    factors: Tensor


@dataclass(frozen=True, eq=False)
class Readout:
    """z = (W pool(f) + b) / |W pool(f) + b|: `weight` W float [D, C], `bias` b float [D] or None.

    `pooling`: the mean, the maximum, or the generalised mean of power `power` (Radenovic 2018) over the places.
    """

    pooling: Pooling
    weight: Tensor
    bias: Tensor | None = None
    power: float = GEM_POWER

    def pool(self, features: Tensor) -> Tensor:
        """A feature map [B, C, h, w] to [B, C], as a network does it."""
        if self.pooling == "mean":
            return features.mean((-2, -1))
        if self.pooling == "max":
            return features.amax((-2, -1))
        return features.clamp_min(GEM_FLOOR).pow(self.power).mean((-2, -1)).pow(1 / self.power)

    def shares(self, features: Tensor) -> Shares:
        """What every place of a feature map [B, C, h, w] gives to the pooled features; places P = h * w row by row.

        Under a maximum all is given by the first place that has it; under a generalised mean each place gives in
        proportion to its own power.
        """
        flat = features.flatten(2)
        if self.pooling == "mean":
            return Shares(flat, flat.new_full(flat.shape[:2], 1 / flat.shape[2]))
        if self.pooling == "max":
            best = flat.argmax(2, keepdim=True)
            values = torch.zeros_like(flat).scatter(2, best, flat.gather(2, best))
            return Shares(values, flat.new_ones(flat.shape[:2]))
        powers = flat.clamp_min(GEM_FLOOR).pow(self.power)
        return Shares(powers, powers.mean(2).pow(1 / self.power) / powers.sum(2))

    def project(self, pooled: Tensor) -> Tensor:
        """Pooled features [B, C] to raw embeddings [B, D], not yet of length 1."""
        return nn.functional.linear(pooled, self.weight.to(pooled), None if self.bias is None else self.bias.to(pooled))


def read_encoder(encoder: Encoder) -> Readout:
    """The readout of one of our encoders."""
    return Readout(encoder.architecture.pooling, encoder.projection.weight.detach())


def read_head(pooling: nn.Module | Pooling, head: nn.Module) -> Readout:
    """The readout of any network that pools by `pooling` and goes on by `head` to an embedding that is then normalised.

    `pooling`: adaptive average or maximum pooling to one place, or the name of a pooling. `head`: linear layers, batch
    norms in evaluation mode and what changes nothing, folded into one weight and one bias. Raises `InexactError`,
    naming the layer, for a head that is not linear: no sum over places is then the score.
    """
    weight: Tensor | None = None
    bias: Tensor | None = None
    for layer in _layers(head):
        if _is_plainly(layer, nn.Linear):
            weight = layer.weight if weight is None else layer.weight @ weight
            bias = layer.bias if bias is None else nn.functional.linear(bias, layer.weight, layer.bias)
        elif _is_plainly(layer, nn.BatchNorm1d):
            scale, shift = _affine(layer)
            weight = torch.diag(scale) if weight is None else scale[:, None] * weight
            bias = shift if bias is None else scale * bias + shift
        elif not isinstance(layer, nn.Identity | nn.Flatten) and not _is_off(layer):
            raise InexactError(
                f"{type(layer).__name__}: not linear, so that no sum over places is the score; use integrated gradients"
            )
    if weight is None:
        raise ArgumentError("head: wanted at least one linear layer, got none; give an identity as nn.Linear")
    return Readout(_pooling(pooling), weight.detach(), None if bias is None else bias.detach())


def _layers(head: nn.Module) -> Iterator[nn.Module]:
    if _is_plainly(head, nn.Sequential):
        for layer in head.children():
            yield from _layers(layer)
    else:
        yield head


def _is_plainly(layer: nn.Module, kind: type[Layer]) -> TypeGuard[Layer]:
    """Whether a layer is of that kind and does what the kind does: a subclass may compute something else."""
    return isinstance(layer, kind) and type(layer).forward is kind.forward


def _is_off(layer: nn.Module) -> bool:
    """Whether a layer that works in training only lets everything through."""
    return isinstance(layer, nn.Dropout) and not layer.training


def _affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """A batch norm in evaluation mode as scale and shift [C]."""
    mean, variance = norm.running_mean, norm.running_var
    if mean is None or variance is None:
        raise InexactError("BatchNorm1d: keeps no running mean, so that a film's score depends on its batch; train one")
    if norm.training:
        raise InexactError("BatchNorm1d: in training mode a film's score depends on its batch; call eval() first")
    scale = (variance + norm.eps).rsqrt()
    scale = scale if norm.weight is None else scale * norm.weight
    return scale, -mean * scale if norm.bias is None else norm.bias - mean * scale


def _pooling(pooling: nn.Module | Pooling) -> Pooling:
    if isinstance(pooling, str):
        require_choice("pooling", pooling, POOLINGS)
        return pooling
    to_one = getattr(pooling, "output_size", None) in (1, (1, 1))
    if isinstance(pooling, nn.AdaptiveAvgPool2d) and to_one:
        return "mean"
    if isinstance(pooling, nn.AdaptiveMaxPool2d) and to_one:
        return "max"
    raise InexactError(f"{pooling}: wanted average or maximum pooling to one place, or mean, max or gem by name")
