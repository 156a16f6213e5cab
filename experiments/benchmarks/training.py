"""Training beside pytorch-metric-learning: samplers, triplet losses, and images a second of processor time.

Everything runs on one thread, both sides in turn, so that what else the machine does meets both.
"""

from __future__ import annotations

import contextlib
import io
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import nn

from embedlearn.console import run_command, say
from embedlearn.encoders.devices import open_fabric
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.losses import TripletLoss
from embedlearn.encoders.samplers import ClassSampler
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.encoders.training import LabelledFilms, Plan, Trainer
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, cpu_seconds, write_measurements

LIBRARY = "pytorch-metric-learning"
STILL = Augmentation(crop=1, rotate=0, contrast=0, gamma=0, blur=0, noise=0, spectrum=0)
BATCH, SIZE = 32, 128
FOUR_BLOCKS = "four blocks of convolution, normalisation, ReLU and pooling"
NETWORKS = ("resnet18", FOUR_BLOCKS, "resdense")


@dataclass(frozen=True, kw_only=True)
class Training(BenchmarkFlags):
    """Compare training with pytorch-metric-learning's sampler, triplet loss and trainer, on one thread of the CPU."""


def main() -> None:
    run_command(Training, _run, "experiments.benchmarks.training", None)


def _run(settings: Training) -> None:
    torch.set_num_threads(1)
    rounds = 2 if settings.quick else 5
    found: list[Measurement] = []
    for part in (_samplers, _losses, _trainers, _pipeline):
        for measurement in part(settings.quick, rounds):
            say(f"{measurement.metric}: {measurement.ratio:.2f}")
            found.append(measurement)
    write_measurements(settings.json, found)


