"""The part of the page that says how well each head did, and beside what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from embedlearn.episodes.figures import shots_picture
from embedlearn.episodes.heads import TRANSDUCTIVE
from embedlearn.episodes.intervals import MEANINGS
from embedlearn.episodes.page.cells import at, ends, estimate_cell, heading, queries, support
from embedlearn.episodes.pool import OTHER, TRAINED, UNTRAINED
from embedlearn.episodes.results import Difference, FewShotResult, HeadScores, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.pages.blocks import (
    Block,
    Cell,
    Fold,
    Group,
    Pictures,
    Row,
    Table,
    Tables,
    Text,
    drawn,
    long_table,
)
from embedlearn.pages.numbers import number, p_value

MANY_CELLS = 20_000  # of all confusion matrices: only those of the first head are then shown


def scores(study: FewShotStudy) -> Iterator[Block]:
    """Every metric of every head in every space, the largest number of shots first."""
    for meaning in MEANINGS if _has_patients(study.result) else MEANINGS[1:]:
        yield Text(meaning + ".")
    largest, asked = max(study.result.episodes), queries(study.plan.prevalence)
    yield from _score_tables(study.result, largest, asked)
    for shots in study.result.episodes:
        if shots != largest:
            yield Fold(at(shots), tuple(_score_tables(study.result, shots, asked)))


def against_first(study: FewShotStudy) -> Iterator[Block]:
    """Every other head beside the first, paired."""
    first, *others = study.plan.heads
    if not others:
        return
    against, patients = study.result.against(first, TRAINED, "accuracy"), _has_patients(study.result)
    text = f"Accuracy of each head minus that of {first}, on the same episodes{' and resampled patients' * patients}. "
    text += "The p values are two-sided, and not corrected for the number of comparisons"
    if patients:
        floor = number(2 / (study.plan.bootstrap + 1))
        text += f"; with {study.plan.bootstrap} replicates of patients none is below {floor}"
    yield Text(text + ".")
    groups = [
        Group(at(k), tuple(_difference_row(s[0], found, patients) for s, found in against.items() if s[1] == k))
        for k in study.result.episodes
    ]
    columns = ("head", "difference", *("by patient", "p, patients") * patients, "over episodes", "p, episodes")
    caption = f"Accuracy minus that of {first}, trained encoder"
    yield from long_table(caption, columns, groups, lambda group: group.name == at(max(study.result.episodes)))


def by_shots(result: FewShotResult) -> Iterator[Block]:
    """Accuracy in one picture."""
    by = "by patient" if _has_patients(result) else "over episodes"
    yield Pictures(f"Accuracy with its 95 % interval {by}.", drawn(shots_picture(result).svgs("shots")))


def other_queries(study: FewShotStudy) -> Iterator[Block]:
    """The same heads where queries fall on the classes otherwise."""
    if study.beside is None:
        return
    main, other = queries(study.plan.prevalence), queries(study.plan.other_prevalence)
    yield Text(
        "A transductive head looks at all queries of an episode together, and may live on how they fall on the "
        f"classes: so all was done with {other} too. The two are not paired, their episodes being others."
    )
    groups = []
    for shots in study.result.episodes:
        rows = []
        for head in study.plan.heads:
            setting = Setting(TRAINED, head, shots)
            sides = [result.scores[setting].estimate("accuracy") for result in (study.result, study.beside)]
            change = Cell(number(sides[1].mean - sides[0].mean, signed=True))
            name = f"{head} (transductive)" if head in TRANSDUCTIVE else head
            rows.append(Row(name, (*map(estimate_cell, sides), change)))
        groups.append(Group(at(shots), tuple(rows)))
    columns, largest = ("head", main, other, "change"), at(max(study.result.episodes))
    yield from long_table("Accuracy, trained encoder", columns, groups, lambda group: group.name == largest)
    for shots in study.beside.episodes:
        yield Fold(f"{at(shots)}: all scores with {other}", tuple(_score_tables(study.beside, shots, other)))


def fine_tuned(study: FewShotStudy) -> Iterator[Block]:
    """The head that trains the encoder's last block, where it was asked for."""
    found = study.fine_tuned
    if found is None:
        return
    yield Text(
        "The first of the episodes again, where the encoder's last block too is trained on each support. There is no "
        "interval by patient."
    )
    metrics = _metrics(found, max(found.episodes))
    groups = [
        Group(f"{at(shots)}, {len(episodes)} episodes", _rows(_heads_of(found, TRAINED, shots), metrics))
        for shots, episodes in found.episodes.items()
    ]
    columns = ("head", *(heading(name, found.positive) for name in metrics))
    yield Table("Fine-tuning, and heads on the same episodes", columns, tuple(groups))


