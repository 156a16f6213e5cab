"""Answers to a user's own films from a user's own handful: class, probability, unknown or not, the nearest examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.arrays import checked_matrix
from embedlearn.episodes.calibration import HOTTEST, fit_temperature, tempered
from embedlearn.episodes.evaluate import BaseFilms, all_scores
from embedlearn.episodes.heads import build_head, named_heads
from embedlearn.episodes.pool import TRAINED
from embedlearn.episodes.record import Episodes
from embedlearn.episodes.rejection import STRANGENESS, threshold
from embedlearn.episodes.space import Floats, Space
from embedlearn.episodes.unknown import strangeness_of
from embedlearn.errors import ArgumentError, EpisodeError
from embedlearn.gallery.exact import ExactIndex

BASE_EPISODES = 200
BASE_QUERIES = 10
UNKNOWN = "unknown"
FEW = 5  # examples of a class, below which others may give other answers


@dataclass(frozen=True)
class Fitted:
    """What base films teach about a head and a measure of strangeness.

    `temperature`: of the probabilities. `bound`: beyond which strangeness a film counts as unknown. `shots`: of the
    base episodes that it was learnt in. The first two are None, and `reason` says why, where there were none.
    """

    temperature: float | None
    bound: float | None
    shots: int
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Answers to T films from S support films of W classes.

    `classes`: [W]. `proba`: float64 [T, W]. `strangeness`: float64 [T]. `is_unknown`: bool [T], all false without a
    bound. `nearest`, `distances`: int and float [T, n], support films and how far they are, nearest first.
    """

    classes: NDArray[Any]
    proba: Floats
    strangeness: Floats
    is_unknown: NDArray[np.bool_]
    nearest: NDArray[np.int64]
    distances: NDArray[np.float32]

    def plain(self, film: int) -> dict[str, Any]:
        """The answer to one film as plain data; numbers to six decimals."""
        slot = int(self.proba[film].argmax())
        name = str(self.classes[slot])
        return {
            "answer": UNKNOWN if self.is_unknown[film] else name,
            "class": name,
            "probability": round(float(self.proba[film, slot]), 6),
            "unknown": bool(self.is_unknown[film]),
            "strangeness": round(float(self.strangeness[film]), 6),
            "probabilities": {
                str(label): round(float(value), 6) for label, value in zip(self.classes, self.proba[film], strict=True)
            },
        }

    def near(self, film: int) -> list[tuple[int, float]]:
        """The nearest support films of one film and how far they are, to six decimals."""
        pairs = zip(self.nearest[film], self.distances[film], strict=True)
        return [(int(place), round(float(distance), 6)) for place, distance in pairs]


def fit_on_base(
    base: BaseFilms | None,
    head: str,
    measure: str,
    shots: int,
    *,
    k: int | None = None,
    keep: float = 0.95,
    seed: int = 0,
) -> Fitted:
    """Temperature and bound from episodes of the base films in the trained space, of `shots` films a class.

    Where the base films do not allow so many shots, of as many as they do. `keep`: the share of known films that the
    bound accepts. Raises `ArgumentError` where there is no such head or measure.
    """
    _check(head, measure)
    if shots < 1:
        raise ArgumentError(f"shots: wanted 1 or more, got {shots}")
    if base is None:
        return Fitted(None, None, 0, "no base films are at hand")
    drawn = _drawn(base, shots, seed)
    if isinstance(drawn, str):
        return Fitted(None, None, 0, drawn)
    space = base.spaces[TRAINED]
    fitted = build_head(head, drawn.shots, k=k, center=space.center)
    scores = all_scores(space, fitted, drawn)
    return Fitted(
        fit_temperature(scores, drawn.query_label),
        threshold(strangeness_of(measure, space, drawn), keep),
        drawn.shots[0],
    )


def _drawn(base: BaseFilms, shots: int, seed: int) -> Episodes | str:
    """Base episodes of `shots` films a class, or of as many as there can be; why there are none, in words."""
    found, reason, tried = None, "", shots
    fewest, most = 0, shots  # what is possible, and what may be
    while fewest < most:
        try:
            found, fewest = base.sample(tried, BASE_QUERIES, BASE_EPISODES, seed), tried
        except EpisodeError as error:
            reason, most = str(error), tried - 1
        tried = (fewest + most + 1) // 2
    return found or reason


class Predictor:
    """A head fitted to the S films of `support` with labels [S], which answers films as they come.

    `head` as `build_head` makes it, with its `k`; `measure` of strangeness. Probabilities are as the head gives them
    where no temperature was fitted. Raises `ArgumentError` where the arrays do not fit together, or a class is alone.
    """

    def __init__(
        self,
        support: Space,
        labels: ArrayLike,
        *,
        head: str = "prototype",
        measure: str = "prototype",
        fitted: Fitted,
        k: int | None = None,
    ) -> None:
        _check(head, measure)
        self.support, self.measure, self.fitted = support, measure, fitted
        self.classes, self._slots, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
        self._head = build_head(head, counts.tolist(), k=k, center=support.center).fit(support.rows, self._slots)
        self._index = ExactIndex().fit(support.rows)

    def predict(self, query: ArrayLike, neighbours: int = 3) -> Predictions:
        """Answers to `query`, float [T, D]; `neighbours`: how many of the nearest support films to name, all at most.

        Raises `ArgumentError` where the vectors have another width or are not finite, or there is none.
        """
        rows = checked_matrix(query, np.float32)
        if not len(rows) or neighbours < 1:
            raise ArgumentError(f"query and neighbours: wanted one or more of each, got {len(rows)} and {neighbours}")
        proba = tempered(self._head.class_scores(rows), self.fitted.temperature or 1)
        support = self.support.rows[None]
        strange = STRANGENESS[self.measure](support, self._slots, rows[None], len(self.classes))[0]
        distances, nearest = self._index.kneighbors(rows, min(neighbours, len(self.support)))
        is_unknown = strange > (np.inf if self.fitted.bound is None else self.fitted.bound)
        return Predictions(self.classes, proba, strange, is_unknown, nearest, distances)


def predict_films(
    support: Space,
    labels: ArrayLike,
    query: ArrayLike,
    *,
    head: str = "prototype",
    measure: str = "prototype",
    fitted: Fitted,
    k: int | None = None,
    neighbours: int = 3,
) -> Predictions:
    """Answer `query` (float [T, D]) from the films of `support` with labels [S], as `Predictor` does."""
    made = Predictor(support, labels, head=head, measure=measure, fitted=fitted, k=k)
    return made.predict(query, neighbours)


def cautions(fitted: Fitted, counts: Mapping[str, int]) -> list[str]:
    """What a reader must know before believing answers from so many examples of each class."""
    found = []
    if few := [f"{name} {count}" for name, count in counts.items() if count < FEW]:
        found.append(f"few examples ({', '.join(few)}); other examples may give other answers")
    if fitted.temperature is None:
        found.append(f"probabilities are as they come, and no film is called unknown ({fitted.reason})")
    elif fitted.temperature >= HOTTEST:
        found.append("on base films the head does no better than chance; the probabilities say as much")
    if 0 < fitted.shots < min(counts.values()):
        found.append(f"temperature and bound are from episodes of {fitted.shots} shots, not of {min(counts.values())}")
    return found


def _check(head: str, measure: str) -> None:
    if measure not in STRANGENESS:
        raise ArgumentError(f"measure: wanted one of {', '.join(STRANGENESS)}, got {measure!r}")
    named_heads([head])
