"""Repeatability: two encoders that differ only in their seed should point at the same places of a film (Arun 2020)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.checks.places import Floats, rank_correlations
from embedlearn.explanations.checks.question import Question
from embedlearn.explanations.checks.verdict import Verdict, judged, not_asked, written

ALIKE, OWN = "repeatability", "repeatability, own film"
LIKENESS = "> 0.3"  # ranks that share about a tenth of their variance, more than those of a random network may
WANTED = "> 0"  # nearer to the other encoder's map of the same film than to its maps of other films
UNNAMED = "not asked: name another run with --against"


def check_repeatability(
    question: Question, maps: Mapping[str, Floats], theirs: Mapping[str, Floats] | None
) -> list[Verdict]:
    """Spearman's correlation of two encoders' maps of a film; and the same less that with maps of other films.

    The second takes away what maps share whatever the film, such as a bright middle. Other films are those of which the
    same is asked, where there are any. `theirs` are the second encoder's maps for the same question.
    """
    if theirs is None:
        return not_repeated(maps, UNNAMED)
    verdicts = []
    for name, mine in maps.items():
        second = theirs[name]
        if mine.shape != second.shape:
            reason = f"not asked: the maps of the two encoders have the shapes {mine.shape[1:]} and {second.shape[1:]}"
            verdicts += not_repeated([name], reason)
            continue
        same = np.nan_to_num(rank_correlations(mine, second))
        others = np.array([_of_others(row, mine, second, question) for row in range(len(mine))])
        unlike = others[np.isfinite(others)]
        sentence = (
            f"likeness of two encoders' maps of one film {same.mean():.2f}, "
            f"of different films {written(unlike.mean() if len(unlike) else None)}"
        )
        verdicts.append(judged(ALIKE, name, same, question.cases, LIKENESS, sentence))
        verdicts.append(judged(OWN, name, same - others, question.cases, WANTED, sentence))
    return verdicts


def not_repeated(names: Iterable[str], reason: str) -> list[Verdict]:
    """Verdicts that say why nothing was compared."""
    return [not_asked(ALIKE, name, LIKENESS, reason) for name in names]


def _of_others(row: int, mine: Floats, theirs: Floats, question: Question) -> float:
    """The mean correlation of one film's map with the other encoder's maps of films of other cases."""
    alone: NDArray[np.bool_] = question.cases != question.cases[row]
    pairs = list(zip(question.first, question.other, strict=True))
    alike = alone & np.array([pair == pairs[row] for pair in pairs])
    chosen = np.flatnonzero(alike if alike.any() else alone)
    if not len(chosen):
        return np.nan
    return float(np.nan_to_num(rank_correlations(np.repeat(mine[row][None], len(chosen), 0), theirs[chosen])).mean())
