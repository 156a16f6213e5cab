"""The gallery's exact search beside torch's matrix product, on the processor and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from embedlearn.console import say
from embedlearn.gallery.exact import Floats, Rows
from embedlearn.gallery.gallery import Gallery
from experiments.benchmarks.gallery_scene import Scene, Sizes, against, in_turn, recall
from experiments.benchmarks.measuring import Measurement

if TYPE_CHECKING:
    from torch import Tensor

AT_ONCE = 100  # queries whose products with all vectors lie in memory together
PRODUCT = "torch matmul and topk"


def on_the_processor(scene: Scene) -> Iterator[Measurement]:
    """Exact search for the nearest; torch takes the greatest products."""
    import torch

    vectors = torch.from_numpy(scene.vectors)
    same = recall(matmul(vectors, scene.queries), scene.truth)
    metric = f"exact, {len(scene.vectors):,} vectors ({same:.4f} of torch's answers are ours)"
    yield from scene.speeds(metric, scene.flat.kneighbors, {PRODUCT: lambda queries: matmul(vectors, queries)})


def on_a_gpu(sizes: Sizes, device: str = "cuda") -> Iterator[Measurement]:
    """The same there, in single and half precision, and beside the time in which the memory can be read once."""
    import faiss
    import torch

    if not (faiss.get_num_gpus() and torch.cuda.is_available()):
        say("  note: FAISS and torch see no GPU here, so nothing is measured on one")
        return
    for count in sizes.on_gpu:
        scene = Scene.draw(sizes, count)
        for half in (False, True):
            yield from _on_a_gpu(scene, half, device)


def _on_a_gpu(scene: Scene, half: bool, device: str) -> Iterator[Measurement]:
    import torch

    gallery = Gallery("flat", device=device, half=half).fit(scene.vectors)
    vectors = torch.from_numpy(scene.vectors).to(device, torch.float16 if half else torch.float32)
    metric = f"{torch.cuda.get_device_name()}, {vectors.dtype}, {len(scene.vectors):,} vectors"
    ours, theirs = gallery.kneighbors(scene.queries)[1], matmul(vectors, scene.queries)
    yield against(f"{metric}, recall@10", recall(ours, scene.truth), recall(theirs, scene.truth), PRODUCT,
                  less_is_better=False)  # fmt: skip
    least = vectors.nbytes / bytes_a_second(vectors)
    for speed in scene.speeds(metric, gallery.kneighbors, {PRODUCT: lambda queries: matmul(vectors, queries)}):
        yield speed
        reading = 1e6 * least / (len(scene.queries) if "batches" in speed.metric else 1)
        yield against(speed.metric, speed.ours, reading, "reading every vector once")


def matmul(vectors: Tensor, queries: Floats) -> Rows:
    """Those of the greatest product, which for vectors of length 1 are the nearest: int64 [M, 10]."""
    import torch

    parts = torch.split(torch.from_numpy(queries).to(vectors), AT_ONCE)
    return np.asarray(torch.cat([(part @ vectors.T).topk(10).indices for part in parts]).cpu())


def bytes_a_second(vectors: Tensor) -> float:
    """What the memory behind a tensor moves at best, reading and writing, while the tensor is copied."""
    import torch

    other = torch.empty_like(vectors)

    def copy(number: int) -> None:
        other.copy_(vectors)
        other[-1, -1].item()  # waits for a GPU

    return 2 * vectors.nbytes / float(np.min(in_turn(20, copy)))  # a bound: what disturbs a copy is not the memory's
