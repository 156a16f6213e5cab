"""The kinds of index, what each is good for, and which of them `auto` takes.

Cases can be taken out of every kind (`Gallery` skips them until the next compaction), so `auto` need not ask for that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number

KindName = Literal["auto", "flat", "hnsw", "ivf", "ivfpq", "sq8"]
EXACT_UP_TO = 1_000_000  # vectors below which all are compared unless a recall is asked for
WORTH_IT = 50_000  # vectors below which comparing all is fast enough whatever is asked
RECALL = 0.95  # aimed at where none is asked for
ALL = 0.995  # recall from which only comparing all is sure
A_LIST = 39  # vectors that a list needs to be trained


@dataclass(frozen=True)
class Kind:
    """One kind of approximate index.

    `factory` is FAISS's word for it, with {lists} and {codes} to fill in; `visits` its name for how many lists (or, in
    a graph, vectors) a search visits, and `most` the largest number tried. `least`: vectors below which it cannot be
    trained. `gpu`: whether FAISS has it for GPUs. `retrains`: whether it must be built anew when cases were removed.
    """

    factory: str
    visits: str | None
    most: int
    least: int
    gpu: bool
    retrains: bool


KINDS = {
    "sq8": Kind("IDMap,SQ8", None, 1, 2, gpu=False, retrains=False),
    "hnsw": Kind("IDMap,HNSW32_SQ8", "efSearch", 4096, 2, gpu=False, retrains=True),
    "ivf": Kind("IVF{lists},SQ8", "nprobe", 65_536, 64, gpu=True, retrains=False),
    "ivfpq": Kind("IVF{lists},PQ{codes}x4fs", "nprobe", 65_536, 256, gpu=False, retrains=False),
}
NAMES = ("auto", "flat", *sorted(KINDS))


def choose_kind(asked: str, count: int, recall: float | None = None, device: str = "cpu") -> tuple[str, str]:
    """The kind to build for `count` vectors, and in words why; `recall` is None where the user names none.

    `device` is cpu or cuda. Raises `ArgumentError` for a kind that is not there, cannot be trained with so few vectors,
    or does not run on the device.
    """
    require_choice("--kind", asked, NAMES)
    if recall is not None:
        require_number("--recall", recall, 0.01, 1)
    if asked in KINDS:
        kind = KINDS[asked]
        if count < kind.least:
            raise ArgumentError(f"--kind {asked}: wanted {kind.least} vectors or more, got {count}; take flat")
        if device == "cuda" and not kind.gpu:
            raise ArgumentError(f"--kind {asked}: runs on the processor only; take flat or ivf, or --device cpu")
        return asked, "as asked"
    if asked == "flat":
        return asked, "as asked"
    if recall is not None and recall >= ALL:
        return "flat", f"only comparing all gives a recall of {recall:g}"
    if count < WORTH_IT:
        return "flat", f"{count:,} vectors are compared in no time"
    if recall is None and count < EXACT_UP_TO:
        return "flat", f"exact up to {EXACT_UP_TO:,} vectors unless a --recall is asked for"
    aim = f"{count:,} vectors, recall {recall or RECALL:g}"
    if device == "cuda":
        return "ivf", f"{aim}: lists are what a GPU searches"
    return "ivfpq", f"{aim}: short codes in lists are built soonest and answer batches fastest"


def lists_for(count: int) -> int:
    """How many lists for so many vectors: 4 sqrt(N), which balances finding the lists and reading them."""
    return max(1, min(round(4 * math.sqrt(count)), count // A_LIST))


def codes_for(dimension: int) -> int:
    """Four-bit codes a vector: one for each two numbers where their count is even."""
    return dimension // 2 if dimension % 2 == 0 else dimension
