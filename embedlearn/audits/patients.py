"""Leaks: films of one patient, or one picture, on two sides that are to know nothing of each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedlearn.audits.findings import Chapter, Finding, Level, Shown
from embedlearn.audits.judging import known
from embedlearn.audits.replicates import OVER_CASES, Estimate, share_replicates, summed_up
from embedlearn.figures import COLOURS, GREY, Panel, Picture
from embedlearn.pages.blocks import Block, Cell, Group, Row, Table
from embedlearn.pages.numbers import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

KEY = "leaks"
LEARNT = ("train", "support")  # the sides that a model is made of; every other side tests it
TESTED = 0.2  # share of the films that a split by image would test on
BY_PATIENT, BY_PICTURE = "patient", "picture"


class Side(NamedTuple):
    """One way in which films are parted: its name, and the side of each of N films, empty where it has none."""

    name: str
    of: NDArray[np.str_]


def leaks_chapter(
    frame: pd.DataFrame, pictures: ArrayLike, sides: Mapping[str, ArrayLike], *, seed: int = 0
) -> Chapter:
    """What leaks between the sides of each parting in `sides` (name -> str [N], missing or empty for no side).

    `frame` has a row a film with `source`, `patient` and `case`; `pictures` int64 [N] numbers what films show.
    """
    known = [Side(name, _as_text(of)) for name, of in sides.items()]
    known = [side for side in known if len(set(side.of) - {""}) > 1]
    marks = {BY_PATIENT: _patients(frame), BY_PICTURE: np.asarray(pictures, np.int64)}
    cases = frame["case"].to_numpy(np.int64)
    findings = [_parted(side, marks, cases, seed) for side in known]
    findings.append(_by_image(cases, frame, seed))
    words = "Films that are tested on although their patient or picture was learnt from."
    shown = {KEY: Shown(words, _picture(findings))} if known else {}  # one point alone is no picture
    return Chapter(KEY, "Leaks", tuple(findings), shown, tuple(_tables(known, marks)))


def _parted(side: Side, marks: Mapping[str, NDArray[np.int64]], cases: NDArray[np.int64], seed: int) -> Finding:
    tested = ~np.isin(side.of, LEARNT) & (side.of != "")
    met = np.zeros(len(cases), bool)
    told = []
    for name, mark in marks.items():
        learnt = set(mark[np.isin(side.of, LEARNT) & (mark >= 0)])
        found = np.isin(mark, list(learnt)) & tested
        told.append(f"{len(set(mark[found])):,} {name}{'s' if len(set(mark[found])) != 1 else ''}")
        met |= found
    share = bootstrap_share(met[tested], cases[tested], seed=seed)
    sentence = (
        f"{side.name}: {' and '.join(told)} stand on both sides; {met.sum():,} of {tested.sum():,} tested films "
        f"({percent(share.value)}) are no test of what was learnt."
    )
    if not met.any():
        sentence = (
            f"{side.name}: no known patient and no picture stands on both sides, of {tested.sum():,} tested films."
        )
    return _finding(side.name.replace(" ", "-"), "warning" if met.any() else "fine", sentence, share, int(tested.sum()))


def _by_image(cases: NDArray[np.int64], frame: pd.DataFrame, seed: int) -> Finding:
    """What a split by image would do: a film's case is met in training unless all others of it are tested too."""
    met = expected_met(cases, TESTED)
    share = bootstrap_share(met, cases, seed=seed)
    unknown = int(frame["patient"].isna().sum())
    sentence = (
        f"A split by image, a fifth of the films tested, would learn from the patient or the picture of "
        f"{percent(share.value)} of the tested films."
    )
    if unknown:
        sentence += f" It is a lower bound: {unknown:,} of {len(frame):,} films name no patient."
    return _finding("by-image", "note" if share.value > 0 else "fine", sentence, share, len(cases))


def _finding(name: str, level: Level, sentence: str, share: Estimate, films: int) -> Finding:
    return Finding(
        f"{KEY}.{name}", level, sentence, "share", share.value, known(share.low), known(share.high), OVER_CASES, films
    )


def expected_met(cases: NDArray[np.int64], tested: float) -> NDArray[np.float64]:
    """For each film, the chance that another of its case is learnt from if each film is tested with chance `tested`."""
    _, which, sizes = np.unique(cases, return_inverse=True, return_counts=True)
    return np.asarray(1 - tested ** (sizes[which] - 1.0))


def bootstrap_share(values: ArrayLike, cases: ArrayLike, *, seed: int = 0) -> Estimate:
    """The mean of `values` [N], 0 to 1, and its interval over resampled cases [N]."""
    column = np.asarray(values, dtype=np.float64)[:, None]
    if not len(column):
        return Estimate(0.0, np.nan, np.nan)
    return summed_up(share_replicates(column, np.ones_like(column), cases, seed=seed)[0])


def _patients(frame: pd.DataFrame) -> NDArray[np.int64]:
    """A number for each patient of a source, int64 [N], -1 where none is named."""
    named = frame["source"].astype(str) + "\0" + frame["patient"].fillna("").astype(str)
    numbers = np.unique(named, return_inverse=True)[1].astype(np.int64)
    return np.where(frame["patient"].isna(), -1, numbers)


def _as_text(of: ArrayLike) -> NDArray[np.str_]:
    import pandas as pd

    return pd.Series(np.asarray(of, dtype=object)).fillna("").astype(str).to_numpy(str)


def _picture(findings: list[Finding]) -> Picture:
    def draw(axes: Axes) -> None:
        for row, finding in enumerate(findings):
            colour = COLOURS[1] if finding.level == "warning" else GREY
            if finding.low is not None and finding.high is not None:
                axes.plot([finding.low, finding.high], [row, row], color=colour, linewidth=2)
            axes.plot(finding.value or 0.0, row, "o", color=colour)
        axes.set_yticks(range(len(findings)), [finding.key.partition(".")[2].replace("-", " ") for finding in findings])
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of the tested films")
        axes.invert_yaxis()
        axes.margins(y=0.4)

    return Picture((Panel("Tested on, and learnt from", draw, 1.1 + 0.35 * len(findings)),), 7.0)


def _tables(sides: list[Side], marks: Mapping[str, NDArray[np.int64]]) -> Iterator[Block]:
    for side in sides:
        names = sorted(set(side.of) - {""})
        rows = []
        for first in names:
            shared = [_shared(side, marks, first, second) for second in names]
            rows.append(Row(first, (Cell(f"{(side.of == first).sum():,}"), *map(Cell, shared))))
        columns = ("side", "films", *(f"shared with {name}" for name in names))
        yield Table(f"Patients + pictures on two sides: {side.name}", columns, (Group("", tuple(rows)),))


def _shared(side: Side, marks: Mapping[str, NDArray[np.int64]], first: str, second: str) -> str:
    if first == second:
        return "–"
    counts = (len(set(mark[side.of == first]) & set(mark[side.of == second]) - {-1}) for mark in marks.values())
    return " + ".join(f"{count:,}" for count in counts)
