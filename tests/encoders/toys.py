"""Toy films that a network tells apart in seconds, and trainings on them."""

import numpy as np
from numpy.typing import NDArray

from embedlearn.encoders.devices import open_fabric
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.encoders.training import LabelledFilms, Plan, Trainer
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.preprocessing import Preprocessing

SIZE = 32


def films_of(pixels: NDArray[np.uint8]) -> Films:
    return Films(pixels, np.arange(len(pixels)), tuple(f"{number:064x}" for number in range(len(pixels))))


def make_toy(labels: list[int], seed: int) -> LabelledFilms:
    """Noise with one bright spot, whose place is the label: left, right, or below."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 120, (len(labels), SIZE, SIZE), dtype=np.uint8)
    for film, label in zip(pixels, labels, strict=True):
        row, column = ((8, 6), (8, 20), (22, 13))[label] + rng.integers(-2, 3, 2)
        film[row : row + 6, column : column + 6] += 130
    cases = np.arange(len(labels)) // 2
    return LabelledFilms(films_of(pixels), np.array(labels, np.int64), cases, np.arange(len(labels)) % 2)


def build_trainer(
    *,
    encoder: Encoder | None = None,
    augmentation: Augmentation = Augmentation(crop=0.8, rotate=5, blur=0.5),
    objective: Objective = Objective("cross-entropy", instance_width=32),
    sampling: Sampling = Sampling(batch=8),
    schedule: Schedule = Schedule(epochs=3, precision="fp32"),
    seed: int = 0,
) -> Trainer:
    """A training of the smallest network on twenty toy films; any setting can be named."""
    return Trainer(
        encoder or Encoder(Architecture(dimension=16), seed=seed),
        make_toy([0] * 12 + [1] * 8, seed=1),
        make_toy([0, 1] * 6, seed=2),
        Plan(Preprocessing(size=SIZE), augmentation, objective, sampling, schedule, seed),
        open_fabric("cpu", schedule.precision),
    )
