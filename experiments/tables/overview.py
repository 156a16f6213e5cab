"""All published systems in one table: their figure, ours by image and by patient, and what needs no disease."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.systems.results import NOT_RUN, RowResult, Score
from experiments.systems.row import Published, Row
from experiments.tables.markdown import as_published, table
from experiments.tables.rows import BESIDE, tasks_of, written
from experiments.tables.store import Store

HEADER = ["system", "question", "published", "ours", "by image", "by patient", *BESIDE]
FEW = 5  # shots of a question that has few-shot scores alone


def table_of_rows(store: Store) -> str:
    """A line a row and question."""
    lines = [HEADER]
    for name in store.row_names():
        row, result = store.row(name), store.result(name)
        lines += [_line(row, result, task) for task in tasks_of(row, result)]
    return table(lines)


def _line(row: Row, result: RowResult | None, task: str) -> list[str]:
    published = [each for each in row.published if each.task == task]
    scores = [each for each in (result.scores if result else ()) if each.task == task]
    metric = _metric(published, scores)
    shown = _at_shots([each for each in scores if each.metric == metric])
    absent = NOT_RUN if result is None or result.missing else "–"
    ours = [_ours(row, shown, by) for by in ("by image", "by patient")]
    beside = [_first(shown, model) for model in BESIDE]
    shots = next((f", {each.shots} shots" for each in shown if each.shots), "")
    cells = [absent if found is None else written(found) for found in (*ours, *beside)]
    model = next((each.model for each in ours if each), "–")
    return [row.title or row.name, f"{task}: {metric}{shots}", _published(published, metric), model, *cells]


def _metric(published: Sequence[Published], scores: Sequence[Score]) -> str:
    """The first metric published that we have, or the first published where we have none; else accuracy."""
    told, have = [each.metric for each in published], {each.metric for each in scores}
    return next((metric for metric in told if metric in have or not have), "accuracy")


def _at_shots(scores: Sequence[Score]) -> list[Score]:
    """Those of no few-shot question; where there are none, those at five shots."""
    whole = [each for each in scores if each.shots is None]
    return whole or [each for each in scores if each.shots == FEW]


def _ours(row: Row, scores: Sequence[Score], by: str) -> Score | None:
    """The score of the row's main model, else of its first, under the first protocol of that kind."""
    mine = [each for each in scores if by in each.protocol and each.model not in BESIDE]
    return next((each for each in mine if each.model == row.main), mine[0] if mine else None)


def _first(scores: Sequence[Score], model: str) -> Score | None:
    """The score of a model that stands beside ours, by patient where it was asked so."""
    mine = [each for each in scores if each.model == model]
    return next((each for each in mine if "by patient" in each.protocol), mine[0] if mine else None)


def _published(published: Sequence[Published], metric: str) -> str:
    """The best figure of the authors, and of how many; a dash where they gave none."""
    same = [each for each in published if each.metric == metric]
    if not same:
        return "–"
    best = max(same, key=lambda each: each.value)
    return f"{as_published(best.value)} {best.model}" + (f", best of {len(same)}" if len(same) > 1 else "")
