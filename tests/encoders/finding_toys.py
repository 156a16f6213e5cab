"""Toy films that may show several findings, and trainings on them; run under torchrun, what criteria give there."""

import sys
from pathlib import Path

import numpy as np
import torch
from toys import SIZE, films_of

from embedlearn.encoders.criterion import Criterion
from embedlearn.encoders.devices import open_fabric, seeded
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.processes import rank_and_world, total
from embedlearn.encoders.settings import Architecture, Augmentation, Objective, Sampling, Schedule
from embedlearn.encoders.training import LabelledFilms, Plan, Trainer
from embedlearn.radiographs.preprocessing import Preprocessing

FINDINGS = ("left", "right", "below")
CASES = {
    "bce": Objective("bce", instance=0),
    "bce, balanced": Objective("bce", ("balanced=true",), instance=0),
    "bce and instance": Objective("bce"),
    "overlap": Objective("supcon", instance=0),
    "overlap and instance": Objective("supcon", instance_width=32),
}


def make_findings(count: int, seed: int) -> LabelledFilms:
    """Noise with a bright spot for each finding; two in five films show none, and of some a finding is unknown."""
    rng = np.random.default_rng(seed)
    targets = (rng.random((count, len(FINDINGS))) < (0.4, 0.3, 0.2)).astype(np.int64)
    targets[: 2 * len(FINDINGS)] = np.tile(np.eye(len(FINDINGS), dtype=np.int64), (2, 1))
    pixels = rng.integers(0, 120, (count, SIZE, SIZE), dtype=np.uint8)
    for film, shown in zip(pixels, targets, strict=True):
        for finding in np.flatnonzero(shown):
            row, column = ((8, 6), (8, 20), (22, 13))[finding] + rng.integers(-2, 3, 2)
            film[row : row + 6, column : column + 6] += 130
    targets[(targets == 0) & (rng.random(targets.shape) < 0.1)] = -1
    rows = np.arange(count)
    return LabelledFilms(films_of(pixels), targets, rows // 2, rows % 2, FINDINGS)


def build_finding_trainer(
    objective: Objective, *, epochs: int = 2, batch: int = 24, sampling: Sampling | None = None, films: int = 40
) -> Trainer:
    """A training of the smallest network on toy films of three findings."""
    schedule = Schedule(epochs=epochs, precision="fp32", learning_rate=3e-3)
    augmentation = Augmentation(crop=0.8, rotate=5, blur=0.5)
    return Trainer(
        Encoder(Architecture(dimension=16)),
        make_findings(films, seed=1),
        make_findings(40, seed=2),
        Plan(Preprocessing(size=SIZE), augmentation, objective, sampling or Sampling(batch=batch), schedule, seed=0),
        open_fabric("cpu", schedule.precision),
    )


def judge(case: str) -> dict[str, torch.Tensor]:
    """The terms of a criterion over seven films, and its gradients; of two processes one has four films, one three."""
    objective = CASES[case]
    drawn = torch.Generator().manual_seed(0)
    labels = torch.randint(-1, 2, (7, len(FINDINGS)), generator=drawn)
    views = torch.nn.functional.normalize(torch.randn(2, 7, 5, generator=drawn, dtype=torch.float64), dim=2)
    with seeded(1):
        criterion = Criterion(objective, len(FINDINGS), 5, torch.tensor([1.0, 2.0, 5.0])).double()
    rank, world = rank_and_world()
    mine = torch.arange(7)[rank::world]
    embeddings = views[:, mine].reshape(-1, 5).requires_grad_()
    terms = torch.stack(criterion(embeddings, embeddings, labels[mine], mine, None))
    (terms[0] + 0.5 * terms[1]).backward()
    gradient = torch.zeros(2, 7, 5, dtype=torch.float64)
    gradient[:, mine] = embeddings.grad.reshape(2, -1, 5)
    found = {name: total(weight.grad) / world for name, weight in criterion.named_parameters()}
    return {**found, "embeddings": total(gradient) / world, "terms": total(terms.detach()) / world}


def train() -> dict[str, torch.Tensor]:
    """The terms of a training's first step, and all that it is after an epoch."""
    trainer, first = build_finding_trainer(CASES["bce and instance"], epochs=1), []
    row = trainer.run_epoch(lambda done, films: first.append(trainer.spent[:2].copy()))
    scores = torch.tensor([value for name, value in row.items() if name.startswith("val_")])
    return {**trainer.best, "scores": scores, "first": torch.from_numpy(first[0])}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    training = train()  # which opens the processes' line
    torch.save({case: judge(case) for case in CASES} | {"training": training}, folder / f"{rank_and_world()[0]}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
