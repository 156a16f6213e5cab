"""The part of the page that says how far the answers can be trusted, and on which films they hang."""

from __future__ import annotations

from collections.abc import Iterator

from embedlearn.episodes.figures import (
    precision_recall_picture,
    rejection_picture,
    reliability_picture,
    roc_picture,
    supports_picture,
)
from embedlearn.episodes.page.cells import at, ends, estimate_cell
from embedlearn.episodes.page.films import FilmLister
from embedlearn.episodes.pool import TRAINED
from embedlearn.episodes.results import Calibration, FewShotResult, Setting
from embedlearn.episodes.study import FewShotStudy
from embedlearn.pages.blocks import Block, Cell, Fold, Group, Pictures, Row, Table, Text, drawn, long_table
from embedlearn.pages.numbers import number

RELIABILITY = ("ece", "nll", "brier")


def curves(result: FewShotResult) -> Iterator[Block]:
    """The positive class against the rest at every threshold."""
    if result.positive is None:
        return
    yield Text(
        f"{result.positive} against all others, all episodes pooled; the curves are of {at(max(result.episodes))}."
    )
    roc, precision = roc_picture(result), precision_recall_picture(result)
    yield Pictures("ROC; the legend has the mean AUC of an episode.", drawn(roc.svgs("roc")))
    yield Pictures("Precision by recall; the legend has the average precision.", drawn(precision.svgs("precision")))
    rows = []
    for head in dict.fromkeys(setting.head for setting in result.scores):
        found = [result.scores[Setting(TRAINED, head, shots)].curve for shots in result.episodes]
        rows.append(Row(head, tuple(Cell(number(curve.average_precision if curve else None)) for curve in found)))
    columns = ("head", *map(at, result.episodes))
    yield Table(f"Average precision of {result.positive}, trained encoder", columns, (Group("", tuple(rows)),))


def calibration(result: FewShotResult) -> Iterator[Block]:
    """Whether probabilities keep their word."""
    found = {s: scores.calibration for s, scores in result.scores.items() if s.space == TRAINED}
    mended = any(each.mended is not None for each in found.values())
    text = "ECE is the gap between a head's confidence and its share of right answers, NLL minus the logarithm of the "
    text += "true class's probability; less is better."
    if mended:
        text += " The temperature was fitted on films of the base classes, which are not in the pool."
    yield Text(text)
    columns = ["head"]
    for name in ("ECE", "NLL", "Brier"):
        columns += [name, f"{name}, mended"] if mended else [name]
    groups = [
        Group(at(shots), tuple(_calibration_row(s.head, each, mended) for s, each in found.items() if s.shots == shots))
        for shots in result.episodes
    ]
    columns += ["temperature"] if mended else []
    largest = at(max(result.episodes))
    caption = "Calibration, trained encoder"
    yield from long_table(caption, tuple(columns), groups, lambda group: group.name == largest)
    caption = (
        f"Share of right answers by confidence, {largest}; dots are as large as their share of films, and lie on the "
    )
    caption += "dotted line where a head keeps its word."
    yield Pictures(caption, drawn(reliability_picture(result).svgs("reliability")), small=True)


def unknown(study: FewShotStudy) -> Iterator[Block]:
    """Whether a class without examples is found strange."""
    if not study.unknown:
        return
    largest = max(setting.shots for setting in study.unknown)
    bounded = any(found.bound is not None for found in study.unknown.values())
    text = f"{study.plan.positive} is left out of the support, and its films should be found strange. AUROC: how often "
    text += "they are stranger than a known film; FPR95: how many are accepted where 95 % of the known are."
    if bounded:
        text += " The last two columns are at a bound that accepts 95 % of base films, not of these."
    yield Text(text)
    for shots in sorted({setting.shots for setting in study.unknown}, reverse=True):
        table = _unknown_table(study, shots, bounded)
        yield table if shots == largest else Fold(at(shots), (table,))
    caption = (
        f"Unknown films caught by known films accepted, {at(largest)}; the legend has the mean AUROC of an episode."
    )
    yield Pictures(caption, drawn(rejection_picture(study.unknown).svgs("rejection")))


