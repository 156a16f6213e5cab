"""The chapter on what is burned into films: how often by class and source, where, and whether it tells the class.

Networks for chest films are known to read such marks in place of lungs (Zech 2018; DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.enough import share_half_width
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.judging import Judged, judge, known, plain, written
from embedlearn.audits.markers.chapterview import heat_maps, share_tables
from embedlearn.audits.markers.detection import Marker
from embedlearn.audits.markers.looked import MOST, coverage
from embedlearn.audits.markers.shares import WILSON, Share, share_of
from embedlearn.audits.replicates import HOW
from embedlearn.audits.shortcuts import level_of
from embedlearn.pages.blocks import Text
from embedlearn.pages.numbers import percent

TITLE = "Burned-in text and markers"
VIEW = "markers"
TILES = 4  # a side, by which the place of markers is told
FINE = 24  # a side, of the heat maps
RARE = 0.05  # a share of films that may be marked though none was found to be


def markers_chapter(
    audited: AuditedFilms, found: Sequence[tuple[Marker, ...]], *, of: int | None = None, seed: int = 0
) -> Chapter:
    """What the markers `found` on each of the audited films tell; `of` is how many films these were drawn from.

    Raises `ArgumentError` where arrays do not belong together.
    """
    labels, sources = (audited.frame[name].to_numpy(dtype=str) for name in ("class", "source"))
    cases = audited.frame["case"].to_numpy(np.int64)
    counts = np.array([len(markers) for markers in found], np.int64)
    overall = share_of(counts, cases)
    by_class, by_source = (_by(column, counts, cases) for column in (labels, sources))
    told = judge({VIEW: marker_features(found)}, labels, cases, seed=seed) if counts.any() else None
    where = {
        name: np.mean([coverage(found[row], FINE, FINE) > 0 for row in np.flatnonzero(labels == name).tolist()], axis=0)
        for name in by_class
    }
    findings = [_of_share(overall, found, of), *_of_classes(by_class), *_of_told(told)]
    return Chapter(
        "markers",
        TITLE,
        tuple(findings),
        heat_maps(where) if counts.any() else {},
        (
            *share_tables(by_class, by_source, told),
            *(Text(words) for words in _notes(told, len(counts), overall.cases, of)),
        ),
        {
            "films": len(counts),
            "of": of or len(counts),
            "kinds": kinds_of(found),
            "all": overall._asdict(),
            "class": {name: share._asdict() for name, share in by_class.items()},
            "source": {name: share._asdict() for name, share in by_source.items()},
            "auc": {name: plain(told.auc(VIEW, name)) for name in told.classes} if told else {},
        },
    )


def marker_features(found: Sequence[tuple[Marker, ...]]) -> NDArray[np.float64]:
    """Of each film whether it is marked, how many marks it has, and how much of each tile they cover: [N, 18]."""
    return np.array([
        [len(markers) > 0, len(markers), *coverage(markers, TILES, TILES).ravel()] for markers in found
    ], np.float64)  # fmt: skip


def kinds_of(found: Sequence[tuple[Marker, ...]]) -> dict[str, int]:
    """How many markers of each kind there are in all."""
    kinds = [marker.kind for markers in found for marker in markers]
    return {kind: kinds.count(kind) for kind in ("letter", "text", "box")}


def _by(column: NDArray[np.str_], counts: NDArray[np.int64], cases: NDArray[np.int64]) -> dict[str, Share]:
    return {str(name): share_of(counts[column == name], cases[column == name]) for name in np.unique(column)}


def _of_share(share: Share, found: Sequence[tuple[Marker, ...]], of: int | None) -> Finding:
    drawn = f" drawn from {of:,}" if of and of > share.films else ""
    if not share.value:
        words = (
            f"No letters, text or boxes were found on {share.films:,} films{drawn}; of all such films at most "
            f"{percent(share.high)} have some that would be found."
        )
    else:
        kinds = ", ".join(_counted(kind, count) for kind, count in kinds_of(found).items() if count)
        words = f"{_told(share)} of {share.films:,} films{drawn} have letters, text or boxes burned in ({kinds})."
    level: Level = "fine" if not share.value and share.high < RARE else "note"
    return Finding(
        "markers.share", level, words, "share of films", share.value, share.low, share.high, WILSON, share.films
    )


def _of_classes(shares: dict[str, Share]) -> list[Finding]:
    """The most and the least marked class, where there are two."""
    most, least = (pick(shares, key=lambda name: shares[name].value) for pick in (max, min))
    if most == least:
        return []
    apart = shares[most].low > shares[least].high
    words = (
        f"Of {most} {_told(shares[most])} of the films are marked, of {least} {_told(shares[least])}"
        f"{': the marks go with the class' if apart else '; that the marks go with the class is not shown'}."
    )
    share = shares[most]
    return [
        Finding(
            "markers.classes", "note", words, f"share of {most}", share.value, share.low,
            share.high, WILSON, share.films,
        )
    ]  # fmt: skip


def _of_told(told: Judged | None) -> list[Finding]:
    """The class that is best told by its markers alone."""
    if told is None:
        return []
    aucs = {name: told.auc(VIEW, name) for name in told.classes}
    worry = ("fine", "note", "warning")  # of several classes the most worrying one
    best = max(aucs, key=lambda name: (worry.index(level_of(aucs[name])), float(np.nan_to_num(aucs[name].low))))
    found = aucs[best]
    level = level_of(found)
    if level == "warning":
        means = "a model that reads them needs no lungs; crop or mask them and audit again"
    elif level == "fine":
        means = "they tell little of the class, if anything"
    elif found.low > 0.5:
        means = "they tell something of the class, and a model may read them"
    else:
        means = "whether they tell the class cannot be said"
    words = (
        "Whether a film is marked, how often and where alone tells "
        f"{best} from the rest with AUC {written(found)}: {means}."
    )
    ends = known(found.value), known(found.low), known(found.high)
    return [Finding("markers.told", level, words, "AUC", *ends, HOW, told.films)]


def _notes(told: Judged | None, films: int, cases: int, of: int | None) -> list[str]:
    notes = [
        "Markers are found by their strokes, without reading them: letters of constant stroke, sharp on both sides and "
        "of strong contrast, alone or in lines, and even rectangles. Faint letters over the body and letters that a "
        "cable crosses are missed; a clip or a buckle may be taken for one. On 113 public films that one reader "
        "looked at, 143 of 153 found were markers, and 137 of 161 markers were found."
    ]
    if of and of > films:
        notes.append(
            f"At most {MOST:,} films are looked at, evenly of each class and source: {films:,} of {of:,}. The share of "
            f"all is of such a draw, and known to {100 * share_half_width(0.5, cases):.1f} percentage points or better."
        )
    if told and told.left_out:
        left = ", ".join(f"{name} ({count})" for name, count in told.left_out.items())
        notes.append(f"Not told by markers, for they have too few cases: {left}.")
    return notes


def _told(share: Share) -> str:
    return f"{percent(share.value)} [{percent(share.low)}, {percent(share.high)}]".replace(" %, ", ", ")


def _counted(kind: str, count: int) -> str:
    return f"{count:,} {kind}{'' if count == 1 else 'es' if kind == 'box' else 's'}"
