"""Exact maps beside the Grad-CAM of the `grad-cam` package, and many references beside one; resnet18 at 224 px.

Both sides ask the same untrained encoder about the same batch of made-up films. The package is called as its README
says, the object made once: it answers with maps that are clipped, rescaled and enlarged to the film. A plain network
has its channels first; with channels last, as ours is run, the package is faster too, and is measured both ways.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from embedlearn.console import run_command
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import standardise
from embedlearn.encoders.settings import Architecture
from embedlearn.explanations.exact import Explained, explain_films
from embedlearn.explanations.methods import METHODS
from embedlearn.explanations.targets import case_target
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.benchmarks.measuring import BenchmarkFlags, Measurement, compare, tell_measurements

SIZE = 224
BATCH = 16
REFERENCES = 100
LAYOUTS = {
    "pytorch-grad-cam's GradCAM, as its README has it": torch.contiguous_format,
    "pytorch-grad-cam's GradCAM, channels last as ours": torch.channels_last,
}


@dataclass(frozen=True, kw_only=True)
class ExplanationBenchmark(BenchmarkFlags):
    """Compare exact maps with the Grad-CAM of pytorch-grad-cam, and the cost of 100 references with that of one."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What both sides are given: an encoder, films [B, 1, S, S] as it reads them, and a reference [B, D] for each."""

    encoder: Encoder
    inputs: Tensor
    vectors: Tensor


def main() -> None:
    run_command(ExplanationBenchmark, _run, "experiments.benchmarks.explanations", None)


def _run(settings: ExplanationBenchmark) -> None:
    tell_measurements(settings.json, measurements(settings.quick))


def measurements(quick: bool) -> Iterator[Measurement]:
    """All comparisons, one after the other; one thread by the time of the processor, all of them by the clock."""
    scene, rounds = (make_scene(4, 96), 2) if quick else (make_scene(BATCH, SIZE), 7)
    films, size = len(scene.inputs), scene.inputs.shape[-1]
    threads, every = torch.get_num_threads(), os.cpu_count() or 1
    of = f"resnet18 at {size} px, batch {films}"
    for count, clock, unit in ((1, time.process_time, "CPU-second"), (every, time.perf_counter, "second")):
        torch.set_num_threads(count)
        said = "one thread" if count == 1 else f"{count} threads"
        calls = [partial(exact_maps, scene), partial(enlarged_maps, scene)]
        peers = [prepare_peer(scene, layout) for layout in LAYOUTS.values()]
        ours, enlarged, *theirs = (
            [films / spent for spent in side] for side in seconds([*calls, *peers], rounds, clock)
        )
        for name, peer in zip(LAYOUTS, theirs, strict=True):
            for what, own in (("exact maps", ours), ("exact maps, enlarged", enlarged)):
                yield compare(f"{what}, {of}, {said}, films a {unit}", own, peer, name, less_is_better=False)
        many, one = seconds([partial(reference_maps, scene, number) for number in (REFERENCES, 1)], rounds, clock)
        metric = f"exact maps of {REFERENCES} references, {of}, {said}, {unit}s"
        yield compare(metric, many, one, "one reference", less_is_better=True)
    torch.set_num_threads(threads)


def seconds(
    calls: Sequence[Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Of each call, taken in turn in every round, after one round that is not counted."""
    found: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, spent in zip(calls, found, strict=True):
            began = clock()
            call()
            spent.append(clock() - began)
    return [spent[1:] for spent in found]


# Ours.


def exact_maps(scene: Scene) -> Tensor:
    """Maps [B, h, w] of each film's own reference."""
    return METHODS["exact"](scene.encoder, scene.inputs, scene.vectors)


def enlarged_maps(scene: Scene) -> Tensor:
    """The same at the size of the film, [B, S, S]."""
    maps = exact_maps(scene)
    return interpolate(maps[:, None], scene.inputs.shape[-2:], mode="bilinear", align_corners=False)[:, 0]


def reference_maps(scene: Scene, count: int) -> Explained:
    """Maps of every film for `count` references."""
    references = normalize(torch.randn(count, scene.vectors.shape[1], generator=torch.Generator().manual_seed(1)))
    return explain_films(scene.encoder, scene.inputs, [case_target("reference", vector) for vector in references])


# The peer.


def prepare_peer(scene: Scene, layout: torch.memory_format) -> Callable[[], NDArray[np.float32]]:
    """Grad-CAM on the last feature map and the cosine to each film's reference, ready to be called; [B, S, S]."""
    from pytorch_grad_cam import GradCAM

    encoder = copy.deepcopy(scene.encoder)  # its hooks stay on the network, and would slow ours
    encoder.to(memory_format=layout)
    inputs = scene.inputs.contiguous(memory_format=layout)
    cam: Any = GradCAM(model=encoder, target_layers=[encoder.backbone])
    targets = [partial(torch.dot, vector) for vector in scene.vectors]
    return lambda: cam(input_tensor=inputs, targets=targets)


# What both are given.


def make_scene(films: int, size: int) -> Scene:
    """An untrained resnet18, and noise for films."""
    encoder = Encoder(Architecture("resnet18"), seed=0).eval()
    encoder.to(memory_format=torch.channels_last)
    greys = torch.rand(films, 1, size, size, generator=torch.Generator().manual_seed(0))
    vectors = torch.randn(films, encoder.architecture.dimension, generator=torch.Generator().manual_seed(0))
    return Scene(encoder, standardise(greys, Preprocessing(size=size)), normalize(vectors))


if __name__ == "__main__":
    main()
