"""A published system remade: every figure of its authors beside every score of ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments.systems.results import BORDER, HEADER, PATIENTS, UNTRAINED, RowResult, Score
from experiments.systems.row import Published, Row
from experiments.tables.markdown import as_published, score, table
from experiments.tables.store import Store

BESIDE = (UNTRAINED, HEADER, BORDER)  # models that stand beside ours
LESS = " less "  # in the names of metrics that are differences
RUN = "python -m experiments.run {name}"


def table_of_row(store: Store, name: str) -> str:
    """For each question: figures published, ours, differences, few-shot curves; then what was not run, and why."""
    row, result = store.row(name), store.result(name)
    parts = [part for task in tasks_of(row, result) for part in _of_task(row, result, task)]
    return "\n\n".join([*parts, *_not_run(row, result)])


def tasks_of(row: Row, result: RowResult | None) -> list[str]:
    """The questions of a row: those of its file, of its authors' figures and of its scores, each once."""
    told = [task.name for task in row.tasks] + [each.task for each in row.published]
    return list(dict.fromkeys([*told, *(each.task for each in (result.scores if result else ()))]))


def _of_task(row: Row, result: RowResult | None, task: str) -> Iterable[str]:
    published = [each for each in row.published if each.task == task]
    scores = [each for each in (result.scores if result else ()) if each.task == task]
    whole = [each for each in scores if each.shots is None]
    plain = [each for each in whole if LESS not in each.metric]
    if not published and not scores:
        return
    yield f"**{task}**"
    if published or plain:
        yield table(_plain_lines(published, plain))
    if differences := [each for each in whole if LESS in each.metric]:
        metrics = list(dict.fromkeys(each.metric for each in differences))
        yield table([["model", "protocol", *metrics], *_lines(differences, metrics, signed=True)])
    if few := [each for each in scores if each.shots is not None]:
        yield table(_few_shot_lines(few))


def _plain_lines(published: Sequence[Published], scores: Sequence[Score]) -> list[list[str]]:
    """The authors' figures, a line a model and protocol, then ours."""
    metrics = list(dict.fromkeys([*(each.metric for each in published), *(each.metric for each in scores)]))
    lines = [["model", "protocol", "films (cases)", *metrics]]
    for key in dict.fromkeys((each.model, each.protocol, each.films) for each in published):
        values = {each.metric: each.value for each in published if (each.model, each.protocol, each.films) == key}
        films = f"{key[2]:,}" if key[2] else "–"
        lines.append(
            [
                f"*published:* {key[0]}",
                key[1],
                films,
                *(as_published(values[each]) if each in values else "–" for each in metrics),
            ]
        )
    return [*lines, *_lines(scores, metrics, counted=True)]


def _lines(
    scores: Sequence[Score], metrics: Sequence[str], *, signed: bool = False, counted: bool = False
) -> list[list[str]]:
    """A line a protocol and model, a cell a metric; `counted`: with the films and cases tested."""
    lines = []
    for protocol, model in dict.fromkeys((each.protocol, each.model) for each in scores):
        mine = {each.metric: each for each in scores if (each.protocol, each.model) == (protocol, model)}
        one = next(iter(mine.values()))
        count = [f"{one.films:,} ({one.cases:,})"] if counted else []
        lines.append([model, protocol, *count, *(written(mine.get(metric), signed=signed) for metric in metrics)])
    return lines


def _few_shot_lines(scores: Sequence[Score]) -> list[list[str]]:
    """A line a metric, protocol and model, a cell a number of shots."""
    shots = sorted({each.shots for each in scores if each.shots is not None})
    lines = [["few-shot", "protocol", "", *(f"{count} shot{'s' * (count > 1)}" for count in shots)]]
    for metric, protocol, model in dict.fromkeys((each.metric, each.protocol, each.model) for each in scores):
        key = (metric, protocol, model)
        mine = {each.shots: each for each in scores if (each.metric, each.protocol, each.model) == key}
        cells = [written(mine.get(count), signed=LESS in metric) for count in shots]
        lines.append([model, protocol, metric, *cells])
    return lines


def written(found: Score | None, *, signed: bool = False) -> str:
    """A score with its interval, in round brackets where it is not by patient; a dash where there is no score."""
    if found is None:
        return "–"
    brackets = "[]" if found.interval == PATIENTS else "()"
    return score(found.value, found.low, found.high, signed=signed, brackets=brackets)


def _not_run(row: Row, result: RowResult | None) -> Iterable[str]:
    command = RUN.format(name=row.name)
    if result is None:
        yield f"Not run here: `{command}` makes it, where its data are ({', '.join(row.data) or '--data'})."
    elif result.missing:
        what = "\n".join(f"- {each.what}: {each.why}" for each in result.missing)
        yield f"Not run here (`{command}` makes it where what is missing is there):\n\n{what}"