def _samplers(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Microseconds a batch of 64 from two classes, the drawing of the epoch counted in."""
    from pytorch_metric_learning.samplers import MPerClassSampler

    films = 10_000 if quick else 100_000
    labels = np.arange(films) % 2
    sampler = ClassSampler(labels, 64)
    peer = MPerClassSampler(labels.tolist(), 32, 64, films)
    ours, theirs = [], []
    for epoch in range(rounds):
        began = time.process_time()
        batches = sum(1 for _ in sampler.epoch(epoch))
        middle = time.process_time()
        for _ in iter(peer):
            pass
        ours.append((middle - began) / batches * 1e6)
        theirs.append((time.process_time() - middle) / (films / 64) * 1e6)
    yield compare(
        f"P x K sampler, microseconds a batch, {films:,} films", ours, theirs, f"{LIBRARY} MPerClassSampler",
        less_is_better=True,
    )  # fmt: skip


def _losses(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Milliseconds forward and backward over every triplet of a batch of two classes, 128 numbers an embedding."""
    for batch in (64, 128) if quick else (256, 512):
        for duel in triplet_duels():
            pairs = [(milliseconds(batch, duel.own, None), milliseconds(batch, duel.peer, duel.miner))
                     for _ in range(rounds)]  # fmt: skip
            yield compare(
                f"{duel.name} triplets, milliseconds forward and backward, batch {batch}",
                [ours for ours, _ in pairs], [theirs for _, theirs in pairs], duel.peer_name, less_is_better=True,
            )  # fmt: skip


class TripletDuel(NamedTuple):
    """A triplet loss of ours and the library's, at equal settings; `miner` tells the library which triplets count."""

    name: str
    own: nn.Module
    peer: nn.Module
    miner: nn.Module | None
    peer_name: str


def triplet_duels() -> tuple[TripletDuel, TripletDuel]:
    """All triplets, and the semi-hard ones."""
    from pytorch_metric_learning import distances, losses, miners, reducers

    distance = distances.LpDistance(power=2)
    peer = losses.TripletMarginLoss(margin=0.2, distance=distance, reducer=reducers.MeanReducer())
    miner = miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard", distance=distance)
    return (
        TripletDuel("all", TripletLoss(0.2), peer, None, f"{LIBRARY} TripletMarginLoss"),
        TripletDuel(
            "semi-hard", TripletLoss(0.2, semihard=True), peer, miner,
            f"{LIBRARY} TripletMarginLoss + TripletMarginMiner",
        ),
    )  # fmt: skip


def milliseconds(batch: int, loss: nn.Module, miner: nn.Module | None) -> float:
    """Of processor time, forward and backward, for a batch of two classes."""
    embeddings = nn.functional.normalize(torch.randn(batch, 128, generator=torch.Generator().manual_seed(0)), dim=1)
    embeddings.requires_grad_()
    labels = torch.arange(batch) % 2

    def step() -> None:
        mined = None if miner is None else miner(embeddings, labels)
        torch.autograd.grad(loss(embeddings, labels, mined), embeddings)

    return 1000 * cpu_seconds(step)


def _trainers(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Images a second of processor time: the same network, batch and films, no views, by both trainers.

    Each as it comes: ours in bf16 where the machine computes in it (`--precision auto`), the library's in float32. A
    second line has ours in float32 too.
    """
    for name in NETWORKS:
        films = _films((3 if quick else 12) * BATCH)
        seconds = [(_our_steps(name, films, "auto"), _our_steps(name, films, "fp32"), _their_steps(name, films))
                   for _ in range(rounds)]  # fmt: skip
        auto, plain, theirs = ([BATCH / float(np.median(each)) for each in side] for side in zip(*seconds, strict=True))
        for precision, ours in (("precision auto", auto), ("float32", plain)):
            yield compare(
                f"training {name}, images a CPU-second, {SIZE} px, batch {BATCH}, {precision}", ours, theirs,
                f"{LIBRARY} MetricLossOnly, float32", less_is_better=False,
            )  # fmt: skip


def _pipeline(quick: bool, rounds: int) -> Iterator[Measurement]:
    """Share of a default step (two views) that goes into reading films from the cache, and into their views."""
    films = _films(4 * 64)
    plan = Plan(Preprocessing(size=SIZE), Augmentation(), Objective(), Sampling(), Schedule(), seed=0)
    trainer = _trainer(_encoder("resdense"), films, plan)
    batch = next(trainer.sampler.epoch(0))
    trainer.network.train()
    parts: dict[str, Callable[[], object]] = {
        "reading films": lambda: trainer.source.greys(batch.films),
        "reading films and making their views": lambda: trainer._views(batch, 0),
        "whole": lambda: trainer._step(batch, 0),
    }
    seconds = [{name: cpu_seconds(part, 1.0) for name, part in parts.items()} for _ in range(rounds)]
    for name in list(parts)[:2]:
        yield compare(
            f"{name}, seconds a step", [each[name] for each in seconds], [each["whole"] for each in seconds],
            f"the whole step: resdense, two views of 64 films of {SIZE} px", less_is_better=True,
        )  # fmt: skip


def _films(count: int) -> LabelledFilms:
    pixels = np.random.default_rng(0).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)
    return LabelledFilms(Films(pixels, np.arange(count), ("",) * count), np.arange(count) % 2)


def _encoder(name: str) -> Encoder:
    """An encoder on one of `NETWORKS`."""
    encoder = Encoder(Architecture("resdense" if name == FOUR_BLOCKS else name))
    if name == FOUR_BLOCKS:
        widths = (1, 32, 64, 128, encoder.channels)
        encoder.backbone = nn.Sequential(*(_block(*pair) for pair in pairwise(widths)))
    return encoder


def _block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)
    )


def _trainer(encoder: Encoder, films: LabelledFilms, plan: Plan) -> Trainer:
    few = LabelledFilms(films.films.take(np.arange(8)), films.labels[:8])
    return Trainer(encoder, films, few, plan, open_fabric("cpu", plan.schedule.precision))


def _our_steps(name: str, films: LabelledFilms, precision: Literal["auto", "fp32"]) -> list[float]:
    """CPU-seconds of each step of an epoch."""
    objective, schedule = Objective("contrastive", instance=0), Schedule(epochs=1, precision=precision)
    plan = Plan(Preprocessing(size=SIZE), STILL, objective, Sampling(batch=BATCH), schedule, seed=0)
    marks: list[float] = []
    _trainer(_encoder(name), films, plan).run_epoch(lambda done, total: marks.append(time.process_time()))
    return list(np.diff(marks))


def _their_steps(name: str, films: LabelledFilms) -> list[float]:
    """CPU-seconds of each iteration of the library's trainer on the same films, decoded and standardised beforehand."""
    from pytorch_metric_learning import losses, samplers, trainers

    greys = torch.from_numpy(films.films.pixels)[:, None].float() / 255
    dataset = torch.utils.data.TensorDataset((greys - 0.5) / 0.25, torch.from_numpy(films.labels))
    encoder = _encoder(name)
    marks: list[float] = []

    def mark(_: object) -> None:
        marks.append(time.process_time())

    trainer = trainers.MetricLossOnly(
        models={"trunk": encoder, "embedder": nn.Identity()},
        optimizers={"trunk_optimizer": torch.optim.AdamW(encoder.parameters(), lr=1e-3)},
        batch_size=BATCH,
        loss_funcs={"metric_loss": losses.ContrastiveLoss(neg_margin=1.0)},
        dataset=dataset,
        sampler=samplers.MPerClassSampler(films.labels.tolist(), BATCH // 2, BATCH, len(dataset)),
        dataloader_num_workers=0,
        data_device=torch.device("cpu"),
        end_of_iteration_hook=mark,
    )
    logging.getLogger("PML").setLevel(logging.ERROR)  # it misses an optimiser for a part without weights
    with contextlib.redirect_stderr(io.StringIO()):  # its progress bar
        trainer.train(num_epochs=1)
    return list(np.diff(marks))


if __name__ == "__main__":
    main()
