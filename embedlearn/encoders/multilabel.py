"""Which flags of a training fit films that may show several findings."""

from __future__ import annotations

from embedlearn.encoders.settings import Objective, Sampling
from embedlearn.errors import ArgumentError

FLAG = "--multi-label"
BCE = "bce"
LOSSES = ("supcon", BCE, "none")
HEAD = "head/"
"""Before the names of the loss's weights that are kept beside an encoder's: the linear head of `BCE`."""


def require_finding_flags(objective: Objective, sampling: Sampling) -> None:
    """Raise `ArgumentError` for a flag that means nothing where a film may show several findings."""
    if objective.loss not in LOSSES:
        raise ArgumentError(
            f"--loss {objective.loss}: wants one class a film; with {FLAG} wanted {', '.join(LOSSES[:-1])} or "
            f"{LOSSES[-1]}"
        )
    for flag, value, wanted, why in (
        ("--miner", objective.miner, "none", "a miner wants one class a film"),
        ("--distance", objective.distance, "none", "it is for losses of one class a film"),
        ("--reducer", objective.reducer, "none", "it is for losses of one class a film"),
        ("--memory", objective.memory, 0, "what is remembered has one class a film"),
        ("--sampler", sampling.sampler, "classes", "pairs and triplets want one class a film"),
        ("--patients", sampling.patients, "any", "a film's partners differ from finding to finding"),
    ):
        if value != wanted:
            raise ArgumentError(f"{flag} {value}: not with {FLAG}, {why}; use {flag} {wanted}")


def require_class_flags(objective: Objective) -> None:
    """Raise `ArgumentError` for a loss that is for films that may show several findings only."""
    if objective.loss == BCE:
        raise ArgumentError(f"--loss {BCE}: judges each of a film's findings by itself; add {FLAG}, or take another")
