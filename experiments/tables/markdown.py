"""Tables, scores and amounts as Markdown writes them."""

from __future__ import annotations

from collections.abc import Sequence

from embedlearn.pages.numbers import number


def table(lines: Sequence[Sequence[str]]) -> str:
    """A header and a line a row as a Markdown table, without a newline behind it."""
    rule = ["---"] * len(lines[0])
    rows = [[cell.replace("|", "\\|") for cell in line] for line in [lines[0], rule, *lines[1:]]]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def interval(low: float | None, high: float | None, *, signed: bool = False, brackets: str = "[]") -> str:
    """The two ends in brackets, [.611 .688]; nothing where there are none."""
    if low is None or high is None or low != low:
        return ""
    return f"{brackets[0]}{number(low, signed=signed)} {number(high, signed=signed)}{brackets[1]}"


def score(
    value: float | None, low: float | None = None, high: float | None = None, *, signed: bool = False,
    brackets: str = "[]",
) -> str:  # fmt: skip
    """A score with its interval: .646 [.611 .688]; a dash where there is none."""
    return f"{number(value, signed=signed)} {interval(low, high, signed=signed, brackets=brackets)}".strip()


def as_published(value: float) -> str:
    """A figure with as many decimals as its authors gave: .86, .8702."""
    return f"{value:.12g}".removeprefix("0")


def amount(value: float) -> str:
    """A measured amount in three digits, more where it has more before the point: 0.0123, 4.56, 143,769."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def ratio(value: float) -> str:
    """How many times, in three digits or fewer: 0.0041, 0.91, 9.35, 70.6, 4,400."""
    if value < 10:
        return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