def confusion(result: FewShotResult) -> Iterator[Block]:
    """What is taken for what."""
    yield Text("Of each true class (rows), the share that was answered as each class (columns), over all episodes.")
    settings = [setting for setting in result.scores if setting.space == TRAINED]
    if len(settings) * len(result.classes) ** 2 > MANY_CELLS:
        settings = [setting for setting in settings if setting.head == settings[0].head]
        yield Text("With so many classes only the first head is shown; result.json has the others.")
    first, largest = settings[0].head, max(result.episodes)
    yield Tables((_confusion_table(result, Setting(TRAINED, first, largest)),))
    for shots in result.episodes:
        rest = [setting for setting in settings if setting.shots == shots and setting[1:] != (first, largest)]
        if rest:
            title = f"{at(shots)}: the other heads" if shots == largest else at(shots)
            yield Fold(title, (Tables(tuple(_confusion_table(result, setting) for setting in rest)),))


def _score_tables(result: FewShotResult, shots: int, asked: str) -> Iterator[Block]:
    """Every head in every space at a number of shots."""
    episodes, metrics = result.episodes[shots], _metrics(result, shots)
    caption = (
        f"{episodes.n_way}-way, {support(episodes)}; {len(episodes)} episodes of {episodes.query.shape[1]} films, "
    )
    caption += f"{asked}; chance {number(1 / episodes.n_way)}{'' if episodes.balanced else ' of balanced accuracy'}"
    columns = ("head", *(heading(name, result.positive) for name in metrics))
    groups = list(_score_groups(result, shots, metrics))
    yield from long_table(caption, columns, groups, lambda group: group.name.startswith(TRAINED))


def _score_groups(result: FewShotResult, shots: int, metrics: Sequence[str]) -> Iterator[Group]:
    titles = {TRAINED: "trained encoder", UNTRAINED: "untrained network"}
    for space in dict.fromkeys(setting.space for setting in result.scores):
        found = _heads_of(result, space, shots)
        yield Group(titles.get(space, space), _rows(found, metrics))
        if space in (UNTRAINED, OTHER):
            gains = result.difference(TRAINED, space)
            rows = [Row(head, tuple(estimate_cell(gains[head, shots][name]) for name in metrics)) for head in found]
            yield Group(f"{TRAINED} minus {space}, paired", tuple(rows))


def _heads_of(result: FewShotResult, space: str, shots: int) -> dict[str, HeadScores]:
    return {s.head: found for s, found in result.scores.items() if (s.space, s.shots) == (space, shots)}


def _rows(found: dict[str, HeadScores], metrics: Sequence[str]) -> tuple[Row, ...]:
    return tuple(
        Row(head, tuple(estimate_cell(each.estimate(name)) for name in metrics)) for head, each in found.items()
    )


def _metrics(result: FewShotResult, shots: int) -> list[str]:
    """The metrics to show: balanced accuracy is left out where every episode is balanced, being accuracy there."""
    every = [found.values for setting, found in result.scores.items() if setting.shots == shots]
    same = all(np.allclose(values["accuracy"], values["balanced_accuracy"]) for values in every)
    return [name for name in result.metrics if name != "balanced_accuracy" or not same]


def _has_patients(result: FewShotResult) -> bool:
    """Whether there are intervals by patient."""
    return any(found.replicates is not None for found in result.scores.values())


def _difference_row(name: str, found: Difference, patients: bool) -> Row:
    words = [ends(found.patient) or "–", p_value(found.patient_p)] if patients else []
    words += [ends(found.episode, "()") or "–", p_value(found.episode_p)]
    return Row(name, (Cell(number(found.mean, signed=True)), *(Cell("", text) for text in words)))


def _confusion_table(result: FewShotResult, setting: Setting) -> Table:
    counts = result.scores[setting].confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = tuple(
        Row(name, tuple(Cell(number(float(share), digits=2), share=float(share)) for share in row))
        for name, row in zip(result.classes, shares, strict=True)
    )
    return Table(f"{setting.head}, {at(setting.shots)}", ("truth", *result.classes), (Group("", rows),))
