"""What the audit says of pictures that stand more than once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from embedlearn.audits.films import SIDE, AuditedFilms
from embedlearn.audits.findings import Chapter, Finding
from embedlearn.audits.twins.counting import (
    Shared,
    class_names,
    contradicting,
    count_shared,
    divided,
    exact_groups,
    shared_groups,
)
from embedlearn.audits.twins.keeping import kept_films
from embedlearn.audits.twins.pictures import SAME, Pictures
from embedlearn.audits.twins.sheet import pictures_block
from embedlearn.pages.blocks import Block, Cell, Fold, Group, Row, Table, Text
from embedlearn.pages.numbers import percent

if TYPE_CHECKING:
    import pandas as pd

KEY, TITLE = "twins", "The same picture twice"
HOW = "counted over all films; no interval"
METHOD = (
    f"Films are the same at {SIDE} pixels where they have the same shape and, shrunk to the audit's square, the same "
    "pixels (SHA-1); blank and nearly blank ones are left alone. Near ones were proposed by a perceptual hash and by "
    "their low frequencies, whole and cropped, then laid upon each other (shift, scale, turn) and accepted where "
    f"three fifths of the tiles correlate by more than {SAME:.2f} in their detail: other brightness, contrast, "
    "margins, marks or crops do not hinder it, and two films of one patient hardly ever pass. Films that a chain of "
    "pairs joins count as one picture, and pairs are counted as all pairs of its films."
)
LIMITS = (
    "How many copies that were made for the purpose it finds: all of those saved as JPEG of quality 30, shrunk to 120 "
    "or to 64 pixels, or turned by 5 degrees; .74 of those of 120 pixels and JPEG 30 together, .73 of those cut to "
    "90 % as well, .69 of those turned by 8 degrees, none of 28 pixels. The threshold was set on the sample that it "
    "was judged by. Not looked for: mirrored or negative copies, copies turned by a quarter, and crops of much less "
    "than two thirds of a side. That nothing was found does not show that nothing is there."
)


def twins_chapter(audited: AuditedFilms, pictures: Pictures, *, show: bool) -> Chapter:
    """Copies within sources and across, by class, label, patient and split; `show` puts films into the page."""
    shared = count_shared(audited.frame["source"], pictures)
    blocks: list[Block] = [Text(METHOD), Text(LIMITS)]
    if len(pictures.pairs):
        blocks += [_source_table(shared), _class_table(audited.frame, pictures)]
        if show:
            blocks.append(Fold("Films side by side, the least alike first", (pictures_block(audited, pictures),)))
    findings = (
        *_pairs_told(shared, pictures),
        *_across_told(shared, audited, pictures),
        *_divided_told(audited.frame, pictures),
        _kept_told(audited.frame, pictures),
    )
    return Chapter(KEY, TITLE, findings, blocks=tuple(blocks), data=_plain(shared, pictures))


def _pairs_told(shared: Shared, pictures: Pictures) -> Iterator[Finding]:
    exactly = exact_groups(pictures)
    again, copied = (np.bincount(group)[group] for group in (pictures.group, exactly))
    for name, pairs, films, are in (
        ("exact", shared.exact, copied > 1, f"the same at {SIDE} pixels"),
        ("near", shared.pairs - shared.exact, again > copied,
         "the same picture but for size, crop, brightness or marks"),
    ):  # fmt: skip
        count, across = int(np.triu(pairs).sum()), int(np.triu(pairs, 1).sum())
        sentence = (
            f"{count:,} pairs of films are {are}, {across:,} of them from different sources ({films.sum():,} films of "
            f"{len(np.unique(pictures.group[films])):,} pictures)."
            if count
            else f"No two films were found to be {are}."
        )
        yield Finding(
            f"twins.{name}", "note" if count else "fine", sentence, "pairs", float(count), how=HOW, films=len(films)
        )


def _across_told(shared: Shared, audited: AuditedFilms, pictures: Pictures) -> Iterator[Finding]:
    source = audited.frame["source"].to_numpy(dtype=str)
    groups = shared_groups(pictures)
    across = sum(len(set(source[films])) > 1 for films in groups)
    within = int(np.trace(shared.pictures))
    surplus = sum(len(films) - len(set(source[films])) for films in groups)
    many = len(pictures.group)
    sentence = (
        f"{within:,} pictures stand more than once within a source, {surplus:,} films too many: "
        "a split by film, and where names hide it a split by patient, would test on what it trained on."
        if within
        else "No source holds a picture twice."
    )
    yield Finding(
        "twins.within", "warning" if within else "fine", sentence, "pictures", float(within), how=HOW, films=many
    )
    if len(shared.sources) < 2:
        return
    most = max(_couples(shared), key=lambda couple: couple[2], default=None)
    sentence = (
        f"{across:,} pictures stand in more than one source (most in {most[0]} and {most[1]}: {most[2]:,}): training "
        "on one source and testing on another would test on what was trained on."
        if across and most
        else "No picture stands in more than one source."
    )
    yield Finding(
        "twins.across", "warning" if across else "fine", sentence, "pictures", float(across), how=HOW, films=many
    )


def _divided_told(frame: pd.DataFrame, pictures: Pictures) -> Iterator[Finding]:
    """Shared pictures whose films differ in what they should share, or must not."""
    own_patient = (frame["source"].astype("string") + "/" + frame["patient"].astype("string")).astype("string")
    yield _told(
        "labels", "warning", contradicting(frame, pictures), "labelled differently",
        "at most one of the labels is right", len(frame),
    )  # fmt: skip
    if frame["split"].nunique() > 1:
        yield _told(
            "splits", "warning", divided(frame["split"], pictures), "in more than one split",
            "what is tested on was trained on", len(frame),
        )  # fmt: skip
    found = [films for films in divided(own_patient, pictures) if _one_source_twice(frame, own_patient, films)]
    if own_patient.notna().any():
        yield _told(
            "patients", "warning", found, "named after two patients of one source",
            "grouping by patient does not keep them together", len(frame),
        )  # fmt: skip


def _one_source_twice(frame: pd.DataFrame, patient: pd.Series, films: Any) -> bool:
    """Whether one source gives the films of a picture to several patients."""
    part = frame.iloc[films].assign(_patient=patient.iloc[films].to_numpy(object))
    return bool((part.groupby("source")["_patient"].nunique() > 1).any())


def _told(name: str, level: Any, found: list[Any], are: str, so: str, films: int) -> Finding:
    count = len(found)
    sentence = f"{count:,} shared pictures are {are}: {so}." if count else f"No shared picture is {are}."
    return Finding(
        f"twins.{name}", level if count else "fine", sentence, "pictures", float(count), how=HOW, films=films
    )


def _kept_told(frame: pd.DataFrame, pictures: Pictures) -> Finding:
    many, kept = len(frame), int(kept_films(frame, pictures).sum())
    out = contradicting(frame, pictures)
    sentence = (
        f"One film of each picture would leave {kept:,} of {many:,} films ({percent((many - kept) / many)} less)"
        + (f"; those labelled differently are left out: {len(out):,} ({sum(map(len, out)):,} films)." if out else ".")
    )
    return Finding(
        "twins.kept", "fine" if kept == many else "note", sentence, "films", float(kept), how=HOW, films=many
    )


def _couples(shared: Shared) -> list[tuple[str, str, int]]:
    names = shared.sources
    return [
        (names[a], names[b], int(shared.pictures[a, b])) for a in range(len(names)) for b in range(a + 1, len(names))
    ]


def _source_table(shared: Shared) -> Table:
    """Pictures that two sources share; on the diagonal those that one holds more than once."""
    rows = []
    for place, name in enumerate(shared.sources):
        films = max(int(shared.films[place]), 1)
        cells = [
            Cell(f"{shared.pictures[place, other]:,}", below=f"{shared.pairs[place, other]:,} pairs",
                 share=float(min(1.0, shared.pictures[place, other] / films)))
            for other in range(len(shared.sources))
        ]  # fmt: skip
        alone = Cell(f"{shared.films[place] - shared.repeated[place]:,}", below=f"of {shared.films[place]:,} films")
        rows.append(Row(name, (*cells, alone)))
    caption = "Shared pictures, and pairs of films that are one; on the diagonal within a source"
    return Table(caption, ("", *shared.sources, "stand once"), (Group("", tuple(rows)),))


def _class_table(frame: pd.DataFrame, pictures: Pictures) -> Table:
    """By class: films, those whose picture stands elsewhere too, and how many pictures would be kept."""
    first, names = kept_films(frame, pictures), class_names(frame)
    repeated = np.bincount(pictures.group)[pictures.group] > 1
    rows = []
    for name in sorted(names.unique()):
        of = (names == name).to_numpy(bool)
        films, again, kept = int(of.sum()), int((of & repeated).sum()), int((of & first).sum())
        cells = (Cell(f"{films:,}"), Cell(f"{again:,}", percent(again / films), share=again / films), Cell(f"{kept:,}"))
        rows.append(Row(name, cells))
    return Table("Shared pictures by class", ("", "films", "shared", "kept"), (Group("", tuple(rows)),))


def _plain(shared: Shared, pictures: Pictures) -> dict[str, Any]:
    return {
        "sources": list(shared.sources), "pictures": shared.pictures.tolist(), "pairs": shared.pairs.tolist(),
        "films": shared.films.tolist(), "shared_films": shared.repeated.tolist(), "threshold": SAME,
        "exact": shared.exact.tolist(),
    }  # fmt: skip
