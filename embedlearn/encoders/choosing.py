"""The criterion of a training: chosen by what its films are labelled with, and tried before anything is written."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedlearn.encoders.criterion import Criterion
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.samplers import FindingSampler, Sampler
from embedlearn.encoders.settings import Objective, Sampling
from embedlearn.errors import ArgumentError


def choose_criterion(
    objective: Objective, sampler: Sampler, labels: NDArray[np.int64], findings: Sequence[str], dimension: int
) -> Criterion:
    """The criterion for training films of classes int64 [N], or of `findings` int64 [N, K], embedded in `dimension`.

    Raises `ArgumentError` for a finding that no film shows, and for one of which no film is known not to show it.
    """
    if not isinstance(sampler, FindingSampler):
        return Criterion(objective, int(labels.max()) + 1, dimension)
    drawn = sampler.shares()
    absent, shown = (drawn @ (labels == side) for side in (0, 1))
    if missing := _named(findings, shown == 0):
        raise ArgumentError(f"training: no training film shows {missing}; leave it out with --classes")
    if missing := _named(findings, absent == 0):
        raise ArgumentError(
            f"training: no training film is known not to show {missing}; add films known not to show it, leave it out "
            "with --classes, or, where films that do not name it lack it, say so with --absent"
        )
    odds = torch.from_numpy(absent / shown).float()
    return Criterion(objective, len(odds), dimension, odds)


def require_criterion(
    criterion: Criterion, objective: Objective, sampling: Sampling, known: tuple[Tensor, Tensor, Tensor | None],
    dimension: int,
) -> None:  # fmt: skip
    """Refuse a loss that cannot take what the sampler and the miner give, by trying a copy of it.

    `known`: labels int64 [B (, K)], films int64 [B] and tuples, int64 [T, 2 or 3] or None, of a batch on the device.
    Raises `ArgumentError`.
    """
    sampler = sampling.sampler
    for flag, wanted, off in (("--memory", objective.memory, 0), ("--miner", objective.miner, "none")):
        if wanted != off and sampler != "classes":
            raise ArgumentError(
                f"{flag} {wanted}: --sampler {sampler} says itself what is compared; use --sampler classes"
            )
    tried = copy.deepcopy(criterion)
    with seeded(0):
        rows = (2 if objective.instance else 1) * len(known[0])
        try:
            for _ in range(2):  # some keep what they should not from one batch to the next
                made = torch.randn(rows, dimension, requires_grad=True)
                seen = nn.functional.normalize(made, dim=1).to(known[0].device)
                torch.stack(tried(seen, seen, *known)).sum().backward()  # type: ignore[no-untyped-call]
        except ArgumentError:
            raise
        except (ValueError, RuntimeError, TypeError) as error:
            names = f"--loss {objective.loss} with --sampler {sampler}, --miner {objective.miner}"
            raise ArgumentError(f"{names}: they do not fit together ({error})") from error


def _named(findings: Sequence[str], where: NDArray[np.bool_]) -> str:
    return ", ".join(name for name, here in zip(findings, where, strict=True) if here)
