"""A study of made-up films, with everything beside the encoder that a study can have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from embedlearn.episodes.evaluate import BaseFilms, Progress
from embedlearn.episodes.pool import Pool
from embedlearn.episodes.space import Space
from embedlearn.episodes.study import FewShotStudy, StudyPlan, run_study

CLASSES = ("covid-19", "healthy", "pneumonia")


def make_pool(
    names: Sequence[str] = CLASSES, paths: Sequence[str] | None = None, films: int = 150, beside: bool = True
) -> Pool:
    """Films of three classes that the trained space tells apart; `beside`: with other spaces and base films."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 3, films)
    X = rng.normal(size=(films, 6)) + 1.5 * np.eye(3, 6)[code]
    frame = pd.DataFrame(
        {
            "path": list(paths or [f"/films/film-{number}.png" for number in range(films)]),
            "class": np.array(names, dtype=object)[code],
            "case": rng.integers(0, films // 2, films),
            "patient": [f"patient {number}" if number % 4 else None for number in range(films)],
            "source": rng.choice(["phantom-a", "phantom-b"], films),
        }
    )
    if not beside:
        return Pool(frame, {"trained": Space(X, X.mean(0))}, "e" * 64, (), None)
    untrained = 0.3 * X + rng.normal(size=X.shape)
    spaces = {
        "trained": Space(X, X.mean(0)),
        "untrained": Space(untrained, untrained.mean(0)),
        "border probe": Space(rng.normal(size=(films, 3)), np.zeros(3)),
    }
    known = rng.integers(0, 2, 80)
    base = Space(rng.normal(size=(80, 6)) + 1.5 * np.eye(2, 6)[known], np.zeros(6))
    return Pool(frame, spaces, "e" * 64, names[:2], BaseFilms({"trained": base}, np.array(names)[known], np.arange(80)))


def make_study(pool: Pool, **changes: Any) -> FewShotStudy:
    """Few episodes of everything, the plan with some `changes`."""
    plan: dict[str, Any] = {
        "heads": ("prototype", "knn", "bd-cspn"), "shots": (1, 3), "n_query": 5, "episodes": 12, "bootstrap": 4,
        "positive": min(set(pool.frame["class"])), "leakage_gap": True, "supports": 6,
    }  # fmt: skip
    return run_study(pool, StudyPlan(**(plan | changes)), _unwatched)


@contextmanager
def _unwatched(what: str) -> Iterator[Progress]:
    yield lambda done, total: None
