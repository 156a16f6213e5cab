"""Losses over a batch of embeddings: ours, and every one of pytorch-metric-learning's by name.

All share pytorch-metric-learning's call: `loss(embeddings [B, D], labels [B], indices_tuple=None)`, where the tuple is
(anchors, positives, anchors, negatives) or (anchors, positives, negatives), int64 positions in the batch.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from embedlearn.encoders.devices import seeded
from embedlearn.encoders.settings import Objective
from embedlearn.errors import ArgumentError
from embedlearn.flags import split_pairs

Tuples = tuple[Tensor, ...]


class ContrastiveLoss(nn.Module):
    """Pull pairs of one class together, push others beyond a margin (Hadsell 2006, eq. 4, distances Euclidean).

    The mean of d^2 / 2 over positive pairs plus the mean of max(0, margin - d)^2 / 2 over negative pairs, so that
    neither outweighs the other by its number.
    """

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor, indices_tuple: Tuples | None = None) -> Tensor:
        anchors, positives, others, negatives = indices_tuple or all_pairs(labels)
        pulled = _squared_distance(embeddings[anchors], embeddings[positives])
        distance = (_squared_distance(embeddings[others], embeddings[negatives]) + 1e-12).sqrt()
        pushed = (self.margin - distance).clamp_min(0) ** 2
        return (_mean(pulled) + _mean(pushed)) / 2


class TripletLoss(nn.Module):
    """A positive is to be nearer than a negative by a margin (Schroff 2015, eq. 3), distances squared.

    The mean over the triplets given, or over every triplet of the batch: then each anchor's negatives are sorted once,
    and what a positive owes to those nearer than its own distance plus the margin is read off their running sum, in
    time O(B^2 log B) and memory O(B^2).
    """

    def __init__(self, margin: float = 0.2) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, embeddings: Tensor, labels: Tensor, indices_tuple: Tuples | None = None) -> Tensor:
        if indices_tuple is None:
            return self._over_all(embeddings, labels)
        anchors, positives, negatives = indices_tuple
        near = _squared_distance(embeddings[anchors], embeddings[positives])
        far = _squared_distance(embeddings[anchors], embeddings[negatives])
        return _mean((near - far + self.margin).clamp_min(0))

    def _over_all(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        squared = (embeddings * embeddings).sum(1)
        distance = squared[:, None] - 2 * embeddings @ embeddings.T + squared  # [B, B], of anchors to all
        same = labels[:, None] == labels
        positive = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        nearest = distance.masked_fill(same, torch.inf).sort(1).values  # an anchor's negatives first
        owed_to = nn.functional.pad(nearest.masked_fill(nearest.isinf(), 0).cumsum(1), (1, 0))
        reach = distance + self.margin
        count = torch.searchsorted(nearest.detach(), reach.detach())  # negatives nearer than that
        owed = (count * reach - owed_to.gather(1, count)).masked_fill(~positive, 0)
        triplets = (positive.sum(1) * (~same).sum(1)).sum()
        return owed.sum() / triplets.clamp_min(1)


class SupConLoss(nn.Module):
    """Supervised contrastive learning (Khosla 2020, eq. 2): films of one class are each other's positives."""

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, embeddings: Tensor, labels: Tensor, indices_tuple: Tuples | None = None) -> Tensor:
        if indices_tuple is not None:
            raise ArgumentError("--loss supcon takes whole batches: use --sampler classes, no miner")
        own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        similarity = (embeddings @ embeddings.T / self.temperature).masked_fill(own, -torch.inf)
        log_share = similarity - similarity.logsumexp(1, keepdim=True)
        positive = (labels[:, None] == labels) & ~own
        per_anchor = log_share.masked_fill(~positive, 0).sum(1) / positive.sum(1).clamp_min(1)
        return -_mean(per_anchor[positive.any(1)])


class CrossEntropyLoss(nn.Module):
    """Softmax over the cosine to one learnt direction a class (Zhai & Wu 2019, normalised softmax)."""

    def __init__(self, classes: int, dimension: int, scale: float = 16.0) -> None:
        super().__init__()
        self.scale = scale
        self.directions = nn.Parameter(torch.randn(classes, dimension))

    def forward(self, embeddings: Tensor, labels: Tensor, indices_tuple: Tuples | None = None) -> Tensor:
        if indices_tuple is not None:
            raise ArgumentError("--loss cross-entropy takes whole batches: use --sampler classes")
        cosines = embeddings @ nn.functional.normalize(self.directions, dim=1).T
        return nn.functional.cross_entropy(self.scale * cosines, labels)


