"""Classes, probabilities and "unlike anything known", from examples; and what is fitted for that on base films."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedlearn.episodes.evaluate import BaseFilms
from embedlearn.episodes.prediction import Fitted, Predictor, cautions, fit_on_base
from embedlearn.episodes.space import Space
from embedlearn.errors import EpisodeError
from embedlearn.radiographs.manifest import class_of
from embedlearn.web.engine.examples import Examples
from embedlearn.web.forms import Answer, FittedHead, Nearest

MOST_SHOTS = 100  # of the base episodes that are fitted on


class Calibration:
    """Temperatures and bounds from a run's validation films, by head and shots, each fitted when it is first needed.

    `learnt`: the classes of these films, beyond which a temperature and a bound are a loan.
    """

    def __init__(
        self,
        base: BaseFilms | None,
        center: NDArray[np.float32],
        heads: Sequence[str],
        measure: str,
        keep: float,
        learnt: Sequence[str],
    ) -> None:
        self.learnt = tuple(learnt)
        self.base, self.center, self.heads, self.measure, self.keep = base, center, tuple(heads), measure, keep
        self._fitted: dict[tuple[str, int], Fitted] = {}

    def fitted(self, head: str, examples: int) -> Fitted:
        """What is fitted for a support with so many `examples` in its smallest class."""
        shots = min(max(1, examples), MOST_SHOTS)
        if (head, shots) not in self._fitted:  # perhaps by two threads at once, to the same end
            self._fitted[head, shots] = fit_on_base(self.base, head, self.measure, shots, keep=self.keep)
        return self._fitted[head, shots]


class Responder:
    """The heads, fitted to examples."""

    def __init__(self, examples: Examples, calibration: Calibration) -> None:
        self.examples = examples
        counts = examples.counts()
        if len(counts) < 2:
            known = ", ".join(counts) or "none"
            raise EpisodeError(f"examples: wanted two classes or more besides the film's own case, got {known}")
        space = Space(examples.vectors, calibration.center)
        self.counts, self.learnt = counts, calibration.learnt if calibration.base else ()
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
                Answer(
                    head=head,
                    **each.plain(film),
                    bound=self.predictors[head].fitted.bound,
                    nearest=[self._near(*pair) for pair in each.near(film)[:nearest]],
                )
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
        others = [name for name in self.counts if class_of(name, self.learnt) is None]
        if self.learnt and others:
            known, loan = (" and ".join(names) for names in (self.learnt, others))
            found.append(
                f"probabilities and the bound for the unknown were fitted on {known}; for {loan} they are a loan"
            )
        told = [line for one in self.predictors.values() for line in cautions(one.fitted, self.counts)]
        found += dict.fromkeys(told)
        found.append("a shortcut such as a film's source can decide an answer")
        return found
