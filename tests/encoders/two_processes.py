"""Run by test_processes.py and, under torchrun, for it: the first step's gradients, and an epoch, of many criteria."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from toys import build_trainer

from embedlearn.encoders.augmentation import Augmentation
from embedlearn.encoders.processes import gather, rank_and_world, share_batch_statistics, total
from embedlearn.encoders.settings import Objective, Sampling, Schedule

SEMIHARD = ("type_of_triplets=semihard",)
NORMALISATION = "normalisation"
BF16 = "cross-entropy and instance, bf16"
CASES = {
    "cross-entropy": (Objective("cross-entropy", instance=0), "classes"),
    "contrastive": (Objective("contrastive", instance=0), "classes"),
    "contrastive, pairs": (Objective("contrastive", instance=0), "pairs"),
    "triplet": (Objective("triplet", instance=0), "classes"),
    "triplet, semi-hard": (Objective("triplet", ("semihard=true",), instance=0), "classes"),
    "triplet, given": (Objective("triplet", instance=0), "triplets"),
    "triplet, mined": (Objective("triplet", miner="TripletMarginMiner", miner_args=SEMIHARD, instance=0), "classes"),
    "supcon": (Objective("supcon", instance=0), "classes"),
    "instance": (Objective("none"), "classes"),
    "supcon and instance": (Objective("supcon"), "classes"),
    "cross-entropy and instance": (Objective("cross-entropy", instance_width=128), "classes"),
    BF16: (Objective("cross-entropy"), "classes"),
    "supcon with a memory": (Objective("supcon", memory=12), "classes"),
    "library": (Objective("MultiSimilarityLoss", instance=0), "classes"),
    "library, pairs": (Objective("ContrastiveLoss", instance=0), "pairs"),
    "library, proxies": (Objective("ProxyAnchorLoss", instance=0), "classes"),
}  # batches of 6 and 12 films: 3 units of which one process gets two and the other one


def measure(case: str) -> dict[str, torch.Tensor]:
    """Gradients of the first step, and weights and losses after an epoch."""
    objective, sampler = CASES[case]
    trainer = build_trainer(
        objective=objective,
        augmentation=Augmentation(crop=0.8, blur=0.5, noise=0.05),
        sampling=Sampling(sampler, 6 if sampler == "classes" else 12 if sampler == "pairs" else 9),
        schedule=Schedule(epochs=1, precision="bf16" if case == BF16 else "fp32", learning_rate=1e-3),
    )
    found: dict[str, torch.Tensor] = {}
    dtypes = set()
    trainer.criterion.register_forward_hook(lambda criterion, inputs, _: dtypes.update(x.dtype for x in inputs[:2]))

    def on_step(done: int, total: int) -> None:
        if trainer.step == 1:
            for part, module in (("network", trainer.network.module), ("criterion", trainer.criterion)):
                for name, weight in module.named_parameters():
                    found[f"gradient/{part}/{name}"] = weight.grad.clone()

    row = trainer.run_epoch(on_step)
    assert dtypes == {torch.float32}, "losses are always computed in float32"
    found |= {f"weight/{name}": value.clone() for name, value in trainer.network.module.state_dict().items()}
    found["row"] = torch.tensor([row[name] for name in ("label_loss", "instance_loss", "val_knn", "val_recall_at_1")])
    return found


def normalise() -> dict[str, torch.Tensor]:
    """Batch normalisation of seven rows, by one process or by two of three and four, after torch's own on all."""
    values = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (7, 4, 5, 5))).float()
    rank, world = rank_and_world()
    own = values[[slice(None), slice(0, 3), slice(3, None)][rank + 1 if world > 1 else 0]].clone().requires_grad_()
    network = nn.Sequential(nn.BatchNorm2d(4))
    nn.init.uniform_(network[0].weight, generator=torch.Generator().manual_seed(0))
    share_batch_statistics(network)
    answer = network.train()(own)
    loss = total((answer * torch.linspace(-1, 1, 5)).square().sum())
    loss.backward()
    gradient = gather(own.grad)[0] / world
    return {
        "answer": gather(answer.detach())[0],
        "gradient": gradient,
        "weight": total(network[0].weight.grad) / world,
        **{f"buffer/{name}": value for name, value in network.named_buffers()},
    }


def measure_all(cases: Iterable[str]) -> dict[str, dict[str, torch.Tensor]]:
    """What the cases and the normalisation find in this process, on one thread."""
    torch.set_num_threads(1)
    return {case: measure(case) for case in cases} | {NORMALISATION: normalise()}


def main(folder: Path, *cases: str) -> None:
    results = measure_all(cases)
    rank, world = rank_and_world()
    torch.save(results, folder / f"{rank}-of-{world}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
