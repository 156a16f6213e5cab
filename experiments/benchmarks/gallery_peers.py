"""Who else searches for the ten nearest: bare FAISS, scikit-learn, hnswlib; and what the least is that keeps data."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from embedlearn.gallery.exact import Floats, Rows
from experiments.benchmarks.gallery_scene import WIDTH, Search, recall

EFFORTS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # of hnswlib's search


def bare(vectors: Floats) -> Search:
    """FAISS's own exact search."""
    import faiss

    index = faiss.IndexFlatL2(WIDTH)
    index.add(vectors)
    return lambda queries: index.search(queries, 10)


def scikit(vectors: Floats) -> Search:
    """scikit-learn's exact search."""
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(vectors)
    return lambda queries: index.kneighbors(queries)


def load_and_search(path: Path, queries: Floats) -> object:
    """What one writes without a gallery: read the file, hand it to FAISS, search."""
    return bare(np.load(path))(queries)


def write_and_sync(descriptor: int, data: bytes) -> None:
    """The least that keeps data through a power cut."""
    os.write(descriptor, data)
    os.fsync(descriptor)


class Hnswlib:
    """hnswlib's graph over the vectors, built and searched by all cores; `seconds` it took to build."""

    def __init__(self, vectors: Floats) -> None:
        import hnswlib  # type: ignore[import-untyped]

        began = time.perf_counter()
        self.index: Any = hnswlib.Index("l2", WIDTH)
        self.index.init_index(len(vectors), M=16, ef_construction=200, random_seed=0)
        self.index.add_items(vectors)
        self.seconds = time.perf_counter() - began

    def tune(self, queries: Floats, truth: Rows, wanted: float) -> int:
        """Take the least effort that finds as many of the true neighbours as wanted, or the greatest; which."""
        for effort in EFFORTS:
            self.index.set_ef(effort)
            if recall(self.search(queries), truth) >= wanted:
                break
        return effort

    def search(self, queries: Floats) -> Rows:
        """The rows of the nearest, int64 [M, 10]."""
        return np.asarray(self.index.knn_query(queries, 10)[0], np.int64)
