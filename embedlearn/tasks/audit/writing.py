"""What an audit leaves behind: the printed findings, one page, figures, numbers, and manifests with twins named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from embedlearn.audits.findings import Chapter, Finding
from embedlearn.audits.twins import deduplicated, save_sheet, with_pictures
from embedlearn.console import say
from embedlearn.files import replacing, write_json, write_text, written_before
from embedlearn.flags import as_plain
from embedlearn.pages.blocks import Block, Box, Cell, Fold, Group, Pictures, Row, Section, Table, Text, drawn, render
from embedlearn.pages.numbers import number
from embedlearn.provenance import describe_software
from embedlearn.radiographs.manifest import Manifest
from embedlearn.tasks.audit.flags import Audit
from embedlearn.tasks.audit.gathering import LEARNT, Asked

FORMAT = "embedlearn-audit-1"
PAGE, RECORD, TABLE = "audit.html", "audit.json", "findings.csv"
NAMED, KEPT, SHEET = "manifest.csv", "deduplicated.csv", "twins.png"
JUDGED = ("case", "class", "sha256", LEARNT)  # columns that are the audit's own
WIDTH = 120  # of the printed table where there is no terminal
LEVELS = {"warning": "Warning", "note": "Note"}
RESEARCH_ONLY = "Research use only: nothing here is fit for diagnosis."


def print_findings(chapters: Sequence[Chapter]) -> None:
    """Print every finding, chapter by chapter, warnings marked."""
    from rich.console import Console
    from rich.table import Table as Printed
    from rich.text import Text as Words

    printed = Printed("", "finding", "", show_lines=False)
    for chapter in chapters:
        printed.add_section()
        for place, finding in enumerate(chapter.findings):
            level = finding.level if finding.level == "warning" else ""
            words = Words(finding.sentence, style="bold" if level else "")
            printed.add_row(Words(chapter.title if place == 0 else ""), words, Words(level))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(printed)
    worrying = sum(finding.level == "warning" for chapter in chapters for finding in chapter.findings)
    say(f"{worrying} warnings; {RESEARCH_ONLY}")


def write_report(out: Path, asked: Asked, chapters: Sequence[Chapter], settings: Audit) -> list[str]:
    """Write all files of an audit into the folder `out`, and take away an earlier one's others; their names.

    Raises `StorageError`.
    """
    earlier = written_before(out / RECORD, FORMAT)
    written = [PAGE, RECORD, TABLE, NAMED, KEPT]
    for chapter in chapters:
        for name, shown in chapter.figures.items():
            shown.picture.save(out / f"{name}.png")
            written.append(f"{name}.png")
    if settings.show and len(asked.pictures.pairs):
        save_sheet(out / SHEET, asked.whole, asked.pictures)
        written.append(SHEET)
    _write_manifests(out, asked)
    _write_table(out / TABLE, chapters)
    write_json(out / RECORD, {**_plain(asked, chapters, settings), "written": written})
    write_text(out / PAGE, render(_title(asked), _lead(asked), list(_sections(asked, chapters, settings))))
    for name in set(earlier) - set(written):
        (out / name).unlink(missing_ok=True)
    return written


def _write_manifests(out: Path, asked: Asked) -> None:
    """All films, those that show the same under one name in the column `picture`; and one film of each picture."""
    for name, write in ((NAMED, with_pictures), (KEPT, deduplicated)):
        frame = write(asked.whole.frame, asked.pictures)
        Manifest(frame.drop(columns=list(JUDGED), errors="ignore")).save(out / name)


def _write_table(path: Path, chapters: Sequence[Chapter]) -> None:
    findings = [dataclasses.asdict(finding) for chapter in chapters for finding in chapter.findings]
    with replacing(path) as beside:
        pd.DataFrame(findings).to_csv(beside, index=False, float_format="%.6g")


def _plain(asked: Asked, chapters: Sequence[Chapter], settings: Audit) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "films": len(asked.whole),
        "judged": int(asked.judged.sum()),
        "classes": sorted(set(asked.whole.frame["class"].dropna())),
        "positive": asked.positive,
        "encoder": asked.network.saved.digest if asked.network else None,
        "manifest": Manifest(asked.whole.frame).digest(),
        "settings": as_plain(settings),
        "software": describe_software(),
        "notes": list(asked.notes),
        "findings": [dataclasses.asdict(finding) for chapter in chapters for finding in chapter.findings],
        "chapters": {chapter.key: dict(chapter.data) for chapter in chapters},
    }


def _title(asked: Asked) -> str:
    return f"Audit: {', '.join(sorted(set(asked.whole.frame['source'])))}"


def _lead(asked: Asked) -> str:
    frame = asked.whole.frame
    classes = ", ".join(sorted(set(frame["class"][asked.judged])))
    return (
        f"What a score on these {len(frame):,} films of {frame['case'].nunique():,} cases is worth: {classes}, told "
        f"from {int(asked.judged.sum()):,} of them."
    )


def _sections(asked: Asked, chapters: Sequence[Chapter], settings: Audit) -> Iterator[Section]:
    yield Section("summary", "Summary", tuple(_summary(chapters)))
    for chapter in chapters:
        yield Section(chapter.key, chapter.title, tuple(_told(chapter)))
    yield Section("provenance", "Numbers and provenance", tuple(_provenance(asked, chapters, settings)))


def _summary(chapters: Sequence[Chapter]) -> Iterator[Block]:
    findings = [finding for chapter in chapters for finding in chapter.findings]
    warnings = [finding for finding in findings if finding.level == "warning"]
    fine = sum(finding.level == "fine" for finding in findings)
    yield Text(f"{len(warnings)} warnings, {fine} of {len(findings)} findings are fine.")
    yield Box("Warning", RESEARCH_ONLY)
    for finding in warnings:
        yield Box(LEVELS["warning"], finding.sentence)


def _told(chapter: Chapter) -> Iterator[Block]:
    for finding in chapter.findings:
        label = LEVELS.get(finding.level)
        yield Box(label, finding.sentence) if label else Text(finding.sentence)
    for name, shown in chapter.figures.items():
        yield Pictures(shown.caption, drawn(shown.picture.svgs(name)))
    yield from chapter.blocks


def _provenance(asked: Asked, chapters: Sequence[Chapter], settings: Audit) -> Iterator[Block]:
    groups = tuple(Group(chapter.title, tuple(map(_row, chapter.findings))) for chapter in chapters)
    yield Table("Every finding", ("finding", "measure", "value", "95 % interval", "made by", "films"), groups)
    for note in asked.notes:
        yield Text(f"Note: {note}.")
    for title, values in (("Settings", as_plain(settings)), ("Software", describe_software())):
        rows = tuple(Row(str(name), (Cell(_words(value)),)) for name, value in values.items())
        yield Fold(title, (Table(title, ("name", "value"), (Group("", rows),), wordy=True),))


def _row(finding: Finding) -> Row:
    ends = "" if finding.low is None else f"[{number(finding.low)}, {number(finding.high)}]"
    films = "" if finding.films is None else f"{finding.films:,}"
    value = finding.value
    shown = "" if value is None else f"{value:,.0f}" if float(value).is_integer() else number(value)
    return Row(finding.key, tuple(map(Cell, (finding.measure, shown, ends, finding.how, films))))


def _words(value: object) -> str:
    """A setting as a person would write it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(inner)}" for name, inner in value.items()) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value)) or "–"
    return "–" if value in (None, "") else str(value)
