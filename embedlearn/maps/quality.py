"""What a map is worth: whether neighbours stayed neighbours, and whether it sorts by finding or by hospital."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.errors import ArgumentError
from embedlearn.flags import require_number
from embedlearn.maps.neighbours import case_numbers, column_codes, neighbours_elsewhere
from embedlearn.maps.ranks import nearest_on, ranked, shared, vote

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
NEAREST = 15  # films whose votes and whose keeping are counted
FAINT = 0.1  # of the way from chance to all right, below which a map does not sort


@dataclass(frozen=True)
class Quality:
    """How a map compares with the embedding it was made from, by the `k` nearest of `scored` films among all.

    `trustworthiness`: 1 where the k nearest on the map are so in the embedding too, lower by how far strangers came in;
    `continuity`: the same with map and embedding exchanged (Venna and Kaski 2001). `kept`: the share of the k nearest
    in the embedding that are among the k nearest on the map.
    `label_map`, `label_space`: balanced accuracy of what most of the k nearest films of other cases are labelled, on
    the map and in the embedding; `source_map`, `source_space`: the same of where they come from; `label_chance`,
    `source_chance`: 1 / classes. NaN where all films are alike.
    """

    k: int
    scored: int
    trustworthiness: float
    continuity: float
    kept: float
    label_map: float
    label_space: float
    label_chance: float
    source_map: float
    source_space: float
    source_chance: float

    def plain(self) -> dict[str, Any]:
        """Values that JSON can hold, None for NaN."""
        return {name: None if math.isnan(value) else value for name, value in asdict(self).items()}

    def sentences(self) -> list[str]:
        """What a reader of the map must know, in words."""
        said = [
            f"Trustworthiness {_short(self.trustworthiness)}, continuity {_short(self.continuity)}; "
            f"{_short(self.kept)} of the {self.k} nearest films are kept ({self.scored:,} films asked).",
        ]
        for name in ("label", "source"):
            on_map, in_space, chance = (getattr(self, f"{name}_{where}") for where in ("map", "space", "chance"))
            if not math.isnan(on_map):
                said.append(
                    f"k-NN by {name} on the map {_short(on_map)}, in the embedding {_short(in_space)} "
                    f"(chance {_short(chance)})."
                )
        return said + verdict("The map sorts", self.label_map, self.label_chance, self.source_map, self.source_chance)


def verdict(what: str, label: float, label_chance: float, source: float, source_chance: float) -> list[str]:
    """What films are sorted by, from how well label and source are told, NaN where all are alike; at most a sentence.

    `what` begins the sentence, such as "The map sorts".
    """
    by_label, by_source = _lift(label, label_chance), _lift(source, source_chance)
    if by_source > FAINT and not by_source <= by_label:
        beside = "" if math.isnan(by_label) else " more than by label"
        return [f"{what} films by source{beside}: a group may be a hospital, not a finding."]
    if by_source > FAINT:
        return [f"{what} films by label more than by source, but by source too."]
    if by_label <= FAINT:
        return [f"{what.replace('sort', 'hardly sort')} films by label."]
    return [] if math.isnan(by_source) or math.isnan(by_label) else [f"{what} films by label, hardly by source."]


def map_quality(
    X: ArrayLike,
    Y: ArrayLike,
    labels: ArrayLike,
    sources: ArrayLike,
    cases: ArrayLike | None = None,
    k: int = NEAREST,
    at_most: int = 5000,
    seed: int = 0,
) -> Quality:
    """The quality of a map `Y`, float [N, 2], of embeddings `X`, float [N, D].

    `labels`, `sources`, `cases`: [N]; a film without a label or source neither votes nor is scored by it, and where
    cases is None each film is its own. Of more than `at_most` films so many are drawn by `seed` and asked, each among
    all films; two blocks of distances a thread are in memory. Below 2k + 1 films k is (N - 1) / 2, rounded down.
    Raises `ArgumentError` where X, Y and the columns do not fit each other, or there are fewer than three films.
    """
    space, places = _pair(X, Y)
    require_number("at_most", at_most, 1, np.inf)
    count, k = len(space), _usable(k, len(space))
    asked = np.arange(count)
    if count > at_most:
        asked = np.sort(np.random.default_rng(seed).choice(count, at_most, replace=False))
    order = _by_lot(count)
    found = ranked(space[order], places[order], np.argsort(order)[asked], case_numbers(cases, count)[order], k)
    worst = len(asked) * k * (2 * count - 3 * k - 1) / 2
    scores: dict[str, float] = {}
    for name, values in (("label", labels), ("source", sources)):
        codes, names = column_codes(f"{name}s", values, count)
        for where, near in (("map", found.near_map), ("space", found.near_space)):
            right = vote(codes[order], near, len(names)) == codes[asked]
            scores[f"{name}_{where}"] = _balanced(right, codes[asked]) if len(names) > 1 else math.nan
        scores[f"{name}_chance"] = 1 / len(names) if len(names) > 1 else math.nan
    return Quality(
        k, len(asked), 1 - float(found.drawn_in.sum()) / worst, 1 - float(found.driven_off.sum()) / worst,
        float(found.kept.sum()) / (len(asked) * k), **scores,
    )  # fmt: skip


def reliability(X: ArrayLike, Y: ArrayLike, k: int = NEAREST) -> Floats:
    """The share of each film's `k` nearest in `X`, float [N, D], that are its k nearest on `Y`, float [N, 2]; [N].

    Below 2k + 1 films k is (N - 1) / 2, rounded down; errors as for `map_quality`.
    """
    space, places = _pair(X, Y)
    k = _usable(k, len(space))
    order = _by_lot(len(space))
    _, near = neighbours_elsewhere(space[order], k)
    kept = shared(near, nearest_on(places[order], k)) / k
    return np.asarray(kept[np.argsort(order)], np.float32)


def knn_answers(X: ArrayLike, labels: ArrayLike, cases: ArrayLike | None, k: int = NEAREST) -> NDArray[np.str_]:
    """The label that most of each film's `k` nearest of other cases have in `X`, float [N, D]; [N], "" for none.

    Of labels with equal votes the one with the nearest film wins; a film without a label has no vote. Raises
    `ArgumentError` where X is not finite or does not fit the columns.
    """
    vectors: Floats = checked_matrix(X, np.float32)
    require_number("k", k, 1, np.inf)
    codes, names = column_codes("labels", labels, len(vectors))
    _, near = neighbours_elsewhere(vectors, k, cases)
    return np.array([*names, ""], str)[vote(codes, near, len(names))]


def _pair(X: ArrayLike, Y: ArrayLike) -> tuple[Floats, Floats]:
    space, places = checked_matrix(X, np.float32), checked_matrix(Y, np.float32)
    if len(space) != len(places):
        raise ArgumentError(f"Y: wanted a place for each of {len(space)} films, got {len(places)}")
    if len(space) < 3:
        raise ArgumentError(f"X: wanted three films or more, got {len(space)}")
    return space, places


def _by_lot(count: int) -> NDArray[np.int64]:
    """An order in which, of films at one place such as a node, not those that a table names first are the nearer."""
    return np.random.default_rng(0).permutation(count)


def _usable(k: int, count: int) -> int:
    require_number("k", k, 1, np.inf)
    return min(k, (count - 1) // 2)


def _balanced(right: NDArray[np.bool_], codes: Codes) -> float:
    """The mean over classes of the share that is right; NaN where no film has a class."""
    shares = [right[codes == code].mean() for code in np.unique(codes[codes >= 0])]
    return float(np.mean(shares)) if shares else math.nan


def _lift(score: float, chance: float) -> float:
    """How far of the way from chance to all right, at most 1."""
    return (score - chance) / (1 - chance)


def _short(value: float) -> str:
    """Two digits, without the nought before the point."""
    return f"{value:.2f}".replace("0.", ".", 1) if value < 1 else f"{value:.2f}"
