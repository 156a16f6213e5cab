"""The verdicts as a table, as a file, as a line below a figure, and as a figure of their own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedlearn.errors import StorageError
from embedlearn.explanations.checks.verdict import Verdict, written
from embedlearn.explanations.filmmap import UNCHECKED
from embedlearn.figures import Theme, figure, theme_of
from embedlearn.files import write_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHECKED = "check.json"
FAMILY = "embedlearn-map-checks-"
FORMAT = f"{FAMILY}2"  # the first looked elsewhere on the film, and judged less
PAIRS = "pair maps: not checked by these"  # what a figure of them says below the line of its method
HEADINGS = ("method", "check", "value", "95 % interval", "wanted", "verdict", "films")
KINDS = {False: "faithful", True: "evidence where it should be"}
HEADS = {False: "Is the map faithful to the network?", True: "Does the evidence lie where it should?"}
# Of the figure, in lengths of a row's scale: where it begins, where methods, verdicts and numbers stand, and its end.
LEFT, METHOD, WORDS, NUMBERS, RIGHT = -5.35, -2.65, 1.2, 1.95, 3.65
GAP = 0.3  # between checks, in rows


def table(verdicts: Iterable[Verdict]) -> list[tuple[str, ...]]:
    """A row of words for each verdict, under `HEADINGS`."""
    return [
        (
            verdict.method,
            verdict.check,
            written(verdict.value) if verdict.passed is not None else "",
            f"{written(verdict.low)} to {written(verdict.high)}" if verdict.low is not None else "",
            verdict.wanted,
            verdict.word,
            str(verdict.n),
        )
        for verdict in verdicts
    ]


def one_line(verdicts: Iterable[Verdict], method: str) -> str:
    """What a figure says of its method's margin maps, which are what is checked: how many checks they pass, by kind."""
    mine = [verdict for verdict in verdicts if verdict.method == method]
    kinds = [
        _kind(words, [verdict for verdict in mine if verdict.asks_where is where and verdict.passed is not None])
        for where, words in KINDS.items()
    ]
    told = "; ".join(kind for kind in kinds if kind)
    return f"margin maps, {method}: {told or 'not checked; run embedlearn explain check'}"


def stored_verdict(folder: Path, encoder: str, method: str) -> str:
    """What the checks kept in `folder` said of a method's maps, in a line; that there were none of this encoder."""
    path = folder / CHECKED
    verdicts, about = load_verdicts(path) if path.is_file() else ([], {})
    return one_line(verdicts, method) if about.get("encoder") == encoder else UNCHECKED


def _kind(words: str, asked: Sequence[Verdict]) -> str:
    failed = [verdict.check for verdict in asked if not verdict.passed]
    if not asked:
        return ""
    names = f" (not: {'; '.join(failed)})" if failed else ""
    return f"{words} in {len(asked) - len(failed)} of {len(asked)} checks{names}"


def save_verdicts(path: Path, verdicts: Iterable[Verdict], about: Mapping[str, Any] | None = None) -> None:
    """Write the verdicts as JSON, with what they are `about`, such as the encoder's digest. Raises `StorageError`."""
    checks = [verdict.plain() for verdict in verdicts]
    write_json(path, {"format": FORMAT, "about": dict(about or {}), "checks": checks})


