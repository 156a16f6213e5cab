"""Completeness: a map that claims to be a sum must add up to the score (the axiom of Sundararajan 2017)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from embedlearn.encoders.encoder import Encoder
from embedlearn.explanations.checks.question import BATCH, Asked
from embedlearn.explanations.checks.verdict import Verdict, holds, not_asked
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.readout import Readout, read_encoder

EXACT = "exact"
SINGLE, DOUBLE = "completeness, float32", "completeness, float64"
# A hundred roundings of either precision, for sums of some hundred terms of about 1.
WANTED = {SINGLE: ("<= 1e-05", torch.float32), DOUBLE: ("<= 1e-12", torch.float64)}
UNCLAIMED = "not asked: these maps do not claim to add up to the score"


def check_completeness(
    asked: Asked, names: Iterable[str], *, read: Callable[[Encoder], Readout] = read_encoder
) -> list[Verdict]:
    """The largest |sum of the map + constant - score| over the films, in float32 and in float64.

    Only the exact maps claim to add up; of the others nothing is asked.
    """
    verdicts = []
    for name in names:
        if name != EXACT:
            verdicts.append(not_asked(SINGLE, name, WANTED[SINGLE][0], UNCLAIMED))
            continue
        for check, (wanted, dtype) in WANTED.items():
            largest = float(residuals(asked, dtype, read).max())
            sentence = f"the map and its constant miss the score by {largest:.1e} at most"
            passed = holds(largest, wanted)
            verdicts.append(Verdict(check, name, largest, None, None, wanted, passed, sentence, len(asked)))
    return verdicts


@torch.no_grad()
def residuals(asked: Asked, dtype: torch.dtype, read: Callable[[Encoder], Readout] = read_encoder) -> Tensor:
    """What is missing, film by film [N], where everything from the film to the score is computed in `dtype`."""
    encoder = copy.deepcopy(asked.network.encoder).to(dtype)
    found = []
    for start in range(0, len(asked), BATCH):
        part = slice(start, start + BATCH)
        features = encoder.backbone(asked.inputs[part].to(dtype))
        raw = encoder.projection(encoder.pool(features))
        embeddings = raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-12)
        vectors, offsets = asked.vectors[part, None].to(dtype), asked.offsets[part, None].to(dtype)
        found.append(exact_maps(features, read(encoder), vectors, offsets, embeddings).residual[:, 0])
    return torch.cat(found)