def instance_loss(first: Tensor, second: Tensor, temperature: float, films: Tensor | None = None) -> Tensor:
    """NT-Xent (Chen 2020, eq. 1): each of two views, float [B, D], is to find the other among all 2B - 1.

    `films`, int [B], says which film each view is of: a film that stands in the batch more than once is no negative of
    its own. None: all are different.
    """
    views = torch.cat([first, second])
    places = torch.arange(len(views), device=views.device)
    partner = places.roll(len(first))
    number = torch.arange(len(first), device=views.device) if films is None else films
    same = number.repeat(2)[:, None] == number.repeat(2)
    left_out = same.index_put((places, partner), same.new_zeros(()))
    similarity = (views @ views.T / temperature).masked_fill(left_out, -torch.inf)
    return nn.functional.cross_entropy(similarity, partner)


def all_pairs(labels: Tensor) -> Tuples:
    """(anchors, positives, anchors, negatives): every ordered pair of the batch, none with itself."""
    same = labels[:, None] == labels
    own = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    return (*torch.where(same & ~own), *torch.where(~same))


def create_loss(objective: Objective, *, classes: int, dimension: int) -> nn.Module | None:
    """The label term that `objective` names, or None for "none". Raises `ArgumentError`, listing what is valid."""
    if objective.loss == "none":
        return None
    from pytorch_metric_learning import losses

    own = {"contrastive": ContrastiveLoss, "triplet": TripletLoss, "supcon": SupConLoss}
    own_kind = own.get(objective.loss) or (CrossEntropyLoss if objective.loss == "cross-entropy" else None)
    kind = own_kind or _find(losses, objective.loss, "--loss", [*own, "cross-entropy", "none"])
    sizes = {"classes": classes, "dimension": dimension, "num_classes": classes, "embedding_size": dimension}
    loss = _build(kind, objective.loss_args, "--loss-args", sizes)
    _try(loss, f"--loss {objective.loss}", classes, dimension)
    return loss


def create_miner(objective: Objective) -> nn.Module | None:
    """The miner that `objective` names, or None for "none". Raises `ArgumentError`, listing what is valid."""
    if objective.miner == "none":
        return None
    from pytorch_metric_learning import miners

    miner = _build(_find(miners, objective.miner, "--miner", ["none"]), objective.miner_args, "--miner-args", {})
    _try(miner, f"--miner {objective.miner}", classes=2, dimension=8)
    return miner


def _find(module: object, name: str, flag: str, own: list[str]) -> type[nn.Module]:
    known = {key: kind for key, kind in vars(module).items() if inspect.isclass(kind) and issubclass(kind, nn.Module)}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise ArgumentError(f"{flag} {name}: unknown; wanted one of {', '.join([*own, *(near or sorted(known))])}")
    return known[name]


def _build(kind: type[nn.Module], words: Sequence[str], flag: str, sizes: Mapping[str, int]) -> nn.Module:
    """`kind` with the user's arguments, and the sizes among `sizes` that it asks for."""
    taken = _arguments_of(kind)
    args = {name: _number(flag, name, value) for name, value in split_pairs(flag, words).items()}
    for name in args:
        if name not in taken or name in sizes:
            valid = ", ".join(key for key in taken if key not in sizes) or "none"
            raise ArgumentError(f"{flag} {name}: {kind.__name__} has no such argument; it takes {valid}")
    needed = {name: size for name, size in sizes.items() if name in taken}
    try:
        return kind(**needed, **args)
    except TypeError as error:
        raise ArgumentError(f"--loss, --miner: {kind.__name__} cannot be built from flags ({error})") from error


def _try(module: nn.Module, flag: str, classes: int, dimension: int) -> None:
    """Refuse what cannot be called with embeddings and labels alone (abstract bases, losses that want more)."""
    labels = torch.arange(classes).repeat(4)
    try:
        with seeded(0):
            module(nn.functional.normalize(torch.randn(len(labels), dimension), dim=1), labels)
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(f"{flag}: it cannot be used on embeddings and labels alone ({reason})") from error


def _arguments_of(kind: type[nn.Module]) -> list[str]:
    """The names that the constructors of `kind` and of its bases take (the library hands the rest up by **kwargs)."""
    names: dict[str, None] = {}
    for base in inspect.getmro(kind):
        parameters = inspect.signature(vars(base).get("__init__", object.__init__)).parameters.values()
        named = (p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        names |= {name: None for name in named if name != "self"}
    return list(names)


def _number(flag: str, name: str, value: str) -> float:
    try:
        return int(value) if value.isdecimal() else float(value)
    except ValueError:
        raise ArgumentError(f"{flag} {name}={value}: wanted a number, got {value}") from None


def _squared_distance(first: Tensor, second: Tensor) -> Tensor:
    return (first - second).square().sum(1)


def _mean(values: Tensor) -> Tensor:
    """The mean, and zero (with a gradient of zero) of nothing."""
    return values.sum() / max(1, values.numel())
