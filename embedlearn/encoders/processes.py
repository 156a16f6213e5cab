"""Several processes that train on one batch: what each needs of the others, with the gradients of a single process.

Everything here is the identity where there is one process.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

from embedlearn.errors import ArgumentError

PLAIN_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def rank_and_world() -> tuple[int, int]:
    """Which process this is and how many there are; (0, 1) where training was not started by torchrun."""
    if not distributed.is_initialized():
        return 0, 1
    return distributed.get_rank(), distributed.get_world_size()


def gather(rows: Tensor) -> tuple[Tensor, int]:
    """The rows [B, ...] of all processes in the order of their ranks, [C, ...], and where one's own begin.

    Processes may have different numbers of rows. A gradient that a process has for another's rows is
    added to that other's.
    """
    rank, world = rank_and_world()
    if world == 1:
        return rows, 0
    sizes = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(world)]
    distributed.all_gather(sizes, torch.tensor([len(rows)], device=rows.device))
    counts = [int(size) for size in sizes]
    return _Gather.apply(rows, counts, rank), sum(counts[:rank])


def total(values: Tensor) -> Tensor:
    """The sum of `values` over all processes, in each of them; a gradient is summed likewise."""
    if rank_and_world()[1] == 1:
        return values
    summed: Tensor = _Total.apply(values)
    return summed


def share_batch_statistics(network: nn.Module) -> None:
    """Let every batch normalisation of `network` see the batch of all processes; weights and names stay.

    torch's own does it on GPUs only, where it is taken. Raises `ArgumentError` for a layer that does more than
    normalise, as some of timm's do.
    """
    if rank_and_world()[1] == 1:
        return
    for name, child in network.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(network, name, _shared(child))
        else:
            share_batch_statistics(child)


class SharedBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation over the batches of all processes (Ioffe 2015, algorithm 1), float [B, C, ...]."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        shape = [1, -1] + [1] * (x.ndim - 2)
        places = [axis for axis in range(x.ndim) if axis != 1]
        values = x.float()
        count = total(torch.tensor(float(x.numel() // x.shape[1]), device=x.device))
        mean = total(values.sum(places)) / count
        centred = values - mean.view(shape)
        variance = total(centred.square().sum(places)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1).clamp_min(1))
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of places is taken."""


def _shared(norm: nn.modules.batchnorm._BatchNorm) -> nn.Module:
    """`norm` over all processes, with its own parameters and buffers."""
    if type(norm) not in PLAIN_NORMS:
        raise ArgumentError(
            f"--backbone: several processes cannot share its {type(norm).__name__} layers; use another, or one process"
        )
    if any(tensor.device.type == "cuda" for tensor in norm.state_dict().values()):
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
        return synchronised
    shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    shared._parameters, shared._buffers = norm._parameters, norm._buffers
    return shared


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int], rank: int) -> Tensor:
        ctx.begin, ctx.count = sum(counts[:rank]), counts[rank]
        padded = rows.new_zeros(max(counts), *rows.shape[1:])  # collectives want equal shapes
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        distributed.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        summed = gradient.contiguous().clone()
        distributed.all_reduce(summed)
        return summed[ctx.begin : ctx.begin + ctx.count], None, None


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        distributed.all_reduce(summed)
        return summed
