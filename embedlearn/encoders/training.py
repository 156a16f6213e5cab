"""The training loop: two views of each film, a label term and instance discrimination, k-NN on validation films."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embedlearn.encoders.augmentation import augment
from embedlearn.encoders.checkpoints import copy_weights
from embedlearn.encoders.devices import computes_in_bf16, seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import standardise, to_greys
from embedlearn.encoders.losses import create_loss, create_miner, instance_loss
from embedlearn.encoders.network import TrainingNetwork
from embedlearn.encoders.samplers import Batch, create_sampler
from embedlearn.encoders.settings import Augmentation, Objective, Sampling, Schedule
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

SMOOTHED = 3  # epochs over which the validation score is averaged before one is chosen
NEIGHBOURS = 5


@dataclass(frozen=True)
class Plan:
    """All settings of a training."""

    preprocessing: Preprocessing
    augmentation: Augmentation
    objective: Objective
    sampling: Sampling
    schedule: Schedule
    seed: int


@dataclass(frozen=True, eq=False)
class LabelledFilms:
    """Decoded films and their classes, int64 [N]."""

    films: Films
    labels: NDArray[np.int64]


class Trainer:
    """One training, an epoch at a call; everything random follows from (seed, epoch), so it can stop between epochs.

    `encoder` learns in place; `best` holds its weights of `kept_epoch`, `history` has a row an epoch.
    """

    def __init__(
        self, encoder: Encoder, training: LabelledFilms, validation: LabelledFilms, plan: Plan, device: torch.device
    ) -> None:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins import MixedPrecision, Precision

        self.plan, self.training, self.validation = plan, training, validation
        self.encoder = encoder
        classes = int(training.labels.max()) + 1
        with seeded(plan.seed):
            network = TrainingNetwork(encoder, plan.objective.instance_width if plan.objective.instance else 0)
            loss = create_loss(plan.objective, classes=classes, dimension=encoder.architecture.dimension)
        self.miner = create_miner(plan.objective)
        self.sampler = create_sampler(plan.sampling, training.labels, seed=plan.seed)
        self.steps = len(self.sampler)
        bf16 = computes_in_bf16(plan.schedule.precision, device)
        precision = MixedPrecision("bf16-mixed", device.type) if bf16 else Precision()
        self.fabric = Fabric(accelerator=device.type, devices=1, plugins=precision)
        self.loss = None if loss is None else self.fabric.to_device(loss)
        learnt = [*network.parameters(), *(self.loss.parameters() if self.loss is not None else [])]
        optimizer = torch.optim.AdamW(_decay_groups(learnt, plan.schedule.weight_decay), lr=0.0)
        network.to(memory_format=torch.channels_last)
        self.network, self.optimizer = self.fabric.setup(network, optimizer)
        self._check_loss()
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}

    @property
    def finished(self) -> bool:
        """Whether the epochs are over, or the score has been a standard error below its best for too long."""
        patience = self.plan.schedule.patience
        stale = bool(patience) and len(self.history) - 1 - self.kept_epoch >= patience
        return len(self.history) >= self.plan.schedule.epochs or stale

    @property
    def kept_epoch(self) -> int:
        """The last epoch whose smoothed score was within a standard error of the best so far; -1 before any.

        Of epochs that validation cannot tell apart the later is kept: it is further in telling films apart, which the
        known classes do not show.
        """
        kept, best = -1, 0.0
        for epoch, row in enumerate(self.history):
            best = max(best, row["score"])
            error = math.sqrt(best * (1 - best) / len(self.validation.labels))
            kept = epoch if row["score"] >= best - error else kept
        return kept

    def run_epoch(self, on_step: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Train one epoch, score it, and return its row of the history. `on_step(films done, films in all)`."""
        epoch, began, losses = len(self.history), time.perf_counter(), []
        generator = torch.Generator().manual_seed(_mix(self.plan.seed, epoch))
        total = self.steps * self.plan.sampling.batch
        with seeded(_mix(self.plan.seed, epoch)):  # dropout and its like inside a backbone
            self.network.train()
            for step, batch in enumerate(self.sampler.epoch(epoch)):
                self._set_rate(epoch * self.steps + step)
                losses.append(self._step(batch, generator))
                if on_step:
                    on_step(min(total, (step + 1) * self.plan.sampling.batch), total)
        recall, neighbours = self._score()
        recent = [row["val_knn"] for row in self.history[len(self.history) + 1 - SMOOTHED :]] + [neighbours]
        label_term, instance_term = np.mean(losses, axis=0)
        row = {
            "epoch": epoch + 1,
            "loss": float(label_term + self.plan.objective.instance * instance_term),
            "label_loss": float(label_term),
            "instance_loss": float(instance_term),
            "learning_rate": float(self.optimizer.param_groups[0]["lr"]),
            "val_recall_at_1": recall,
            "val_knn": neighbours,
            "score": float(np.mean(recent)),
            "seconds": time.perf_counter() - began,
        }
        if not math.isfinite(row["loss"]):
            raise ArgumentError(f"training: the loss became {row['loss']} in epoch {epoch + 1}; lower --learning-rate")
        self.history.append(row)
        if self.kept_epoch == epoch:
            self.best = copy_weights(self.encoder)
        return row

    def _step(self, batch: Batch, generator: torch.Generator) -> tuple[float, float]:
        """One step of the optimiser; the label term and the instance term, as they were before it."""
        objective = self.plan.objective
        greys = to_greys(self.training.films[batch.films], self.fabric.device)
        views = [greys, greys] if objective.instance else [greys]
        seen = torch.cat([augment(view, self.plan.augmentation, generator) for view in views])
        embeddings, projected = self.network(standardise(seen, self.plan.preprocessing))
        labels = torch.from_numpy(self.training.labels[batch.films]).to(self.fabric.device)
        label_term = self._label_term(embeddings.float(), labels, batch)
        instance_term = embeddings.new_zeros(())
        if objective.instance:
            first, second = projected.float().chunk(2)
            films = torch.from_numpy(batch.films).to(self.fabric.device)
            instance_term = instance_loss(first, second, objective.temperature, films)
        self.optimizer.zero_grad()
        self.fabric.backward(label_term + objective.instance * instance_term)
        self.optimizer.step()
        return float(label_term.detach()), float(instance_term.detach())

    def _label_term(self, embeddings: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """The label loss: over the pairs or triplets that the sampler gives, else over all views of the batch."""
        if self.loss is None:
            return embeddings.new_zeros(())
        if batch.tuples is not None:
            tuples = _tuples(torch.from_numpy(batch.tuples).to(embeddings.device), labels)
            return cast("Tensor", self.loss(embeddings[: len(labels)], labels, tuples))
        labels = labels.repeat(len(embeddings) // len(labels))
        mined = self.miner(embeddings, labels) if self.miner is not None else None
        return cast("Tensor", self.loss(embeddings, labels, mined))

    @torch.no_grad()
    def _check_loss(self) -> None:
        """Refuse a loss that cannot take what the sampler and the miner give, before anything is written."""
        objective = self.plan.objective
        batch = next(self.sampler.epoch(0))
        labels = torch.from_numpy(self.training.labels[batch.films])
        views = 2 if objective.instance else 1
        with seeded(0):
            embeddings = nn.functional.normalize(torch.randn(views * len(labels), self.encoder.architecture.dimension))
            try:
                self._label_term(embeddings.to(self.fabric.device), labels.to(self.fabric.device), batch)
            except ArgumentError:
                raise
            except (ValueError, RuntimeError, TypeError) as error:
                names = (
                    f"--loss {objective.loss} with --sampler {self.plan.sampling.sampler}, --miner {objective.miner}"
                )
                raise ArgumentError(f"{names}: they do not fit together ({error})") from error

    @torch.no_grad()
    def _score(self) -> tuple[float, float]:
        """Recall@1 and the balanced accuracy of 5-NN, of the validation films among the training films."""
        self.network.eval()
        gallery, queries = (self._embed(part.films) for part in (self.training, self.validation))
        nearest = torch.topk(queries @ gallery.T, min(NEIGHBOURS, len(gallery)), dim=1).indices.cpu().numpy()
        labels = self.training.labels[nearest]
        votes = np.stack([(labels == label).sum(1) for label in range(int(self.training.labels.max()) + 1)], axis=1)
        truth = self.validation.labels
        first, voted = labels[:, 0] == truth, votes.argmax(1) == truth
        kinds = np.unique(truth)
        return (
            float(np.mean([first[truth == kind].mean() for kind in kinds])),
            float(np.mean([voted[truth == kind].mean() for kind in kinds])),
        )

    def _embed(self, films: Films) -> Tensor:
        parts = []
        for start in range(0, len(films), 256):
            greys = to_greys(films[slice(start, start + 256)], self.fabric.device)
            parts.append(self.network(standardise(greys, self.plan.preprocessing))[0].float())
        return torch.cat(parts)

    def _set_rate(self, step: int) -> None:
        """Linear warm-up, then a cosine to zero."""
        schedule = self.plan.schedule
        total = schedule.epochs * self.steps
        warm = max(1, round(schedule.warmup * total))
        share = (
            (step + 1) / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = schedule.learning_rate * share


def _decay_groups(parameters: Sequence[nn.Parameter], decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels, none for biases and normalisation."""
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _tuples(positions: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
    """Positions int64 [T, 2 or 3] as pytorch-metric-learning's tuple of pairs or of triplets."""
    if positions.shape[1] == 3:
        return tuple(positions.T)
    positive = labels[positions[:, 0]] == labels[positions[:, 1]]
    return (*positions[positive].T, *positions[~positive].T)


def _mix(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