def load_verdicts(path: Path) -> tuple[list[Verdict], dict[str, Any]]:
    """What `save_verdicts` wrote: the verdicts, and what they are about. Raises `StorageError`.

    Of an earlier form, nothing: the checks have changed since, and must be made again.
    """
    try:
        plain = json.loads(Path(path).read_text(encoding="utf-8"))
        if plain["format"] != FORMAT and plain["format"].startswith(FAMILY):
            return [], {}
        if plain["format"] != FORMAT:
            raise ValueError(f"wanted the form {FORMAT}, got {plain['format']}")
        return [Verdict.restored(check) for check in plain["checks"]], plain["about"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: no verdicts that can be read ({error}); run embedlearn explain check") from error


def draw_checks(path: Path, verdicts: Sequence[Verdict], theme: str = "light") -> None:
    """One figure: a row a check and method, its mark with its interval against the bar, and the verdict in words.

    Each check has its own scale, turned so that what is wanted lies to the right of the bar. Raises `ArgumentError` for
    an unknown theme, `StorageError`.
    """
    look = theme_of(theme)
    groups = [
        (words, [list(same) for _, same in groupby(_by_check(verdicts, where), lambda verdict: verdict.check)])
        for where, words in HEADS.items()
    ]
    rows = len(verdicts) + sum(GAP * len(checks) + 1.5 * bool(checks) for _, checks in groups)
    with figure(path, 10.3, 0.27 * rows + 0.3, theme) as drawn:
        drawn.set_layout_engine("none")
        axes = drawn.add_axes((0.01, 0, 0.98, 1))
        axes.set(xlim=(LEFT, RIGHT), ylim=(rows, -0.2))
        axes.axis("off")
        y = 0.5
        for words, checks in groups:
            if checks:
                axes.text(LEFT, y, words, va="center", weight="bold")
                axes.text(0, y, "falls short  |  as wanted", va="center", ha="center", color=look.muted, fontsize=8)
                axes.text(NUMBERS, y, "value [95 % interval]", va="center", color=look.muted, fontsize=8)
                axes.text(RIGHT, y, "wanted", va="center", ha="right", color=look.muted, fontsize=8)
                y += 1.2
            for same in checks:
                y = _draw_check(axes, y, same, look)
            y += 0.3


def _by_check(verdicts: Sequence[Verdict], where: bool) -> list[Verdict]:
    names = list(dict.fromkeys(verdict.check for verdict in verdicts))
    return sorted((each for each in verdicts if each.asks_where is where), key=lambda each: names.index(each.check))


def _draw_check(axes: Axes, y: float, verdicts: Sequence[Verdict], look: Theme) -> float:
    """The rows of one check from `y` on; where the next begins."""
    ends = [abs(end - verdict.bar) for verdict in verdicts if verdict.passed is not None for end in _ends(verdict)]
    unit = max(ends, default=1.0) or 1.0
    below = y + len(verdicts) - 0.5
    axes.plot([0, 0], [y - 0.5, below], color=look.ink, linewidth=1)
    axes.text(LEFT, y, verdicts[0].check, va="center")
    for verdict in verdicts:
        axes.text(METHOD, y, verdict.method, va="center", fontsize=8)
        _draw_verdict(axes, y, verdict, unit, look)
        y += 1
    axes.plot([LEFT, RIGHT], [below + GAP / 2] * 2, color=look.grid, linewidth=0.8)
    return y + GAP


def _draw_verdict(axes: Axes, y: float, verdict: Verdict, unit: float, look: Theme) -> None:
    if verdict.passed is None:
        axes.text(WORDS, y, verdict.word, color=look.muted, va="center", fontsize=8)
        return
    colour, marker = (look.colours[0], "o") if verdict.passed else (look.colours[1], "X")
    sign = 1 if verdict.wanted.startswith(">") else -1
    low, value, high = (sign * (end - verdict.bar) / unit for end in _ends(verdict))
    axes.plot([low, high], [y, y], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot([value], [y], marker=marker, color=colour, markersize=7, linestyle="none")
    numbers = written(verdict.value)
    if verdict.low is not None:
        numbers += f" [{written(verdict.low)}, {written(verdict.high)}]"
    axes.text(WORDS, y, verdict.word, va="center", fontsize=8, weight="normal" if verdict.passed else "bold")
    axes.text(NUMBERS, y, numbers, va="center", fontsize=8)
    axes.text(RIGHT, y, verdict.wanted, va="center", ha="right", color=look.muted, fontsize=8)


def _ends(verdict: Verdict) -> tuple[float, float, float]:
    low = verdict.value if verdict.low is None else verdict.low
    high = verdict.value if verdict.high is None else verdict.high
    return low, verdict.value, high
