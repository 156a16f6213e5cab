"""Approximate nearest neighbours: a FAISS index finds candidates, and the nearest of these are found exactly."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import StorageError
from embedlearn.gallery.exact import Floats, Rows, padded, refined
from embedlearn.gallery.gpus import MOST_NEIGHBOURS, GpuSearcher, search_index
from embedlearn.gallery.kinds import KINDS, WORTH_IT, codes_for, lists_for

NEIGHBOURS = 10  # recall is measured over so many
FACTORS = (1, 2, 4, 8, 16, 32)
CONSTRUCTION = 100  # vectors visited to place one in a graph; with FAISS's 40 a million fall into islands
CHUNK = 262_144  # vectors added at a time
SCATTERED = 0.95  # of all rows; where more are allowed, as where some were removed, no list is without


@dataclass(frozen=True)
class Effort:
    """How much a search does: lists or vectors it visits, and candidates compared exactly for each neighbour wanted."""

    visits: int = 1
    factor: int = 8


class ApproximateIndex:
    """One of `KINDS` over the rows of a matrix, which it does not keep: `vectors` are handed to every search.

    Candidates come from codes (product quantisation: Jégou 2011, in 4 bits: André 2017; graph: Malkov 2020,
    arXiv 1603.09320); their distances are then computed from the vectors themselves, so an answer may miss a
    neighbour but never states a wrong distance.
    """

    def __init__(self, kind: str, index: Any, effort: Effort, mapped: bool = False) -> None:
        self.kind = kind
        self.index = index
        self.effort = effort
        self.mapped = mapped
        self.gpu: GpuSearcher | None = None
        self._last: tuple[NDArray[np.bool_], int, int, Any] | None = None

    @property
    def most(self) -> int:
        """The most that a search can visit."""
        return min(KINDS[self.kind].most, getattr(self.index, "nlist", KINDS[self.kind].most))

    def search(
        self,
        queries: Floats,
        vectors: Floats,
        k: int,
        allowed: NDArray[np.bool_] | None = None,
        touch: Callable[[Rows], None] | None = None,
    ) -> tuple[Floats, Rows]:
        """As `exact_neighbours`, approximately. `touch` is told the candidates before their vectors are read.

        On a GPU where there is one, but for filters and for more neighbours or lists than FAISS handles there.
        """
        count, parameters = self._prepared(allowed, len(vectors), self._visits(k))
        wanted = min(max(k, NEIGHBOURS) * self.effort.factor, count)  # the one nearest is as hard to find as ten
        if not wanted or not len(queries):
            return padded(np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64), k)
        if self.gpu and allowed is None and max(wanted, self.effort.visits) <= MOST_NEIGHBOURS:
            _, candidates = self.gpu.search(queries, wanted, parameters)
        else:
            _, candidates = search_index(self.index, queries, wanted, parameters)
        if touch:
            touch(candidates)
        return padded(*refined(queries, vectors, min(k, count), candidates), k)

    def _visits(self, k: int) -> int:
        """Lists to visit; in a graph vectors, more of them where more than ten are wanted."""
        if KINDS[self.kind].visits == "efSearch":
            return math.ceil(self.effort.visits * max(k, NEIGHBOURS) / NEIGHBOURS)
        return self.effort.visits

    def _prepared(self, allowed: NDArray[np.bool_] | None, count: int, visits: int) -> tuple[int, Any]:
        """How many of `count` rows are allowed, and FAISS's parameters; kept while the same mask is asked with."""
        if allowed is None:
            return count, self._parameters(None, visits)
        last = self._last
        if last is None or last[0] is not allowed or last[1] != visits:
            found = int(np.count_nonzero(allowed))
            self._last = last = (allowed, visits, found, self._parameters(allowed, visits) if found else None)
        return last[2], last[3]

    def _parameters(self, allowed: NDArray[np.bool_] | None, visits: int) -> Any:
        """FAISS's parameters of one search. Among few rows the nearest lie further off, so more is visited."""
        import faiss

        selector, lists = None, None
        if allowed is not None:
            share = allowed.mean()
            selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
            visits = min(self.most, math.ceil(visits / share))
            if KINDS[self.kind].visits == "nprobe" and share < SCATTERED:
                lists = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(self._lists_with(allowed)))
        if KINDS[self.kind].visits == "nprobe":
            return faiss.SearchParametersIVF(nprobe=visits, sel=selector, quantizer_params=lists)
        if KINDS[self.kind].visits == "efSearch":
            return faiss.SearchParametersHNSW(efSearch=visits, sel=selector)
        return faiss.SearchParameters(sel=selector)

    def _lists_with(self, allowed: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """The lists in which an allowed row lies, as bits. What is alike, as cases of one label are, fills few."""
        there = np.bincount(self._list_of[allowed], minlength=self.index.nlist) > 0
        return np.packbits(there, bitorder="little")

    @cached_property
    def _list_of(self) -> NDArray[np.int32]:
        """The list in which each row lies, of an index that is complete."""
        import faiss

        lists, held = np.empty(self.index.ntotal, np.int32), self.index.invlists
        for number in range(self.index.nlist):
            lists[faiss.rev_swig_ptr(held.get_ids(number), held.list_size(number))] = number
        return lists

    def add(self, vectors: Floats, rows: Rows) -> None:
        """Enter these rows of `vectors`, in chunks."""
        for first in range(0, len(rows), CHUNK):
            part = rows[first : first + CHUNK]
            self.index.add_with_ids(np.ascontiguousarray(vectors[part]), part)

    def serves(self, count: int) -> bool:
        """Whether what it has learnt serves for so many vectors.

        Of few, those that are held out to measure with may be what it learnt from; many more than then want more lists.
        """
        lists = getattr(self.index, "nlist", None)
        return not self.mapped and count >= WORTH_IT and (lists is None or lists_for(count) <= 2 * lists)

    def emptied(self) -> ApproximateIndex:
        """The same trained index with nothing in it."""
        import faiss

        index = faiss.clone_index(self.index)
        index.reset()
        return ApproximateIndex(self.kind, index, self.effort)

    def write(self, path: Path) -> None:
        """Write FAISS's file. Raises `StorageError`."""
        import faiss

        try:
            faiss.write_index(self.index, str(path))
        except RuntimeError as error:
            raise StorageError(f"{path}: cannot be written ({_reason(error)}); nothing was changed") from error


def read_approximate(
    path: Path, kind: str, effort: Effort, dimension: int, count: int, mapped: bool = True
) -> ApproximateIndex:
    """What `ApproximateIndex.write` wrote. The file must have been verified: FAISS trusts its bytes.

    `mapped`: read as it is needed, which is quick, but nothing can be built upon it. Raises `StorageError` where it is
    not an index of this kind over so many vectors of this width, or cannot be searched with this effort.
    """
    import faiss

    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
    except RuntimeError as error:
        raise StorageError(f"{path}: FAISS cannot read it ({_reason(error)}); build the gallery anew") from error
    built, what = ApproximateIndex(kind, index, effort, mapped), type(index).__name__
    if (index.d, index.ntotal) != (dimension, count) or _classes(index) != _classes(empty_index(kind, dimension)):
        got = f"{what} of {index.ntotal} vectors of {index.d} numbers"
        wanted = f"{kind} of {count} vectors of {dimension}"
        raise StorageError(f"{path}: wanted {wanted}, got {got}; build the gallery anew")
    if effort.visits > built.most or effort.factor > FACTORS[-1]:
        raise StorageError(f"{path}: {what} cannot be searched with {effort}; build the gallery anew")
    return built


def empty_index(kind: str, dimension: int, lists: int = 1) -> Any:
    """An index that has learnt nothing yet."""
    import faiss

    index = faiss.index_factory(dimension, KINDS[kind].factory.format(lists=lists, codes=codes_for(dimension)))
    if KINDS[kind].visits == "efSearch":
        faiss.downcast_index(index.index).hnsw.efConstruction = CONSTRUCTION
    return index


def _classes(index: Any) -> list[type]:
    """FAISS's class of an index, and of what it wraps."""
    import faiss

    wrapped = getattr(index, "index", None)
    return [type(index), *([type(faiss.downcast_index(wrapped))] if wrapped else [])]


def _reason(error: Exception) -> str:
    """The last line of what FAISS says, less the place in its source."""
    return str(error).strip().splitlines()[-1].rpartition("Error: ")[2] or type(error).__name__
