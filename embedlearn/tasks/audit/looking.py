"""What a run's encoder looks at: how much of the evidence for its answers lies in the lungs, at the border, on markers.

Evidence is read off the exact maps of its margins, why the class that a film is nearest to and not the next.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.audits.findings import Chapter, Finding, Level
from embedlearn.audits.markers import Marker, coverage
from embedlearn.audits.replicates import OVER_CASES
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.errors import EpisodeError, InexactError
from embedlearn.explanations.checks.borders import RING, absolute_shares, ring
from embedlearn.explanations.checks.lungs import LungFilms, ask_lungs
from embedlearn.explanations.checks.places import Floats, grid_of
from embedlearn.explanations.checks.question import Asked, CheckedFilms, CheckedNetwork, Question, draw_question
from embedlearn.explanations.checks.verdict import Verdict, mean_interval
from embedlearn.explanations.geometry import to_grid, to_square
from embedlearn.explanations.methods import named_method
from embedlearn.pages.blocks import Text
from embedlearn.pages.numbers import number, percent
from embedlearn.radiographs.manifest import class_of
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import upright_sides
from embedlearn.sources import Collection
from embedlearn.tasks.audit.corners import FEWEST, corners_data, corners_finding, corners_table, judge_corners
from embedlearn.tasks.audit.lookingview import looking_figures, told

TITLE = "What the model looks at"
EACH, QUERIES = 64, 160  # films of a class that are embedded, at most; about how many of all are asked about
REDUCED = 512  # pixels of the longer side of a film on which markers are laid out
EXACT = "exact"
MEANING = (
    "The score of a film's class over the next is an exact sum over the places of a map; evidence is what each place "
    "adds. Areas are shares of the map and are counted in its places, of which one that a region cuts counts in part: "
    "they are what the region would hold were evidence spread evenly over the places. The outermost places may be "
    "narrower or wider than the others, so that a region at the border may be more or less of the map than of the "
    "film. A place sees more of the film than itself, so evidence just beside a region may come from it."
)


def looking_chapter(
    saved: SavedEncoder,
    collection: Collection,
    classes: Sequence[str],
    *,
    lungs: Sequence[LungFilms],
    markers: Mapping[Path, tuple[Marker, ...]],
    device: torch.device,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Chapter:
    """Where the evidence lies for what the encoder says of the collection's films, which the run has not seen.

    `lungs` are films with outlines of their lungs, unseen too and their cases numbered with the collection's; `markers`
    are what is burned into those films that were looked at for them. Where fewer than two of `classes` have films
    enough, or the network's maps are not exact, the chapter says so. `progress(done, total)` counts steps. Raises
    `ImageError` for a film with markers that is gone.
    """
    network = CheckedNetwork(saved.encoder.to(device).eval(), saved.preprocessing)
    total = 3 + len(lungs)
    report = progress or (lambda done, total: None)
    report(0, total)
    rows, labels = _drawn(collection, classes, markers, seed)
    cases = collection.manifest.frame["case"].to_numpy(np.int64)[rows]
    try:
        question = draw_question(
            network, CheckedFilms(collection.films[rows], labels, cases), queries=QUERIES, seed=seed
        )
        report(1, total)
        asked = question.put_to(network)
        maps = asked.maps(named_method(EXACT))
    except (EpisodeError, InexactError) as error:
        return Chapter("looking", TITLE, (Finding("looking", "note", f"Not asked: {error}."),))
    report(2, total)
    row_of = dict(zip(cases.tolist(), rows.tolist(), strict=True))  # one film a case was drawn
    paths = [collection.manifest.paths[row_of[case]] for case in question.cases.tolist()]
    found = judge_corners(maps, question.first, question.cases, asked.inputs.shape[-1], network.lag)
    findings = [
        _at_border(asked, maps),
        corners_finding(found),
        _on_markers(asked, maps, paths, markers, saved.preprocessing),
    ]
    report(3, total)
    for done, outlined in enumerate(lungs, 4):
        (verdict,) = ask_lungs(network, outlined, question, {EXACT: named_method(EXACT)})
        findings.insert(done - 4, _in_lungs(outlined.name, verdict))
        report(done, total)
    return Chapter(
        "looking",
        TITLE,
        tuple(findings),
        looking_figures(findings, _mean_maps(question, maps), network.lag),
        (Text(_answers(question)), Text(MEANING), corners_table(found)),
        {
            "films": len(question.films),
            "answers": {name: question.first.count(name) for name in question.support},
            "corners": corners_data(found),
        },
    )


def _drawn(
    collection: Collection, classes: Sequence[str], markers: Mapping[Path, object], seed: int
) -> tuple[NDArray[np.int64], NDArray[np.str_]]:
    """Rows of at most `EACH` films of each class, one a case, and their classes.

    Of a case's films one that was looked at for markers is taken, where there is one.
    """
    frame = collection.manifest.frame
    named = np.array([class_of(label, classes) or "" for label in frame["label"]])
    looked = np.array([path in markers for path in collection.manifest.paths])
    lot = np.random.default_rng(seed).permutation(len(frame))
    lot = lot[np.argsort(~looked[lot], kind="stable")]
    _, first = np.unique(frame["case"].to_numpy()[lot], return_index=True)
    alone = lot[np.sort(first)]
    rows = np.sort(np.concatenate([alone[named[alone] == name][:EACH] for name in classes]).astype(np.int64))
    return rows, named[rows]


def _at_border(asked: Asked, maps: Floats) -> Finding:
    """The border ring, of all films alike."""
    covered = to_grid(ring(asked.inputs.shape[-1]), *grid_of(maps), asked.network.lag)
    shares = absolute_shares(maps, covered)
    words = f"The border ring (the outer {number(RING, digits=1)} of the side)"
    return _finding("border", words, shares, np.full(len(shares), covered.mean()), asked.cases, "")


def _on_markers(
    asked: Asked,
    maps: Floats,
    paths: Sequence[Path],
    markers: Mapping[Path, tuple[Marker, ...]],
    preprocessing: Preprocessing,
) -> Finding:
    """What is burned in, of those films that have something within what the encoder sees."""
    marked = [place for place, path in enumerate(paths) if markers.get(path)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        squares = list(pool.map(lambda place: _square(paths[place], markers[paths[place]], preprocessing), marked))
    covered = [to_grid(square, *grid_of(maps), asked.network.lag) for square in squares]
    seen = [(place, cover) for place, cover in zip(marked, covered, strict=True) if cover.any()]
    if len(seen) < FEWEST:
        looked = sum(path in markers for path in paths)
        words = f"Of {looked} films that were looked at for markers {len(seen)} have some in view: too few to tell."
        return Finding("looking.markers", "note", words, films=len(seen))
    shares = np.array([absolute_shares(maps[[place]], cover)[0] for place, cover in seen])
    areas = np.array([cover.mean() for _, cover in seen])
    cases = asked.cases[[place for place, _ in seen]]
    return _finding("markers", "What is burned in", shares, areas, cases, f" of the {len(seen)} films that have some")


def _square(path: Path, markers: tuple[Marker, ...], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """How much of each pixel of the encoder's square markers cover, float32 [S, S]."""
    height, width = upright_sides(path)
    scale = min(1.0, REDUCED / max(height, width))
    return to_square(coverage(markers, round(height * scale), round(width * scale)), preprocessing)


