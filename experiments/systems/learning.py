"""Training a classifier by a recipe, and asking it."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from embedlearn.encoders.augmentation import augment
from embedlearn.encoders.devices import computes_in_bf16, seeded
from embedlearn.encoders.inputs import FilmSource, ask_films, standardise
from embedlearn.encoders.network import decay_groups
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.network import Classifier, Pooling
from experiments.systems.row import KEPT, Model, Recipe

Told = Callable[[int, int], None]
WARM = 0.1  # of the steps: in which the rate of a cosine rises


@dataclass(frozen=True, eq=False)
class LearningSet:
    """Films that a classifier learns from, and their classes int64 [N] of C."""

    films: Films
    labels: NDArray[np.int64]
    classes: int


def train_classifier(
    model: Model, data: LearningSet, preprocessing: Preprocessing, *, seed: int, device: torch.device,
    told: Told | None = None, after: Callable[[int, Classifier], None] | None = None,
) -> tuple[Classifier, list[float]]:  # fmt: skip
    """The network after the last epoch, and the mean loss of each epoch; `after(epoch, network)` may look at it.

    No film is set aside to choose an epoch by: the recipe says when to stop. `told(epochs done, epochs)`.
    """
    recipe = model.recipe
    network = Classifier(model, data.classes, seed=seed)
    network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(network) if recipe.average else None
    optimizer = _optimizer(recipe, [weights for weights in network.parameters() if weights.requires_grad])
    source = FilmSource(data.films, device, again=True)
    weights = _class_weights(data).to(device) if recipe.balance else None
    labels, losses = torch.from_numpy(data.labels).to(device), []
    steps = max(1, len(data.labels) // recipe.batch)
    bf16 = computes_in_bf16(recipe.precision, device)
    pooled = None
    if model.frozen and recipe.views == KEPT and not recipe.flip:  # the same answer every time
        pooling = Pooling(network)
        features = ask_films(pooling, data.films, preprocessing, (pooling.width,), device=device)
        pooled = torch.from_numpy(features).to(device)
    for epoch in range(recipe.epochs):
        network.train()
        spent = 0.0
        for step, rows in enumerate(_batches(len(data.labels), steps, seed, epoch)):
            now = epoch * steps + step
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * _share(recipe, now, recipe.epochs * steps)
            generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, now]).generate_state(1)[0]))
            asked = labels[torch.from_numpy(rows).to(device)]
            inputs = source.greys(rows) if pooled is None else pooled[torch.from_numpy(rows).to(device)]
            if pooled is None:
                inputs = standardise(random_views(inputs, recipe, generator), preprocessing)
            inputs, other, share = _mixed(inputs, recipe, generator)
            with seeded(now), torch.autocast(device.type, torch.bfloat16, enabled=bf16 and pooled is None):
                scores = network(inputs) if pooled is None else network.answer(inputs)
            loss = share * cross_entropy(scores, asked, weights, label_smoothing=recipe.smoothing)
            if share < 1:
                loss = loss + (1 - share) * cross_entropy(
                    scores, asked[other], weights, label_smoothing=recipe.smoothing
                )
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            spent += float(loss.detach())
            if average is not None:
                _follow(average, network, min(recipe.average, (now + 1) / (now + 10)))
        losses.append(spent / steps)
        if after:
            after(epoch + 1, average or network)
        if told:
            told(epoch + 1, recipe.epochs)
    return average or network, losses


def class_scores(
    network: Classifier, films: Films, preprocessing: Preprocessing, *, device: torch.device, flip: bool = False
) -> NDArray[np.float64]:
    """Scores of the classes before the softmax, float64 [N, C]; with `flip` the mean with those of mirrored films."""
    shape = (network.head.out_features,)
    scores = ask_films(network, films, preprocessing, shape, device=device).astype(np.float64)
    if flip:
        mirrored = ask_films(_Mirrored(network), films, preprocessing, shape, device=device)
        scores = (scores + mirrored) / 2
    return scores


class _Mirrored(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, films: Tensor) -> Tensor:
        answer: Tensor = self.network(films.flip(-1))
        return answer


def _optimizer(recipe: Recipe, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    groups, rate = decay_groups(weights, recipe.weight_decay), recipe.learning_rate
    made: dict[str, Callable[[], torch.optim.Optimizer]] = {
        "adam": lambda: torch.optim.Adam(groups, lr=rate),
        "amsgrad": lambda: torch.optim.Adam(groups, lr=rate, amsgrad=True),
        "adamw": lambda: torch.optim.AdamW(groups, lr=rate),
        "sgd": lambda: torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=True),
        "adagrad": lambda: torch.optim.Adagrad(groups, lr=rate),
    }
    return made[recipe.optimizer]()


def _class_weights(data: LearningSet) -> Tensor:
    counts = np.bincount(data.labels, minlength=data.classes)
    return torch.tensor(len(data.labels) / (data.classes * np.maximum(counts, 1)), dtype=torch.float32)


def _batches(count: int, steps: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
    """The films of an epoch in a random order, int64, in `steps` parts of nearly one size."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return iter(np.array_split(order, steps))


def _share(recipe: Recipe, now: int, steps: int) -> float:
    if recipe.decay == "none":
        return 1.0
    warm = max(1, round(WARM * steps))
    if now < warm:
        return (now + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (now - warm) / max(1, steps - warm)))


def random_views(films: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """A random view of each film, float32 [B, 1, S, S] in 0..1, as the recipe has them."""
    if recipe.flip:
        mirrored = torch.rand(len(films), generator=generator).to(films.device) < 0.5
        films = torch.where(mirrored[:, None, None, None], films.flip(-1), films)
    return augment(films, recipe.views, generator)


def _mixed(inputs: Tensor, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor, float]:
    """Each input with another of its batch laid over it, which, and the first's share of all (Zhang 2018, eq. 1)."""
    if not recipe.mixup:
        return inputs, torch.arange(0), 1.0
    seed = int(torch.randint(2**31, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(recipe.mixup, recipe.mixup))
    other = torch.randperm(len(inputs), generator=generator).to(inputs.device)
    return share * inputs + (1 - share) * inputs[other], other, share


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, kept: float) -> None:
    """Move averaged weights, and running means, towards those of the network."""
    for mean, value in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
        if mean.dtype.is_floating_point:
            mean.lerp_(value, 1 - kept)
        else:
            mean.copy_(value)
