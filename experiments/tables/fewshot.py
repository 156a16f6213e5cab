"""The rare class from a few examples: accuracies by head and shots, with both intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embedlearn.episodes.heads import INDUCTIVE
from embedlearn.episodes.pool import TRAINED, UNTRAINED
from embedlearn.pages.numbers import number
from experiments.tables.markdown import interval, score, table
from experiments.tables.store import Store

FILE, FORM = "few-shot.json", "embedlearn-stored-few-shot-1"
SHOWN = "5"  # shots
BALANCED, OTHER = "balanced", "dirichlet"
METRICS = {"accuracy": "accuracy", "auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}


def inductive(store: Store) -> str:
    """The heads that `fewshot` asks by default at five shots, and what stands beside them."""
    found = store.plain(FILE, FORM)
    return table(_scores(found, [head for head in found["scores"][BALANCED][TRAINED] if head in INDUCTIVE]))


def all_heads(store: Store) -> str:
    """All heads at five shots, and their accuracy on queries that are not balanced."""
    found = store.plain(FILE, FORM)
    lines = _scores(found, list(found["scores"][BALANCED][TRAINED]))
    also = found["scores"].get(OTHER, {}).get(TRAINED, {})
    lines[0].append(f"accuracy, {OTHER} queries")
    for line in lines[1:]:
        line.append(_cell(also.get(line[0], {}).get(SHOWN, {}).get("accuracy")))
    return table(lines)


def by_shots(store: Store) -> str:
    """Accuracy by number of shots: the default heads, and what stands beside them."""
    found = store.plain(FILE, FORM)["scores"][BALANCED]
    first, shots = next(iter(found[TRAINED])), list(next(iter(found[TRAINED].values())))
    lines = [["", *(f"{number} shot{'s' * (number != '1')}" for number in shots)]]
    for space, heads in found.items():
        for head in [head for head in heads if head in INDUCTIVE] if space == TRAINED else [first]:
            cells = [_cell(heads[head].get(number, {}).get("accuracy")) for number in shots]
            lines.append([_label(space, head), *cells])
    return table(lines)


def _scores(found: Mapping[str, Any], heads: list[str]) -> list[list[str]]:
    """A header and a line a head of the trained encoder; then the first head of every other space."""
    positive, scores = found["positive"], found["scores"][BALANCED]
    names = [words if "accuracy" in words else f"{words} {positive}" for words in METRICS.values()]
    lines = [["head", *names, f"accuracy less {UNTRAINED}", "calibration error (mended)"]]
    for space, of_space in scores.items():
        for head in heads if space == TRAINED else heads[:1]:
            cells = [_cell(of_space[head][SHOWN].get(metric)) for metric in METRICS]
            gain = _cell(found["gains"][head][SHOWN], signed=True) if space == TRAINED else ""
            raw, mended = found["calibration"][space][head][SHOWN]
            error = number(raw) if mended is None else f"{number(raw)} ({number(mended)})"
            lines.append([_label(space, head), *cells, gain, error])
    return lines


def _label(space: str, head: str) -> str:
    return head if space == TRAINED else f"{space}, {head}"


def _cell(ends: list[float | None] | None, *, signed: bool = False) -> str:
    """The mean, [by patient], (over episodes)."""
    if ends is None:
        return "–"
    mean, low, high, episode_low, episode_high = ends
    over = interval(episode_low, episode_high, signed=signed, brackets="()")
    return f"{score(mean, low, high, signed=signed)} {over}".strip()
