"""Search over vectors that do not change: all compared, or an index's candidates; on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError, StorageError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.approximate import SCATTERED, ApproximateIndex, Effort
from embedlearn.gallery.building import Measured, build_approximate
from embedlearn.gallery.exact import MARGIN, Floats, Rows, certified, exact_neighbours, refined
from embedlearn.gallery.gpus import MOST_NEIGHBOURS, GpuSearcher, choose_gpu
from embedlearn.gallery.kinds import KINDS, NAMES, choose_kind

COMPARED = 20_000  # rows that meet a filter up to which they are all compared
HALF_FACTOR = 4  # candidates for each neighbour where distances are in half precision


@dataclass(frozen=True)
class Plan:
    """How a gallery is to be searched: settings of `Gallery`."""

    kind: str = "auto"
    recall: float | None = None
    device: str = "auto"
    half: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Chosen:
    """The kind that was built and why; its effort and its recall where it is not exact."""

    kind: str
    why: str
    effort: Effort | None = None
    measured: Measured | None = None

    def __str__(self) -> str:
        if not (self.effort and self.measured):
            return f"{self.kind} ({self.why}): exact"
        held = self.measured
        aim = "" if held.reached else f", although {held.wanted:g} was wanted and nothing gives it"
        recall = (
            f"recall@10 {held.recall:.3f} (standard error {held.error:.3f}, {held.queries:,} held-out queries{aim})"
        )
        return f"{self.kind} ({self.why}): {recall}; visits {self.effort.visits}, {self.effort.factor} candidates each"

    def as_plain(self) -> dict[str, Any]:
        """As plain data that JSON can hold; `read_chosen` reads it back."""
        return asdict(self)


def read_chosen(plain: Mapping[str, Any], where: str) -> Chosen:
    """What `Chosen.as_plain` gave. Raises `StorageError` that names `where` it was read, where it is something else."""
    try:
        kind, why = plain["kind"], plain["why"]
        if kind == "flat":
            return Chosen(kind, str(why))
        effort, measured = Effort(**plain["effort"]), Measured(**plain["measured"])
        if not all(isinstance(value, int | float) and 0 <= value < 1e15 for value in asdict(measured).values()):
            raise TypeError(f"{measured}")
        if kind not in KINDS or not all(type(value) is int and value > 0 for value in (effort.visits, effort.factor)):
            raise ValueError(f"kind {kind}, {effort}")
        return Chosen(kind, str(why), effort, measured)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"says of its index what cannot be ({error})"
        raise StorageError(f"{where}: {reason}; restore it, or build the gallery anew") from error


def read_plan(plain: Mapping[str, Any], where: str) -> Plan:
    """The plan with the kind, recall and seed of `plain`. Raises `StorageError` as `read_chosen` does."""
    try:
        plan = Plan(plain["kind"], plain["recall"], seed=plain["seed"])
        require_choice("kind", plan.kind, NAMES)
        if plan.recall is not None:
            require_number("recall", plan.recall, 0.01, 1)
        if type(plan.seed) is not int or plan.seed < 0:
            raise TypeError(f"seed {plan.seed}")
    except (KeyError, TypeError, OverflowError, ArgumentError) as error:
        reason = f"says of its plan what cannot be ({error})"
        raise StorageError(f"{where}: {reason}; restore it, or build the gallery anew") from error
    return plan


class Searcher:
    """Answers over `vectors`, float32 [N, D], perhaps a memory map; `index` is None where all are compared.

    `touch(rows)` is called before vectors are read, with their rows (int64 [M, C], -1 for none) or with None for all.
    """

    def __init__(
        self,
        vectors: Floats,
        index: ApproximateIndex | None,
        plan: Plan,
        touch: Callable[[Rows | None], None] | None = None,
    ) -> None:
        self.vectors = vectors
        self.index = index
        self.touch = touch or (lambda rows: None)
        self._half = plan.half
        self._gpu = self._copied(plan) if choose_gpu(plan.device) else None
        if index:
            index.gpu = self._gpu

    def search(self, queries: Floats, k: int, allowed: NDArray[np.bool_] | None = None) -> tuple[Floats, Rows]:
        """As `exact_neighbours`.

        With an index: where few rows are allowed these are all compared, and a query for which it finds fewer than
        there are is answered that way too. A graph leads to what is near, allowed or not, so with one, filtered rows
        are always compared.
        """
        if self.index:
            if allowed is None:
                return self.index.search(queries, self.vectors, k, None, self.touch)
            return self._filtered(self.index, queries, k, allowed)
        self.touch(None)
        if self._gpu and allowed is None and k * HALF_FACTOR + MARGIN <= min(MOST_NEIGHBOURS, len(self.vectors)):
            return self._on_gpu(self._gpu, queries, k)
        return exact_neighbours(queries, self.vectors, k, allowed)

    def _filtered(
        self, index: ApproximateIndex, queries: Floats, k: int, allowed: NDArray[np.bool_]
    ) -> tuple[Floats, Rows]:
        rows = np.flatnonzero(allowed)
        lost = KINDS[index.kind].visits == "efSearch" and len(rows) < SCATTERED * len(allowed)
        if lost or len(rows) <= max(COMPARED, len(allowed) // 50):
            self.touch(rows)
            return exact_neighbours(queries, self.vectors, k, allowed)
        squared, found = index.search(queries, self.vectors, k, allowed, self.touch)
        if len(short := np.flatnonzero(found[:, min(k, len(rows)) - 1] < 0)):
            self.touch(rows)
            squared[short], found[short] = exact_neighbours(queries[short], self.vectors, k, allowed)
        return squared, found

    def _on_gpu(self, gpu: GpuSearcher, queries: Floats, k: int) -> tuple[Floats, Rows]:
        """In full precision proved as on the CPU; in half precision the best of more candidates, which is not exact."""
        if self._half:
            _, candidates = gpu.search(queries, k * HALF_FACTOR + MARGIN)
            return refined(queries, self.vectors, k, candidates)
        coarse, candidates = gpu.search(queries, k + MARGIN)
        return certified(queries, self.vectors, k, coarse, candidates, None, k)

    def _copied(self, plan: Plan) -> GpuSearcher | None:
        if self.index:
            return GpuSearcher(self.index.index, plan.half) if KINDS[self.index.kind].gpu else None
        import faiss

        self.touch(None)
        flat = faiss.IndexFlatL2(self.vectors.shape[1])
        flat.add(self.vectors)
        return GpuSearcher(flat, plan.half)


def build_index(
    vectors: Floats, plan: Plan, before: ApproximateIndex | None = None
) -> tuple[ApproximateIndex | None, Chosen]:
    """The index that the plan asks for over these vectors, and what it is. Raises `ArgumentError`.

    Where `before` is of the kind to be built, what it learnt of lists and codes is used again.
    """
    has_gpu = choose_gpu(plan.device)
    kind, why = choose_kind(plan.kind, len(vectors), plan.recall, "cuda" if plan.device == "cuda" else "cpu")
    if kind == "flat":
        return None, Chosen(kind, why)
    trained = before if before and before.kind == kind and not KINDS[kind].retrains else None
    index, measured = build_approximate(
        kind, vectors, recall=plan.recall, seed=plan.seed, gpu=has_gpu and KINDS[kind].gpu, trained=trained
    )
    return index, Chosen(kind, why, index.effort, measured)
