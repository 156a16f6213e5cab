"""What a film shows where it may show several findings: its set of labels, and what is known of every finding.

A film of a set with one label a film has the set of that label. A healthy film has the empty set: it shows none of the
findings, and stands under a name of its own wherever films are counted.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ManifestError
from embedlearn.radiographs.labels import HEALTHY, canonical_label

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = "|"
ENOUGH = 20  # cases of a finding: three or so of them are left to validate on
YES, NO, UNKNOWN = 1, 0, -1

LabelSet = frozenset[str]


@functools.cache
def as_set(text: str) -> LabelSet:
    """The labels of "a|b|c", healthy and blanks among them left out."""
    names = {canonical_label(part) for part in text.split(SEPARATOR) if part.strip()}
    return frozenset(names - {HEALTHY})


def label_sets(frame: pd.DataFrame) -> list[LabelSet]:
    """The set of each row of a manifest's frame: of its column `labels`, or of `label` where that is not there."""
    return [as_set(str(text)) for text in _texts(frame)]


def all_labels(frame: pd.DataFrame) -> set[str]:
    """Every label of the rows as it stands there, healthy too: of the sets, and of films that have none."""
    return {part.strip() for text in set(_texts(frame)) for part in str(text).split(SEPARATOR) if part.strip()}


def joined(labels: frozenset[str]) -> str:
    """A set as one word: its names in order with bars between them, or healthy where it is empty."""
    return SEPARATOR.join(sorted(labels)) or HEALTHY


def count_findings(sets: Sequence[LabelSet]) -> dict[str, int]:
    """How many films show each finding, and how many are healthy, in alphabetical order."""
    return dict(sorted(Counter(name for labels in sets for name in (labels or (HEALTHY,))).items()))


def frequent_findings(sets: Sequence[LabelSet], cases: NDArray[np.int64], least: int = ENOUGH) -> tuple[str, ...]:
    """The labels that films of at least `least` cases have, in alphabetical order. `cases`: int64 [N].

    A label counts where a film has a finer one, and the finer ones are then not named beside it. Raises `ManifestError`
    where there is none.
    """
    holders: dict[str, set[int]] = {}
    for labels, case in zip(sets, cases.tolist(), strict=True):
        for name in labels:
            holders.setdefault(name, set()).add(case)
    coarsest = [name for name in holders if not any(other != name and holds(other, name) for other in holders)]
    counts = {
        name: len(set().union(*(held for label, held in holders.items() if holds(name, label))))
        for name in sorted(coarsest)
    }
    if found := tuple(name for name, count in counts.items() if count >= least):
        return found
    got = ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
    raise ManifestError(
        f"--multi-label: wanted a finding of {least} patients or more, got {got}; add films, or name findings with "
        "--classes"
    )


def holds(finding: str, label: str) -> bool:
    """Whether a film with `label` shows `finding`: it is the same, or finer ("pneumonia" holds "pneumonia/viral")."""
    return label == finding or label.startswith(f"{finding}/")


def findings_of(labels: LabelSet, findings: Sequence[str]) -> LabelSet | None:
    """The findings that a set of labels means; None where a label is of none of them."""
    if any(not any(holds(finding, label) for finding in findings) for label in labels):
        return None
    return _shown(labels, findings)


def known_findings(
    sets: Sequence[LabelSet], sources: Sequence[str], findings: Sequence[str], absent: Sequence[str] = ()
) -> dict[str, frozenset[str]]:
    """For each source, the findings whose absence its labels tell; of its films the others are unknown, not absent.

    A source tells of a finding that it names on any of its films. One that names several findings on a film, and at
    least half of the `findings` in all, is taken to have been read for every one of them. Of the findings in `absent`
    every source is taken to tell.
    """
    shown = {labels: _shown(labels, findings) for labels in set(sets)}
    named: dict[str, set[str]] = {}
    several = set()
    for labels, source in zip(sets, sources, strict=True):
        named.setdefault(source, set()).update(shown[labels])
        if len(shown[labels]) > 1:
            several.add(source)
    whole, stated = frozenset(findings), frozenset(findings) & frozenset(absent)
    return {
        source: whole if source in several and 2 * len(names) >= len(whole) else stated.union(names)
        for source, names in named.items()
    }


def target_matrix(
    sets: Sequence[LabelSet], sources: Sequence[str], findings: Sequence[str], absent: Sequence[str] = ()
) -> NDArray[np.int64]:
    """What is known of every film and finding, int64 [N, K]: 1 shown, 0 not shown, -1 unknown (`known_findings`).

    Unknown is also which finer finding a film shows that has the coarser label. A film with a label of no finding shows
    the others that it names; whether it takes part is not said here.
    """
    known = known_findings(sets, sources, findings, absent)

    def target(name: str, labels: LabelSet, source: str) -> int:
        if any(holds(name, label) for label in labels):
            return YES
        return NO if name in known[source] and not any(holds(label, name) for label in labels) else UNKNOWN

    pairs = list(zip(sets, sources, strict=True))
    rows = {pair: [target(name, *pair) for name in findings] for pair in set(pairs)}
    return np.array([rows[pair] for pair in pairs], np.int64).reshape(len(pairs), len(findings))


def finding_targets(frame: pd.DataFrame, findings: Sequence[str], absent: Sequence[str] = ()) -> NDArray[np.int64]:
    """`target_matrix` of a manifest's frame; what its column `uncertain`, where it has one, names of a film is unknown.

    That column is a set of labels, as `labels` is; what is in both is shown.
    """
    targets = target_matrix(label_sets(frame), list(frame["source"]), findings, absent)
    if "uncertain" not in frame:
        return targets
    unsure = [_shown(as_set(str(text)), findings) for text in frame["uncertain"].fillna("")]
    doubtful = np.array([[name in names for name in findings] for names in unsure]).reshape(targets.shape)
    return np.where(doubtful & (targets == NO), UNKNOWN, targets)


def _shown(labels: LabelSet, findings: Sequence[str]) -> LabelSet:
    """The findings that a set of labels means, its other labels left out."""
    return frozenset(name for name in findings for label in labels if holds(name, label))


def _texts(frame: pd.DataFrame) -> pd.Series:
    return frame["label"] if "labels" not in frame else frame["labels"].fillna(frame["label"])