def supports(study: FewShotStudy, films: FilmLister) -> Iterator[Block]:
    """How much hangs on which films were the examples."""
    if not study.supports:
        return
    count = len(next(iter(study.supports.values())).accuracy)
    yield Text(
        f"What {count} different supports make of {study.plan.support_head} on the trained encoder: balanced accuracy "
        "over all films of other patients. Medoids, the films nearest to their class's mean, take every label to find: "
        "they say what a well-chosen support could do."
    )
    rows = [
        Row(at(shots), tuple(Cell(number(float(value))) for value in (*found.quantiles, found.medoid_accuracy)))
        for shots, found in study.supports.items()
    ]
    columns = ("support", "worst", "5 %", "median", "95 %", "best", "medoids")
    yield Table("Balanced accuracy by support", columns, (Group("", tuple(rows)),))
    caption = "From the worst support to the best, and where nine of ten lie."
    yield Pictures(caption, drawn(supports_picture(study.supports).svgs("supports")))
    for shots, found in study.supports.items():
        listed = [
            films.of_support(f"{name}, {number(float(value))}", found.classes, found.label, chosen)
            for name, chosen, value in (
                ("best", found.best, found.accuracy.max()),
                ("worst", found.worst, found.accuracy.min()),
                ("medoids", found.medoid, found.medoid_accuracy),
            )
        ]
        yield Fold(f"{at(shots)}: films of the best and the worst support, and the medoids", tuple(listed))


def leakage(study: FewShotStudy) -> Iterator[Block]:
    """What not heeding patients would have added."""
    gaps = study.leakage()
    if not gaps:
        return
    yield Text(
        "Accuracy in episodes where support and query may share a patient, minus that of this study: what carelessness "
        "would have reported on top. ( ) 95 % interval over episodes, unpaired."
    )
    rows = []
    for head in study.plan.heads:
        found = [gaps[head, shots] for shots in study.result.episodes]
        rows.append(Row(head, tuple(Cell(number(gap.mean, signed=True), ends(gap, "()")) for gap in found)))
    columns = ("head", *map(at, study.result.episodes))
    yield Table("Naive minus patient-disjoint accuracy, trained encoder", columns, (Group("", tuple(rows)),))


def extremes(study: FewShotStudy, films: FilmLister) -> Iterator[Block]:
    """The films of the episodes that were answered best and worst."""
    shots, head = max(study.result.episodes), study.plan.support_head
    episodes = study.result.episodes[shots]
    accuracy = study.result.scores[Setting(TRAINED, head, shots)].values["accuracy"]
    text = f"By accuracy of {head} on the trained encoder, {at(shots)}; numbered as in episodes-{shots}.parquet. "
    if films.thumbnails:
        text += "Films are shown because that was asked for. They may identify patients, and so may file names."
    else:
        text += "Films are not shown, since they may identify patients; file names may, too."
    yield Text(text)
    for kind, chosen in zip(("Best", "Worst"), study.extremes(shots), strict=True):
        for episode in map(int, chosen):
            title = f"{kind}: episode {episode}, accuracy {number(float(accuracy[episode]))}"
            yield Fold(title, (films.of_episode(episodes, episode),))


def _calibration_row(head: str, found: Calibration, mended: bool) -> Row:
    sides = (found.raw, found.mended) if mended else (found.raw,)
    cells = [Cell(number(getattr(side, name) if side else None)) for name in RELIABILITY for side in sides]
    if mended:
        cells.append(Cell("–" if found.temperature is None else f"{found.temperature:.2f}"))
    return Row(head, tuple(cells))


def _unknown_table(study: FewShotStudy, shots: int, bounded: bool) -> Table:
    groups = []
    for space in dict.fromkeys(setting.space for setting in study.unknown):
        rows = []
        for setting, found in study.unknown.items():
            if (setting.space, setting.shots) == (space, shots):
                numbers = [found.pooled.fpr95]
                numbers += [found.pooled.unknown_caught, found.pooled.known_rejected] if bounded else []
                rows.append(Row(setting.measure, (estimate_cell(found.auroc), *(Cell(number(n)) for n in numbers))))
        groups.append(Group(space, tuple(rows)))
    columns = ("strangeness", "AUROC", "FPR95", *(("unknown caught", "known turned away") if bounded else ()))
    return Table(f"{study.plan.positive} unknown, {at(shots)}", columns, tuple(groups))
