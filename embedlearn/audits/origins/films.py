"""Films as the parts of the chapter on origins share them, and what each part gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.findings import Finding, Shown
from embedlearn.pages.blocks import Block

if TYPE_CHECKING:
    import pandas as pd

Mask = NDArray[np.bool_]
UNKNOWN = ""


class Part(NamedTuple):
    """A part of a chapter, see `findings.Chapter`."""

    findings: tuple[Finding, ...] = ()
    figures: Mapping[str, Shown] = {}
    blocks: tuple[Block, ...] = ()
    data: Mapping[str, Any] = {}


@dataclass(frozen=True, eq=False)
class KnownFilms:
    """N films: `label` and `source` str [N], `case` int64 [N], `traits` str [N] by name, empty where unknown.

    `models` holds embeddings float32 [N, D] of length 1 by name, the judged one first. `learnt` says from how many
    films of each source the judged one's encoder has learnt, these films or others; None where that is not known.
    """

    label: NDArray[np.str_]
    source: NDArray[np.str_]
    case: NDArray[np.int64]
    models: Mapping[str, NDArray[np.float32]]
    traits: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    learnt: Mapping[str, int] | None = None

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        models: Mapping[str, NDArray[np.float32]],
        learnt: Mapping[str, int] | None = None,
    ) -> Self:
        """The films of a manifest that has the columns `class` and `case`."""
        label, source = (frame[name].to_numpy(dtype=str) for name in ("class", "source"))
        known = {"source": source, "view": _words(frame, "view"), "age group": age_groups(frame)}
        traits = {**known, "sex": _words(frame, "sex")}
        unit = {name: _of_length_one(X) for name, X in models.items()}
        return cls(label, source, frame["case"].to_numpy(dtype=np.int64), unit, traits, learnt)

    @property
    def judged(self) -> str:
        """The model that is judged."""
        return next(iter(self.models))

    def learnt_from(self, sources: Iterable[str]) -> int | None:
        """From how many films of these sources the judged model's encoder has learnt; None where not known."""
        return None if self.learnt is None else sum(self.learnt.get(source, 0) for source in sources)

    def elsewhere(self, source: str) -> Mask:
        """The films of other sources whose case has no film in this one, bool [N]."""
        there: Mask = self.source == source
        return ~there & ~np.isin(self.case, self.case[there])

    def classes_in(self, mask: Mask, fewest: int) -> list[str]:
        """The classes that have so many cases among these films."""
        names = np.unique(self.label[mask])
        return [str(name) for name in names if len(np.unique(self.case[mask & (self.label == name)])) >= fewest]


def age_groups(frame: pd.DataFrame) -> NDArray[np.str_]:
    """Child (below 18), adult or 60+ of each film, str [N], empty where the age is unknown."""
    import pandas as pd

    if "age" not in frame:
        return np.full(len(frame), UNKNOWN)
    years = pd.to_numeric(frame["age"], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    groups = np.select([years < 18, years < 60, years >= 60], ["child", "adult", "60+"], UNKNOWN)
    return np.asarray(groups, dtype=str)


def _of_length_one(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays."""
    length = np.linalg.norm(X, axis=1, keepdims=True)
    return np.asarray(X / np.where(length > 0, length, 1), np.float32)


def _words(frame: pd.DataFrame, column: str) -> NDArray[np.str_]:
    if column not in frame:
        return np.full(len(frame), UNKNOWN)
    return np.asarray(frame[column].astype("string").fillna(UNKNOWN).to_numpy(dtype=str))
