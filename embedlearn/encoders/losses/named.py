"""The loss and the miner that an objective names: ours, and every one of pytorch-metric-learning's."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from embedlearn.encoders.devices import seeded
from embedlearn.encoders.losses.arguments import build, find, for_users, reason
from embedlearn.encoders.losses.base import BatchLoss
from embedlearn.encoders.losses.binary import BinaryLoss
from embedlearn.encoders.losses.contrastive import ContrastiveLoss
from embedlearn.encoders.losses.cross_entropy import CrossEntropyLoss
from embedlearn.encoders.losses.supcon import SupConLoss
from embedlearn.encoders.losses.triplet import TripletLoss
from embedlearn.encoders.multilabel import BCE, require_class_flags
from embedlearn.encoders.settings import Objective
from embedlearn.errors import ArgumentError

OURS: dict[str, type[BatchLoss]] = {
    "contrastive": ContrastiveLoss,
    "triplet": TripletLoss,
    "supcon": SupConLoss,
    "cross-entropy": CrossEntropyLoss,
}
OF_FINDINGS: dict[str, type[BatchLoss]] = {"supcon": SupConLoss, BCE: BinaryLoss}
REMEMBERING = [name for name, kind in OURS.items() if kind.compares]
TWINS = {
    "contrastive": "ContrastiveLoss",
    "triplet": "TripletMarginLoss",
    "supcon": "SupConLoss",
    "cross-entropy": "NormalizedSoftmaxLoss",
}
"""What pytorch-metric-learning has in their place, to be had with other distances and reducers."""


def create_loss(objective: Objective, *, classes: int, dimension: int) -> nn.Module | None:
    """The label term that `objective` names, or None for "none".

    Raises `ArgumentError`, listing what is valid: for a name or an argument that is unknown, for a loss that wants more
    than embeddings and labels, and for a flag that would do nothing.
    """
    require_class_flags(objective)
    refuse_idle_flags(objective)
    if objective.loss == "none":
        return None
    from pytorch_metric_learning import losses

    ours = OURS.get(objective.loss)
    kind = ours or find(losses, objective.loss, "--loss", [*OURS, "none"])
    given: dict[str, object] = {"classes": classes, "dimension": dimension, "num_classes": classes}
    given |= {"embedding_size": dimension, "descriptors_dim": dimension}
    given |= {} if ours else _parts(objective, "distance", "reducer")
    loss = build(kind, "--loss", objective.loss_args, given)
    _rehearse(loss, objective, [] if ours else ["distance", "reducer"], f"--loss {objective.loss}", classes, dimension)
    return loss


def create_finding_loss(objective: Objective, *, odds: Tensor, dimension: int) -> nn.Module | None:
    """The label term that `objective` names for films that may show several findings, or None for "none".

    `odds`: float32 [K], of the films without each finding to those with it. Raises `ArgumentError` for an argument that
    is unknown. The flags are those that `require_finding_flags` lets pass.
    """
    refuse_idle_flags(objective)
    if objective.loss == "none":
        return None
    kind = OF_FINDINGS[objective.loss]
    return build(kind, "--loss", objective.loss_args, {"odds": odds, "dimension": dimension})


def create_miner(objective: Objective) -> nn.Module | None:
    """The miner that `objective` names, or None for "none". Raises `ArgumentError`, listing what is valid."""
    refuse_idle_flags(objective)
    if objective.miner == "none":
        return None
    from pytorch_metric_learning import miners

    kind = find(miners, objective.miner, "--miner", ["none"])
    miner = build(kind, "--miner", objective.miner_args, _parts(objective, "distance"))
    _rehearse(miner, objective, ["distance"], f"--miner {objective.miner}", classes=2, dimension=8)
    return miner


def refuse_idle_flags(objective: Objective) -> None:
    """Raise `ArgumentError` for a flag of `objective` that would do nothing beside its others."""
    for part in ("loss", "miner", "distance", "reducer"):
        if getattr(objective, part) == "none" and getattr(objective, f"{part}_args"):
            raise ArgumentError(f"--{part}-args: there is no {part} to take them; name one by --{part}")
    if objective.loss == "none":
        for part, off in (("miner", "none"), ("distance", "none"), ("reducer", "none"), ("memory", 0)):
            if (value := getattr(objective, part)) != off:
                raise ArgumentError(f"--{part} {value}: --loss none leaves it nothing to do; leave it out")
    if objective.memory and (objective.miner != "none" or objective.loss not in REMEMBERING):
        raise ArgumentError(
            f"--memory {objective.memory}: only {', '.join(REMEMBERING)} compare a batch with remembered embeddings, "
            f"without a miner, got --loss {objective.loss}, --miner {objective.miner}; change them, or use --memory 0"
        )
    if objective.loss in OURS:
        arguments = ", ".join(f"{name}=..." for name in for_users(OURS[objective.loss]))
        for part in ("reducer",) if objective.miner != "none" else ("distance", "reducer"):  # a miner takes a distance
            if (value := getattr(objective, part)) != "none":
                raise ArgumentError(
                    f"--{part} {value}: --loss {objective.loss} has its own; set --loss-args {arguments}, "
                    f"or take --loss {TWINS[objective.loss]}"
                )


def _parts(objective: Objective, *names: str) -> dict[str, nn.Module]:
    """The distance and the reducer that `objective` names, those of `names` that are not "none"."""
    from pytorch_metric_learning import distances, reducers

    homes, built = {"distance": distances, "reducer": reducers}, {}
    for name in names:
        if (wanted := getattr(objective, name)) != "none":
            kind = find(homes[name], wanted, f"--{name}", ["none"])
            built[name] = build(kind, f"--{name}", getattr(objective, f"{name}_args"), {})
    return built


def _rehearse(
    module: nn.Module, objective: Objective, parts: Sequence[str], flag: str, classes: int, dimension: int
) -> None:
    """Refuse what cannot be called with embeddings and labels alone, and those of its `parts` that it never asks."""
    named = {part: name for part in parts if (name := getattr(objective, part)) != "none"}
    try:
        asked = _call_once(module, classes, dimension)
    except Exception as error:
        flags = " ".join([flag, *(f"--{part} {name}" for part, name in named.items())])
        message = f"{flags}: it cannot be used on embeddings and labels alone ({reason(error)})"
        raise ArgumentError(message) from error
    for part, name in named.items():
        if name not in asked:
            raise ArgumentError(f"--{part} {name}: {flag} has no use for it; leave it out")


def _call_once(module: nn.Module, classes: int, dimension: int) -> set[str]:
    """Call a copy of `module` on a made-up batch; the classes, by name, of its parts that had something to do.

    Raises whatever it raises, and `ValueError` where a loss is no finite number.
    """
    asked = set()

    def note(part: nn.Module, inputs: tuple[object, ...], _: object) -> None:
        losses = inputs[0] if inputs and isinstance(inputs[0], dict) else {}  # which a reducer is given
        if not losses or any(loss["reduction_type"] != "already_reduced" for loss in losses.values()):
            asked.add(type(part).__name__)

    copied = copy.deepcopy(module)
    for part in copied.modules():
        part.register_forward_hook(note)
    with seeded(0), torch.no_grad():  # some draw
        value = copied(*_made_up(classes, dimension))
    if not isinstance(value, tuple):  # which a miner gives
        if not (isinstance(value, Tensor) and value.numel() == 1):
            raise ValueError("it gives no number")
        if not value.isfinite():
            raise ValueError(f"it gives {value.item()}")
    return asked


def _made_up(classes: int, dimension: int) -> tuple[Tensor, Tensor]:
    """Random embeddings float32 [B, D] of length 1, four of each class, and labels int64 [B]."""
    drawn = torch.randn(4 * classes, dimension, generator=torch.Generator().manual_seed(0))
    return nn.functional.normalize(drawn, dim=1), torch.arange(4 * classes) % classes
