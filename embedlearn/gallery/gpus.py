"""The same indexes on GPUs, where FAISS sees one."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice
from embedlearn.gallery.exact import Floats, Rows

DEVICES = ("auto", "cpu", "cuda")
MOST_NEIGHBOURS = 2_048  # that FAISS finds on a GPU
_of_thread = threading.local()


def choose_gpu(device: str) -> bool:
    """Whether to search on GPUs: `auto` does where FAISS sees one. Raises `ArgumentError` where `cuda` cannot be."""
    import faiss

    require_choice("--device", device, DEVICES)
    count = faiss.get_num_gpus()
    if device == "cuda" and not count:
        raise ArgumentError("--device cuda: FAISS sees no GPU here; take --device cpu, or the faiss-gpu package")
    return device != "cpu" and count > 0


def on_gpus(index: Any, half: bool = False) -> Any:
    """A copy of a CPU index on the GPU, or with several of them in equal parts on all.

    `half`: in half precision, which takes half the memory. A FAISS resources object must not serve two threads at
    once (faiss #4525), so each thread has its own, made at first use.
    """
    import faiss

    if not hasattr(_of_thread, "resources"):
        _of_thread.resources = [faiss.StandardGpuResources() for _ in range(faiss.get_num_gpus())]
    options = faiss.GpuMultipleClonerOptions()
    options.shard, options.useFloat16 = True, half
    return faiss.index_cpu_to_gpu_multiple_py(_of_thread.resources, index, options)


def search_index(index: Any, queries: Floats, k: int, parameters: Any = None) -> tuple[Floats, Rows]:
    """FAISS's search, where another library imported `faiss.contrib.torch_utils` too: that takes no parameters."""
    search = getattr(index, "search_numpy", index.search)
    squared, rows = search(queries, k, params=parameters)
    return np.asarray(squared), np.asarray(rows)


class GpuSearcher:
    """A CPU index's copies on the GPU, one for each thread that searches."""

    def __init__(self, index: Any, half: bool = False) -> None:
        self.index, self.half = index, half
        self._copies = threading.local()

    def search(self, queries: Floats, k: int, parameters: Any = None) -> tuple[Floats, Rows]:
        """Squared distances and rows of at most `MOST_NEIGHBOURS` candidates."""
        if not hasattr(self._copies, "index"):
            self._copies.index = on_gpus(self.index, self.half)
        return search_index(self._copies.index, queries, k, parameters)
