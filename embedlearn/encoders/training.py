"""The training loop: two views of each film, a label term and instance discrimination, a score on validation films."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from embedlearn.encoders.augmentation import augment
from embedlearn.encoders.checkpoints import copy_weights
from embedlearn.encoders.choosing import choose_criterion, require_criterion
from embedlearn.encoders.devices import seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.findings import FindingScores
from embedlearn.encoders.inputs import FilmSource, standardise
from embedlearn.encoders.losses import BinaryLoss
from embedlearn.encoders.multilabel import HEAD, require_finding_flags
from embedlearn.encoders.network import TrainingNetwork
from embedlearn.encoders.optimizers import create_optimizer
from embedlearn.encoders.processes import gather, rank_and_world, share_batch_statistics, total
from embedlearn.encoders.samplers import Batch, create_sampler
from embedlearn.encoders.settings import Augmentation, Objective, Sampling, Schedule
from embedlearn.encoders.validation import ClassScores, choose_epoch, smooth
from embedlearn.errors import ArgumentError
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

if TYPE_CHECKING:
    from lightning_fabric import Fabric

EMBEDDED_AT_ONCE = 256


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
    """Decoded films and their classes, int64 [N]; their cases and sources, int64 [N], where a sampler asks for them.

    Of films that may show several findings the labels are int64 [N, K]: 1 shown, 0 not shown, -1 unknown, each of the
    findings that `findings` names.
    """

    films: Films
    labels: NDArray[np.int64]
    cases: NDArray[np.int64] | None = None
    sources: NDArray[np.int64] | None = None
    findings: tuple[str, ...] = ()


class Trainer:
    """One training, an epoch at a call, alone or as one of several processes.

    Raises `ArgumentError`, before anything is trained, where sampler, loss and miner do not fit together, or do not fit
    films that may show several findings.
    Everything random follows from (seed, epoch, step), so that it can stop behind any step and go on elsewhere.
    `encoder` learns in place; `best` holds its weights of `kept_epoch` (and those of the findings' linear head, where
    the loss has one, under names that begin with `HEAD`), `history` has a row an epoch; `step` counts the
    steps done in the epoch under way, and `spent` holds the sums of its terms and its seconds.
    """

    def __init__(
        self, encoder: Encoder, training: LabelledFilms, validation: LabelledFilms, plan: Plan, fabric: Fabric
    ) -> None:
        self.plan, self.training, self.validation, self.fabric = plan, training, validation, fabric
        self.encoder = encoder
        self.scores: ClassScores | FindingScores = ClassScores(validation.labels)
        if training.findings:
            require_finding_flags(plan.objective, plan.sampling)
            self.scores = FindingScores(training.findings, validation.labels)
        self.rank, self.world = rank_and_world()
        self.sampler = create_sampler(
            plan.sampling, training.labels, patients=training.cases, sources=training.sources, seed=plan.seed,
            rank=self.rank, world=self.world,
        )  # fmt: skip
        self.steps = len(self.sampler)
        with seeded(plan.seed):
            network = TrainingNetwork(encoder, plan.objective.instance_width if plan.objective.instance else 0)
            criterion = choose_criterion(
                plan.objective, self.sampler, training.labels, training.findings, encoder.architecture.dimension
            )
        network.to(device=fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        share_batch_statistics(network)
        self.criterion = criterion.to(fabric.device)
        # Adagrad's sums lie where the parameters lie when it is made: all of them are on the device by now
        optimizer = create_optimizer(plan.schedule, [*network.parameters(), *criterion.parameters()])
        self.network, self.optimizer = fabric.setup(network, optimizer)
        self.judge: Callable[..., tuple[Tensor, Tensor]] = self.criterion
        if self.world > 1 and any(True for _ in criterion.parameters()):
            self.judge = DistributedDataParallel(self.criterion)  # its gradients are averaged too, all in float32
        self.source = FilmSource(training.films, fabric.device, again=True)
        known = self._known(next(self.sampler.epoch(0)))
        require_criterion(self.criterion, plan.objective, plan.sampling, known, encoder.architecture.dimension)
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}
        self.step = 0
        self.spent = np.zeros(3)

    @property
    def finished(self) -> bool:
        """Whether the epochs are over, or the score has been a standard error below its best for too long."""
        patience = self.plan.schedule.patience
        stale = bool(patience) and len(self.history) - 1 - self.kept_epoch >= patience
        return len(self.history) >= self.plan.schedule.epochs or stale

    @property
    def kept_epoch(self) -> int:
        """The epoch that validation chooses so far (`validation.choose_epoch`); -1 before any."""
        return choose_epoch(self.history, self.scores.films)

    def run_epoch(self, on_step: Callable[[int, int], None] | None = None) -> dict[str, float]:
        """Train an epoch to its end, score it, and return its row of the history. Raises `ArgumentError` for a NaN.

        `on_step(films done, films in all)` is called behind every step, where the training can be saved.
        """
        epoch = len(self.history)
        self.network.train()
        for batch in self.sampler.epoch(epoch, self.step):
            began = time.perf_counter()
            for group in self.optimizer.param_groups:
                group["lr"] = self._rate(epoch, self.step)
            label_term, instance_term = self._step(batch, _mix(self.plan.seed, epoch, self.step)).tolist()
            self.step += 1
            self.spent += [label_term, instance_term, time.perf_counter() - began]
            if on_step:
                films = self.plan.sampling.batch
                on_step(min(self.step, self.steps) * films, self.steps * films)
        row = self._close_epoch(epoch)
        self.history.append(row)
        self.step, self.spent = 0, np.zeros(3)
        if self.kept_epoch == epoch:
            self.best = copy_weights(self.encoder) | self._head_weights()
        return row

    def _step(self, batch: Batch, seed: int) -> Tensor:
        """One step of the optimiser; the label term and the instance term of all processes, as they were before it."""
        inputs = standardise(self._views(batch, seed), self.plan.preprocessing)
        with seeded(seed + self.rank):  # dropout and its like inside a backbone
            embeddings, projected = self.network(inputs)
        embeddings, projected = embeddings.float(), projected.float()
        known = self._known(batch)
        with seeded(seed):
            try:
                label_term, instance_term = self.judge(embeddings, projected, *known)
            except ValueError as error:
                name = self.plan.objective.loss
                raise ArgumentError(f"--loss {name}: it cannot take a batch ({error}); use another") from error
        self.optimizer.zero_grad()
        self.fabric.backward(label_term + self.plan.objective.instance * instance_term)
        self.optimizer.step()
        self.criterion.remember(embeddings, *known[:2])
        return total(torch.stack([label_term, instance_term]).detach()) / self.world

    def _views(self, batch: Batch, seed: int) -> Tensor:
        """Random views of the batch's films, float32 [V * B, 1, S, S]: two of each where instances are told apart."""
        settings, films = self.plan.augmentation, self.source.greys(batch.films)
        generator, places = torch.Generator().manual_seed(seed), torch.from_numpy(batch.places)
        views = []
        for _ in range(2 if self.plan.objective.instance else 1):
            others = films
            if settings.spectrum:
                drawn = torch.randint(len(self.training.labels), (batch.size,), generator=generator)
                others = self.source.greys(drawn[places].numpy())
            views.append(augment(films, settings, generator, others, places, batch.size))
        return torch.cat(views)

    def _known(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """What is known of a batch, on the device: labels [B (, K)], films [B], tuples [T, 2 or 3] or None: int64."""
        rows, device = torch.from_numpy(batch.films), self.fabric.device
        tuples = None if batch.tuples is None else torch.from_numpy(batch.tuples).to(device)
        return torch.from_numpy(self.training.labels)[rows].to(device), rows.to(device), tuples

    def _close_epoch(self, epoch: int) -> dict[str, float]:
        """The epoch's row of the history. Raises `ArgumentError` where the loss is no number."""
        began = time.perf_counter()
        label_term, instance_term = (self.spent[:2] / self.steps).tolist()
        loss = label_term + self.plan.objective.instance * instance_term
        if not math.isfinite(loss):
            raise ArgumentError(
                f"training: the loss became {loss} in epoch {epoch + 1}; start anew with a lower --learning-rate"
            )
        scores = dict(zip(self.scores.columns, self._score(), strict=True))
        return {
            "epoch": epoch + 1,
            "loss": loss,
            "label_loss": label_term,
            "instance_loss": instance_term,
            "learning_rate": self._rate(epoch, self.steps - 1),
            **scores,
            "score": smooth(self.history, scores[self.scores.main], self.scores.main),
            "seconds": float(self.spent[2]) + time.perf_counter() - began,
        }

    def _score(self) -> tuple[float, ...]:
        """How well the validation films are told: a value for each of the columns of `scores`."""
        self.network.eval()
        queries = self._embed(self.validation.films)
        if isinstance(head := self.criterion.loss, BinaryLoss):
            with torch.no_grad():
                return cast("FindingScores", self.scores).of(head.logits(queries))
        return self.scores.among(self._embed(self.training.films), self.training.labels, queries)

    def _head_weights(self) -> dict[str, Tensor]:
        if not isinstance(loss := self.criterion.loss, BinaryLoss):
            return {}
        return {f"{HEAD}{name}": value for name, value in copy_weights(loss.head).items()}

    @torch.no_grad()
    def _embed(self, films: Films) -> Tensor:
        """Embeddings [N, D] of films, of which each process makes its part."""
        source = self.source if films is self.training.films else FilmSource(films, self.fabric.device)
        begin, end = (len(films) * part // self.world for part in (self.rank, self.rank + 1))
        parts = [torch.empty(0, self.encoder.architecture.dimension, device=self.fabric.device)]
        for start in range(begin, end, EMBEDDED_AT_ONCE):
            rows = np.arange(start, min(start + EMBEDDED_AT_ONCE, end))
            inputs = standardise(source.greys(rows), self.plan.preprocessing)
            with self.fabric.autocast():  # not through the wrapper, which would wait for processes with more to do
                parts.append(self.network.module(inputs)[0].float())
        return gather(torch.cat(parts))[0]

    def _rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step: a linear warm-up, then a cosine to zero."""
        schedule, now = self.plan.schedule, epoch * self.steps + step
        steps = schedule.epochs * self.steps
        warm = max(1, round(schedule.warmup * steps))
        if now < warm:
            return schedule.learning_rate * (now + 1) / warm
        return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * (now - warm) / max(1, steps - warm)))


def _mix(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 2)
