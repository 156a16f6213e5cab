"""Similar cases: what a search leaves out, how its hits are ordered and thinned, whatever kind of store answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from embedlearn.errors import ArgumentError
from embedlearn.flags import require_choice, require_number
from embedlearn.gallery.exact import Floats, Rows, nearest_first
from embedlearn.gallery.expansion import expand_queries
from embedlearn.gallery.face import Store
from embedlearn.gallery.reranking import rerank
from embedlearn.gallery.where import And, Compare, Condition, Not, Or

Combine = Literal["mean", "max"]
CANDIDATES = 100  # that are put in a new order, at least


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a search: `k` cases that meet `where`.

    Of near-identical pictures the nearest is kept, unless `twins`; with `one_per_patient`, of a patient's too, as far
    as patients are known. Several images of the query are answered as one: by their `mean`, or case by case by the
    image that is most alike (`max`). `expand`: how many of the nearest are averaged into the query before it is asked
    again; `rerank`: whether the order is that of k-reciprocal neighbours.
    """

    k: int = 10
    where: Condition | None = None
    one_per_patient: bool = False
    twins: bool = False
    combine: Combine = "mean"
    expand: int = 0
    rerank: bool = False

    def __post_init__(self) -> None:
        require_number("-k", self.k, 1, 100_000)
        require_number("--expand", self.expand, 0, 1_000)
        require_choice("--combine", self.combine, ("mean", "max"))
        if self.rerank and self.combine == "max":
            raise ArgumentError("--rerank: puts the answers to one vector in order; take it with --combine mean")


@dataclass(frozen=True, eq=False)
class Hits:
    """Cases, best first: distances (float32 [K]), rows in the gallery (int64 [K]) and what is known of them."""

    distances: Floats
    rows: Rows
    cases: pa.Table

    def __len__(self) -> int:
        return len(self.rows)


def similar(store: Store, vectors: Floats, wanted: Wanted, without: Condition | None = None) -> Hits:
    """The cases most similar to a query, which is one or several images (float32 [V, D]).

    `without` says which cases are not to be found, such as the query's own patient's. Raises `ArgumentError`.
    """
    if not len(store):
        raise ArgumentError("the gallery holds no case; add some with embedlearn index --add")
    conditions = tuple(one for one in (wanted.where, without and Not(without)) if one)
    where = And(conditions) if conditions else None
    asked = vectors if wanted.combine == "max" else _mean(vectors)[None]
    if wanted.expand:
        _, rows = store.kneighbors(asked, wanted.expand, where)
        asked = _as_long(expand_queries(asked, rows, store.vectors_of, metric=store.about.metric), asked)
    fetch = min(wanted.k, len(store))
    while True:
        distances, rows = _best(store, asked, fetch, where, wanted.rerank)
        cases = store.take(rows)
        kept = _thinned(cases, wanted)[: wanted.k]
        if len(kept) == wanted.k or len(rows) < fetch or fetch >= len(store):
            return Hits(distances[kept], rows[kept], cases.take(pa.array(kept)))
        fetch = min(2 * fetch + 8, len(store))


def own_cases(store: Store, rows: Sequence[int], patients: Sequence[str] = ()) -> Condition | None:
    """Which cases are a query's own: those in these rows, and of these patients; None where there are neither.

    And those of the same patients, the same pictures again, the patients and pictures of these, and so on, as cases
    are joined where quality is measured.
    """
    known: dict[str, set[str]] = {"patient": set(patients)} if "patient" in store.columns and patients else {}
    found = np.asarray(rows, np.int64)
    if len(found):
        _enter(known, store, found)
    while known:
        condition = Or(tuple(Compare(name, "in", tuple(sorted(values))) for name, values in sorted(known.items())))
        more = store.matching(condition)
        if len(more) == len(found):
            return condition
        found = more
        _enter(known, store, found)
    return None


def _enter(known: dict[str, set[str]], store: Store, rows: Rows) -> None:
    """Enter what the cases in these rows are, whose they are, and of what picture."""
    cases = store.take(rows)
    for name in (name for name in ("id", "patient", "twin") if name in cases.column_names):
        if values := {value for value in cases.column(name).to_pylist() if value is not None}:
            known.setdefault(name, set()).update(values)


def _best(store: Store, vectors: Floats, k: int, where: Condition | None, again: bool) -> tuple[Floats, Rows]:
    """Distances and rows of at most `k` cases, best first: nearest, or by a new order among more candidates."""
    count = max(k, min(CANDIDATES, len(store))) if again else k
    every, places = store.kneighbors(vectors, count, where)
    if again:
        near = dict(zip(places[0].tolist(), every[0].tolist(), strict=True))
        _, places = rerank(
            every, places, lambda X, k: store.kneighbors(X, k, where), store.vectors_of, metric=store.about.metric
        )
        every = np.array([[near[row] for row in places[0].tolist()]], np.float32)
    elif len(vectors) > 1:
        every, places = _joined(every.ravel(), places.ravel(), k)
    found = places[0] >= 0
    return every[0][found][:k], places[0][found][:k]


def _joined(distances: Floats, rows: Rows, k: int) -> tuple[Floats, Rows]:
    """The `k` nearest of what several images found, each case as far as from the image that is nearest to it."""
    order = np.lexsort((distances, rows))
    first = order[np.r_[True, np.diff(rows[order]) > 0]]
    first = first[rows[first] >= 0]
    return nearest_first(distances[first][None], rows[first][None], k)


def _mean(vectors: Floats) -> Floats:
    """The mean direction of the images, as long as they are on average."""
    if len(vectors) == 1:
        return np.asarray(vectors[0])
    lengths = np.linalg.norm(vectors, axis=1)
    mean = (vectors / lengths[:, None]).mean(0)
    if not (length := float(np.linalg.norm(mean))):
        raise ArgumentError("--combine mean: the images cancel each other out; take --combine max")
    return np.asarray(mean / length * lengths.mean(), np.float32)


def _as_long(vectors: Floats, queries: Floats) -> Floats:
    """The vectors brought to the lengths of the queries, so that distances stay what they were."""
    lengths = [np.linalg.norm(part, axis=1, keepdims=True) for part in (queries, vectors)]
    return np.asarray(vectors * (lengths[0] / lengths[1]), np.float32)


def _thinned(cases: pa.Table, wanted: Wanted) -> Rows:
    """Places of the cases to keep: the first of each picture and, where wanted, of each patient."""
    asked = {"twin": not wanted.twins, "patient": wanted.one_per_patient}
    groups = [cases.column(name).to_pylist() for name in cases.column_names if asked.get(name)]
    met: set[tuple[int, str]] = set()
    kept = []
    for place in range(len(cases)):
        values = {(number, group[place]) for number, group in enumerate(groups) if group[place] is not None}
        if not values & met:
            kept.append(place)
            met |= values
    return np.array(kept, np.int64)
