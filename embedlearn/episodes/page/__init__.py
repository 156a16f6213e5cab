"""`report.html`: a study as one file for people, with all that it takes to judge it; it fetches and runs nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embedlearn.episodes.cautions import cautions
from embedlearn.episodes.page import scores, trust
from embedlearn.episodes.page.films import FilmLister
from embedlearn.episodes.page.summary import summary
from embedlearn.episodes.pool import Pool
from embedlearn.episodes.study import FewShotStudy
from embedlearn.files import write_text
from embedlearn.pages.blocks import Block, Box, Cell, Fold, Group, Row, Section, Table, Text, render
from embedlearn.provenance import describe_software

RESEARCH_ONLY = "Research use only: nothing here is fit for diagnosis."


def write_page(
    path: Path, study: FewShotStudy, pool: Pool, settings: Mapping[str, Any], *, thumbnails: bool = False
) -> None:
    """Write the page of a study, whole or not at all. `thumbnails`: whether to show films, which may identify patients.

    Raises `StorageError`.
    """
    result, positive = study.result, study.plan.positive
    films = FilmLister(pool.frame["path"].to_numpy(str).tolist(), thumbnails)
    contents: tuple[tuple[str, str, Iterable[Block]], ...] = (
        ("summary", "Summary", _summary(study, pool)),
        ("scores", "Scores", scores.scores(study)),
        ("heads", "The heads against the first", scores.against_first(study)),
        ("shots", "Accuracy in one picture", scores.by_shots(result)),
        ("queries", "Other queries", scores.other_queries(study)),
        ("fine-tuning", "Fine-tuning the encoder", scores.fine_tuned(study)),
        ("confusion", "Confusion", scores.confusion(result)),
        ("curves", f"Finding {positive}", trust.curves(result)),
        ("calibration", "Calibration", trust.calibration(result)),
        ("unknown", f"When {positive} is unknown", trust.unknown(study)),
        ("supports", "Which examples", trust.supports(study, films)),
        ("leakage", "What leakage would have added", trust.leakage(study)),
        ("episodes", "Best and worst episodes", trust.extremes(study, films)),
        ("provenance", "Settings and provenance", _provenance(pool, settings, films)),
    )
    sections = [Section(key, title, tuple(blocks)) for key, title, blocks in contents]
    write_text(path, render(f"Few-shot study: {', '.join(result.classes)}", _lead(study, pool), sections))


def _lead(study: FewShotStudy, pool: Pool) -> str:
    episodes = study.result.episodes
    *others, last = map(str, episodes)
    given = f"{', '.join(others)}{' or ' if others else ''}{last} labelled films a class go"
    if any(len(set(each.shots)) > 1 for each in episodes.values()):
        given = "a few labelled films go"
    return f"How far {given}, tried on {len(pool.frame)} films of {pool.frame['case'].nunique()} cases."


def _summary(study: FewShotStudy, pool: Pool) -> Iterator[Block]:
    for sentence in summary(study):
        yield Text(sentence)
    yield Box("Warning", RESEARCH_ONLY)
    for line in dict.fromkeys((*cautions(study, pool), *study.notes)):
        label, _, words = line.partition(": ")
        if label not in ("warning", "note"):
            label, words = "note", line
        yield Box(label.capitalize(), words.rstrip(".") + ".")


def _provenance(pool: Pool, settings: Mapping[str, Any], films: FilmLister) -> Iterator[Block]:
    nameless = pool.nameless()
    rows = [
        Row(name, tuple(Cell("", str(number)) for number in (count["films"], count["cases"], nameless.get(name, 0))))
        for name, count in pool.counts().items()
    ]
    yield Table("The pool", ("class", "films", "cases", "naming no patient"), (Group("", tuple(rows)),))
    facts = {
        "encoder, SHA-256": pool.encoder,
        "classes it learnt": pool.learnt,
        "sources": sorted(set(map(str, pool.frame["source"]))),
        "base films": 0 if pool.base is None else len(pool.base.classes),
        "folder of the films": films.folder,
    }
    yield _table_of("Encoder and films", facts)
    if settings:
        yield Fold("Settings", (_table_of("Settings", settings),))
    yield Fold("Software", (_table_of("Software", describe_software()),))


def _table_of(caption: str, values: Mapping[str, Any]) -> Table:
    rows = tuple(Row(str(name), (Cell(_plain(value)),)) for name, value in values.items())
    return Table(caption, ("name", "value"), (Group("", rows),), wordy=True)


def _plain(value: Any) -> str:
    """A setting as a person would write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(inner)}" for name, inner in value.items()) or "–"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_plain, value)) or "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value in (None, "") else str(value)
