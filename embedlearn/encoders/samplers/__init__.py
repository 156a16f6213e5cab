"""Which films stand together in a batch. Every sampler is stateless: an epoch's batches follow from (seed, epoch).

All are balanced over classes, or over the classes of every source, and see every film in an epoch (of a smaller part
more than once), but for `siamese`, which keeps the published scheme; for pairs of one patient, whose anchors are the
films of patients with several; and for `findings`, which takes several epochs to go through a frequent finding. With
several processes each takes its own part of every batch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.samplers.anchors import PairSampler, TripletSampler
from embedlearn.encoders.samplers.base import Batch, Sampler
from embedlearn.encoders.samplers.classes import ClassSampler
from embedlearn.encoders.samplers.findings import FindingSampler
from embedlearn.encoders.samplers.siamese import SiamesePairSampler
from embedlearn.encoders.settings import Sampling

__all__ = [
    "SAMPLERS",
    "Batch",
    "ClassSampler",
    "FindingSampler",
    "PairSampler",
    "Sampler",
    "SiamesePairSampler",
    "TripletSampler",
    "create_sampler",
]

SAMPLERS: dict[str, type[Sampler]] = {
    sampler.name: sampler for sampler in (ClassSampler, PairSampler, SiamesePairSampler, TripletSampler)
}


def create_sampler(
    settings: Sampling,
    labels: NDArray[np.integer],
    *,
    patients: NDArray[np.int64] | None = None,
    sources: NDArray[np.integer] | None = None,
    seed: int = 0,
    rank: int = 0,
    world: int = 1,
) -> Sampler:
    """The sampler that `settings` name; the arguments and errors are those of `Sampler`.

    Of labels int [N, K], findings that a film may show several of, it is the `FindingSampler`.
    """
    if labels.ndim > 1:
        return FindingSampler(
            labels, settings.batch, sources=sources, balance=settings.balance, seed=seed, rank=rank, world=world
        )
    return SAMPLERS[settings.sampler](
        labels,
        settings.batch,
        patients=patients,
        sources=sources,
        balance=settings.balance,
        positives=settings.patients,
        seed=seed,
        rank=rank,
        world=world,
    )
