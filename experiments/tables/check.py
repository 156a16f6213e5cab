"""Whether maps can be trusted: what `explain check` found, a column a method."""

from __future__ import annotations

from embedlearn.explanations.checks.report import load_verdicts
from embedlearn.explanations.checks.verdict import BEYOND, Verdict, written
from embedlearn.pages.numbers import number
from experiments.tables.markdown import interval, table
from experiments.tables.store import Store

FILE = "check.json"
SMALL = 0.0005  # what three decimals cannot show
WORDS = {
    "completeness, float32": "completeness: the map and its constant miss the score by, float32",
    "completeness, float64": "the same in float64",
    "randomisation": "randomised weights: likeness to the trained network's maps, beyond chance",
    "insertion-deletion, blur": "insertion less deletion, blur",
    "insertion-deletion, mean": "insertion less deletion, mean grey",
    "ROAD": "ROAD: least less most relevant removed",
    "repeatability": "likeness to another seed's map of the same film",
    "repeatability, own film": "... beyond that to its maps of other films",
    "lesions, energy": "*lesions* planted in phantoms: evidence in them less their share of the area",
    "lesions, pointing": "... greatest value in them less that share",
    "lesions, own place": "... in the film's own less in other patients'",
    "border": "*border*: evidence less its share of the area",
    "corners": "*corners*: evidence less their share of the area",
    "lungs, masks": "*lungs*, films with masks: evidence less their share of the area",
    "lungs, boxes": "*lungs*, films with boxes: evidence less their share of the area",
}


def verdicts(store: Store) -> str:
    """Every check with what was wanted, what each method's maps got, and on how many films; in bold, what failed."""
    found, _ = load_verdicts(store.results / FILE)
    methods = list(dict.fromkeys(each.method for each in found))
    lines = [["check", "wanted", *methods, "films"]]
    for check in dict.fromkeys(each.check for each in found):
        asked = {each.method: each for each in found if each.check == check}
        first = next(iter(asked.values()))
        cells = [_cell(asked[method]) if method in asked else "–" for method in methods]
        words = "... beyond a map of the film's middle" if check.endswith(BEYOND) else WORDS.get(check, check)
        lines.append([words, first.wanted, *cells, str(max(each.n for each in asked.values()))])
    return table(lines)


def _cell(verdict: Verdict) -> str:
    if verdict.passed is None:
        return "not asked"
    value = written(verdict.value) if 0 < abs(verdict.value) < SMALL else number(verdict.value)
    words = f"{value} {interval(verdict.low, verdict.high)}".strip()
    return words if verdict.passed else f"**{words}**"
