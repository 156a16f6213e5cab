"""Classes, probabilities and "unlike anything known", from examples; and what is fitted for that on base films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.prediction import Fitted, Predictor, fit_on_base
from embedlearn.episodes.space import Space
from embedlearn.web.engine.examples import Examples
from embedlearn.web.forms import Answer, FittedHead, Nearest

FEW = 5  # examples of a class, below which others may give other answers
SHOTS = (1, 2, 3, 5, 10, 20, 50, 100)  # of the base episodes that are fitted on


class Calibration:
    """Temperatures and bounds from a run's validation films, by head and shots, each fitted when it is first needed."""

    def __init__(
        self, base: BaseFilms | None, center: NDArray[np.float32], heads: Sequence[str], measure: str, keep: float
    ) -> None:
        self.base, self.center, self.heads, self.measure, self.keep = base, center, tuple(heads), measure, keep
        self._fitted: dict[tuple[str, int], Fitted] = {}

    def fitted(self, head: str, examples: int) -> Fitted:
        """What is fitted for a support with so many `examples` in its smallest class."""
        shots = max(count for count in SHOTS if count <= max(1, examples))
        if (head, shots) not in self._fitted:  # perhaps by two threads at once, to the same end
            self._fitted[head, shots] = fit_on_base(self.base, head, self.measure, shots, keep=self.keep)
        return self._fitted[head, shots]


class Responder:
    """The heads, fitted to examples."""

    def __init__(self, examples: Examples, calibration: Calibration) -> None:
        self.examples = examples
        space, counts = Space(examples.vectors, calibration.center), examples.counts()
        self.counts = counts
        self.predictors = {
            head: Predictor(
                space, examples.labels, head=head, measure=calibration.measure,
                fitted=calibration.fitted(head, min(counts.values())),
            )
            for head in calibration.heads
        }  # fmt: skip

    def answers(self, vectors: NDArray[np.float32], nearest: int) -> list[list[Answer]]:
        """The answers to films (float32 [T, D]): of each film one a head, with so many of its nearest examples."""
        found = {head: one.predict(vectors, max(1, nearest)) for head, one in self.predictors.items()}
        return [
            [
                Answer(head=head, **each.plain(film), nearest=[self._near(*pair) for pair in each.near(film)[:nearest]])
                for head, each in found.items()
            ]
            for film in range(len(vectors))
        ]

    def _near(self, place: int, distance: float) -> Nearest:
        ids, label = self.examples.ids, str(self.examples.labels[place])
        return Nearest(id=ids[place] if ids else None, example=None if ids else place, label=label, distance=distance)

    def fitted_heads(self) -> list[FittedHead]:
        """What was fitted of each head."""
        return [
            FittedHead(
                head=head, temperature=one.fitted.temperature, bound=one.fitted.bound, base_shots=one.fitted.shots,
                reason=one.fitted.reason,
            )
            for head, one in self.predictors.items()
        ]  # fmt: skip

    def warnings(self) -> list[str]:
        """What a reader must know before believing an answer."""
        found = list(self.examples.notes)
        if few := [f"{name} {count}" for name, count in self.counts.items() if count < FEW]:
            found.append(f"few examples ({', '.join(few)}); other examples may give other answers")
        if reasons := {one.fitted.reason for one in self.predictors.values() if one.fitted.temperature is None}:
            found.append(f"probabilities are as they come, and no film is called unknown ({reasons.pop()})")
        found.append("a shortcut such as a film's source can decide an answer")
        return found