def _finding(
    key: str, words: str, shares: NDArray[np.float64], areas: NDArray[np.float64], cases: NDArray[np.int64], which: str
) -> Finding:
    """Of a region where evidence should not lie: `shares` of the evidence and of the area, float [N]."""
    found = mean_interval((shares - areas).round(6), cases)
    beyond, less = found.low is not None and found.low > 0, found.high is not None and found.high < 0
    level: Level = "warning" if beyond else "fine" if less else "note"
    more = {
        "warning": ": more than evidence that is spread evenly",
        "fine": "",
        "note": "; whether it is more or less than evenly spread evidence cannot be said",
    }[level]
    sentence = (
        f"{words}, {percent(float(areas.mean()))} of the map's places{which}, holds {percent(float(shares.mean()))} of "
        f"the evidence: {told(found.mean, found.low, found.high)} its places{more}."
    )
    return Finding(
        f"looking.{key}",
        level,
        sentence,
        "share beyond the area",
        found.mean,
        found.low,
        found.high,
        OVER_CASES,
        len(shares),
    )


def _in_lungs(name: str, verdict: Verdict) -> Finding:
    """The lungs, where evidence should lie."""
    key, words = f"looking.lungs.{name}", f"In films whose lungs are outlined by {name}"
    if verdict.passed is None:
        return Finding(key, "note", f"{words}: {verdict.sentence}.")
    ends = verdict.value, verdict.low, verdict.high
    less = verdict.high is not None and verdict.high <= 0
    level: Level = "fine" if verdict.passed else "warning" if less else "note"
    more = {
        "fine": "",
        "note": "; that it is more than evenly spread evidence is not shown",
        "warning": "; no more than evenly spread evidence, so that the answers do not rest on the lungs above all",
    }[level]
    sentence = f"{words} the positive evidence in the lungs is {told(*ends)} their places{more} ({verdict.sentence})."
    return Finding(key, level, sentence, "share beyond the area", *ends, OVER_CASES, verdict.n)


def _mean_maps(question: Question, maps: Floats) -> dict[str, NDArray[np.float64]]:
    """The mean of |evidence| of the films of each answer, as a share of all of it: float64 [h, w]."""
    size = np.abs(np.asarray(maps, np.float64))
    size /= np.maximum(size.sum((1, 2), keepdims=True), 1e-12)
    answers = np.array(question.first)
    return {name: size[answers == name].mean(0) for name in question.support if (answers == name).any()}


def _answers(question: Question) -> str:
    counts = ", ".join(f"{question.first.count(name)} {name}" for name in question.support)
    return f"Asked about {len(question.films)} films that the run has not seen, one a case. Its answers: {counts}."
