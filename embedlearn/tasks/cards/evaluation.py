"""The evaluation section of a model card: what `fewshot`, the findings and `explain check` left in the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from embedlearn.pages.numbers import number
from embedlearn.tasks.cards.facts import FEWSHOT, FINDINGS, WRONG, Facts
from embedlearn.tasks.cards.notes import OF_EPISODES, known_notes
from embedlearn.tasks.cards.start import unseen
from embedlearn.tasks.cards.words import bullets, clean, counted, interval, listed, table

TRAINED = "trained"
METRICS = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
SQUARE = "In square brackets the 95 % interval by patient: how far the mean would move had other patients been tested."
ROUND = (
    "In round brackets, of what has none by patient, the 95 % interval by episode: how far it would move had other "
    "episodes been drawn of the same films, which says nothing of other patients."
)
NOT_YET = (
    "Not evaluated, as far as this folder tells: `python -m embedlearn.fewshot --run FOLDER` fills this section in."
)


def evaluation_section(facts: Facts) -> list[str]:
    """The lines of the section; a file of a wrong form is told as one."""
    lines = _readable(_fewshot, facts, FEWSHOT) if facts.evaluation else [NOT_YET, ""]
    if facts.findings:
        lines += _readable(_findings, facts, FINDINGS)
    if facts.checked:
        lines += ["Maps of what speaks for an answer (`explain check`):", "", *bullets(map(clean, facts.checked))]
    return lines


def _readable(section: Callable[[Facts], list[str]], facts: Facts, file: str) -> list[str]:
    try:
        return section(facts)
    except WRONG:
        return [f"`{file}` is not of the form that this card reads: what it says is not known here.", ""]


def _fewshot(facts: Facts) -> list[str]:
    result = facts.evaluation or {}
    rows = [row for row in result["scores"] if row["queries"] == result["scores"][0]["queries"]]
    shots = list(dict.fromkeys(row["shots"] for row in rows))
    first = next(row["head"] for row in rows if row["space"] == TRAINED)
    pool = [
        f"{name} ({counted(count['films'], 'film')} of {counted(count['cases'], 'case')})"
        for name, count in result["pool"].items()
    ]
    settings, ways = result["settings"], len(result["classes"])
    ways = settings.get("ways") or ways
    return [
        f"Few-shot classification of films that {unseen(facts)}: {listed(pool)}. {settings['episodes']:,} episodes of "
        f"{counted(ways, 'class', 'classes')} for each number of examples, {rows[0]['queries']} queries; chance is "
        f"{number(1 / ways)}. {_brackets(result)}",
        "",
        *_accuracy(rows, shots, first),
        "The untrained network has the same shape and random weights. The probes see no lungs: the border probe the "
        "film's outer ring, the header probe the file's size, mode and bytes. What they reach too is no evidence of "
        "disease.",
        "",
        *_positive(rows, shots[-1], first, result["positive"]),
        *bullets(_beside(result, shots[-1], first)),
        *_told(facts, result),
    ]  # fmt: skip


def _brackets(result: Mapping[str, Any]) -> str:
    """What the brackets of the intervals say, of those kinds that there are."""
    told = [*result["scores"], *result.get("differences", []), *result.get("unknown", [])]
    by_patient = {row.get("patient_low") is not None for row in told}
    return " ".join([SQUARE] * (True in by_patient) + [ROUND] * (False in by_patient))


def _accuracy(rows: list[dict[str, Any]], shots: list[int], first: str) -> list[str]:
    """Accuracy by number of examples: every head of the encoder, the first head of what it is compared with."""
    cells = {(row["space"], row["head"], row["shots"]): interval(row) for row in rows if row["metric"] == "accuracy"}
    pairs = dict.fromkeys((space, head) for space, head, _ in cells if space == TRAINED or head == first)
    ordered = sorted(pairs, key=lambda pair: pair[0] != TRAINED)
    body = [
        (head if space == TRAINED else f"{head}, {_space(space)}", *(cells.get((space, head, k), "–") for k in shots))
        for space, head in ordered
    ]
    return table(("accuracy", *(counted(k, "example") + " a class" for k in shots)), body)


def _positive(rows: list[dict[str, Any]], shots: int, first: str, positive: str | None) -> list[str]:
    """How well one class is told from the others, by the first head at so many examples."""
    cells = {
        (row["space"], row["metric"]): interval(row) for row in rows if (row["head"], row["shots"]) == (first, shots)
    }
    metrics = [name for name in METRICS if (TRAINED, name) in cells]
    if not metrics or positive is None:
        return []
    spaces = dict.fromkeys(space for space, _ in cells)
    body = [
        ("this encoder" if space == TRAINED else _space(space), *(cells.get((space, name), "–") for name in metrics))
        for space in spaces
    ]
    heading = f"{clean(positive)}, {first}, {counted(shots, 'example')} a class"
    return table((heading, *(METRICS[name] for name in metrics)), body)


def _beside(result: Mapping[str, Any], shots: int, first: str) -> Iterator[str]:
    """What stands beside the tables, of the first head at the most examples."""
    for row in result.get("differences", []):
        if (row["head"], row["shots"], row["metric"]) == (first, shots, "accuracy"):
            p = "" if row.get("patient_p") is None else f", p {number(row['patient_p'])} by patient"
            yield f"Accuracy, {row['space']}, {first}, {counted(shots, 'example')}: {interval(row, signed=True)}{p}."
    for row in result.get("calibration", []):
        if (row["space"], row["head"], row["shots"]) == (TRAINED, first, shots) and row.get("mended_ece") is not None:
            yield (
                f"Calibration error of its probabilities, {first}: {number(row['raw_ece'])} as they come, "
                f"{number(row['mended_ece'])} at the temperature fitted on validation films."
            )
    for row in result.get("unknown", []):
        if (row["space"], row["measure"], row["shots"]) == (TRAINED, first, shots):
            yield (
                f"Left out of the examples, {clean(result['positive'])} is found strange with an AUROC of "
                f"{interval(row, 'auroc')}."
            )
    for row in result.get("supports", []):
        if row["shots"] == shots:
            worst, middle, best = (number(row["quantiles"][name]) for name in ("worst", "median", "best"))
            yield (
                f"Which examples are at hand matters: balanced accuracy {worst} with the worst of those tried, "
                f"{middle} with the middle, {best} with the best."
            )


def _told(facts: Facts, result: Mapping[str, Any]) -> list[str]:
    """What the evaluation warned of and noted."""
    data, rows = facts.config["data"], result["scores"]
    names = {*result["classes"], *facts.sources, *data["labels_seen"], *data["labels_never_seen"]}
    names |= {row[name] for row in rows for name in ("head", "space")}
    told = known_notes([*result.get("warnings", []), *result.get("notes", [])], OF_EPISODES, names, FEWSHOT)
    return ["What the evaluation itself warned of and noted:", "", *told] if told else []


def _space(name: str) -> str:
    return {"untrained": "untrained network"}.get(name, clean(name))


def _findings(facts: Facts) -> list[str]:
    rows = [
        (clean(row["finding"]), clean(row["scores"]), *(number(_float(row[name])) for name in ("auc", "low", "high")))
        for row in facts.findings
    ]
    heads = ("finding", "told by", "AUC", "95 % from", "to")
    return ["Findings of the run's own test films:", "", *table(heads, rows)]


def _float(text: str) -> float | None:
    return float(text) if text else None
