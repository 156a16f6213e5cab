"""`embedlearn audit`: chapter by chapter, from films to a report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.audits.card import card_chapter
from embedlearn.audits.confounding import confounding_chapter
from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.findings import Chapter
from embedlearn.audits.markers import Marker, find_all, markers_chapter, sample_films
from embedlearn.audits.origins import origins_chapter
from embedlearn.audits.patients import leaks_chapter
from embedlearn.audits.shortcuts import shortcuts_chapter
from embedlearn.audits.twins import twins_chapter
from embedlearn.console import progress, say
from embedlearn.encoders.devices import choose_device
from embedlearn.errors import ArgumentError, ManifestError
from embedlearn.files import require_folder
from embedlearn.radiographs.masks import find_masks, read_mask
from embedlearn.radiographs.splits import SEEN
from embedlearn.sources import Collection
from embedlearn.tasks.audit.flags import ANY, Audit
from embedlearn.tasks.audit.gathering import LEARNT, ROLE, Asked, Network, gather
from embedlearn.tasks.audit.looking import looking_chapter
from embedlearn.tasks.audit.mitigating import mitigated_chapter
from embedlearn.tasks.audit.writing import print_findings, write_report
from embedlearn.tasks.lungs import numbered_together, outlined_lungs

FOLDER = Path("audit")  # beside or in the run's


def audit_films(settings: Audit) -> bool:
    """Act on the flags; whether a warning is among what --fail-on names. Raises an `EmbedlearnError`."""
    out = settings.out or (settings.run / FOLDER if settings.run else FOLDER)
    require_folder(out, "--out")
    _require_outlines(settings)
    asked = gather(settings)
    chapters = list(_chapters(asked, settings))
    print_findings(chapters)
    written = write_report(out, asked, chapters, settings)
    say(f"wrote {out}: {', '.join(written)}")
    return bool(failed(chapters, settings.fail_on))


def _require_outlines(settings: Audit) -> None:
    if settings.masks and not (settings.masks / "masks").is_dir():
        raise ManifestError(f"--masks {settings.masks}: wanted a folder with folders images and masks, got none there")
    if settings.boxes and not settings.boxes.is_file():
        raise ManifestError(f"--boxes {settings.boxes}: wanted a COCO file, got nothing there; check the path")


def failed(chapters: list[Chapter], names: tuple[str, ...]) -> list[str]:
    """The keys of the warnings that `names` names. Raises `ArgumentError` where a name is no finding of this audit."""
    keys = {finding.key: finding.level for chapter in chapters for finding in chapter.findings}
    known = {ANY, *(chapter.key for chapter in chapters), *keys}
    if unknown := [name for name in names if name not in known]:
        raise ArgumentError(f"--fail-on {unknown[0]}: this audit has no such finding; it has {', '.join(sorted(keys))}")
    return [
        key
        for key, level in keys.items()
        if level == "warning" and any(name in (ANY, key) or key.startswith(f"{name}.") for name in names)
    ]


def _chapters(asked: Asked, settings: Audit) -> Iterator[Chapter]:
    """The chapters in the order in which they are told."""
    judged, labelled, seed = asked.whole.where(asked.judged), _labelled(asked.whole), settings.seed
    models = {name: vectors[asked.judged] for name, vectors in asked.models.items()}
    yield confounding_chapter(judged.frame, seed=seed)
    yield leaks_chapter(asked.whole.frame, asked.pictures.group, _sides(asked), seed=seed)
    yield twins_chapter(labelled, asked.pictures, show=settings.show)
    lungs = outlines_of(settings, judged)
    with _at_work("judging shortcuts"):
        yield shortcuts_chapter(judged, lungs=lungs, models=models, positive=asked.positive, seed=seed)
    markers = _markers(judged, settings)
    if asked.network:
        with _at_work("judging sources"):
            yield origins_chapter(judged.frame, models, learnt=_learnt_from(asked.network), seed=seed)
        yield _looking(asked, settings, markers)
    yield _marked(judged, markers, settings)
    yield card_chapter(
        labelled.frame,
        judged=asked.unseen if asked.network else None,
        width=settings.width,
        notes=asked.notes,
        seed=seed,
    )
    if settings.mitigate:
        yield mitigated_chapter(asked, settings)


@contextlib.contextmanager
def _at_work(what: str) -> Iterator[None]:
    """A bar that says what is done, for what cannot say how far it is."""
    with progress(what) as report:
        report(0, 1)
        yield


def _sides(asked: Asked) -> dict[str, pd.Series]:
    """In how many ways the films are parted into what is learnt from and what is tested on."""
    frame = asked.whole.frame
    sides = {
        "the split": frame["split"],
        "the published split": frame.get("published_split", pd.Series(dtype="string")),
        "support and query": frame.get(ROLE, pd.Series(dtype="string")),
    }
    if asked.network and frame["split"].isna().all():
        sides["the run's training"] = pd.Series(np.where(frame[LEARNT], "train", "test"))
    return {name: side for name, side in sides.items() if len(side) and side.notna().any()}


def _learnt_from(network: Network) -> dict[str, int]:
    """How many films of each source the run's encoder has learnt from, or was chosen by."""
    manifest = network.run.manifest()
    return manifest.where(manifest.frame["split"].isin(SEEN)).counts("source")


def _markers(judged: AuditedFilms, settings: Audit) -> dict[Path, tuple[Marker, ...]]:
    """The burned-in marks of a sample of the films, by path."""
    paths = [Path(path) for path in judged.frame["path"].iloc[sample_films(judged.frame, seed=settings.seed)]]
    with progress("looking for burned-in marks") as report:
        return dict(zip(paths, find_all(paths, progress=report), strict=True))


def _marked(judged: AuditedFilms, markers: Mapping[Path, tuple[Marker, ...]], settings: Audit) -> Chapter:
    sampled = judged.where(judged.frame["path"].map(Path).isin(list(markers)))
    found = [markers[Path(path)] for path in sampled.frame["path"]]
    return markers_chapter(sampled, found, of=len(judged), seed=settings.seed)


def _labelled(audited: AuditedFilms) -> AuditedFilms:
    """The same films; those of no class stand under their own label."""
    frame = audited.frame
    return replace(audited, frame=frame.assign(**{"class": frame["class"].fillna(frame["label"])}))


def _looking(asked: Asked, settings: Audit, markers: Mapping[Path, tuple[Marker, ...]]) -> Chapter:
    """What the run's encoder looks at in the judged films, and in those whose lungs are outlined."""
    network = asked.network
    assert network is not None
    frame = asked.whole.frame
    collection = Collection(network.collection.manifest.with_columns(label=frame["class"]), network.collection.films)
    collection = collection.where(asked.judged)
    classes = tuple(sorted(set(collection.manifest.frame["label"])))
    lungs = outlined_lungs(settings.masks, settings.boxes, network.saved.preprocessing)
    if lungs:
        cases, lungs = numbered_together(collection, lungs, network.run, network.saved.preprocessing)
        collection = Collection(collection.manifest.with_columns(case=cases), collection.films)
    with progress("explaining films") as report:
        return looking_chapter(
            network.saved, collection, classes, lungs=lungs, markers=markers, device=choose_device(settings.device),
            seed=settings.seed, progress=report,
        )  # fmt: skip


def outlines_of(settings: Audit, judged: AuditedFilms) -> dict[int, NDArray[np.bool_]] | None:
    """The lungs of every film of the audit by its row, bool [h, w] of its content; None unless all are outlined.

    Films with masks beside films without would be told apart by that alone.
    """
    if not settings.masks:
        return None
    stems = [Path(path).stem for path in judged.frame["path"]]
    try:
        masks = find_masks(settings.masks / "masks", stems)
    except ManifestError as error:  # masks of other films, which are explained by themselves
        say(f"  note: the lungs of all films are blacked out by one box: {error}")
        return None
    if len(masks) < len(set(stems)):
        say(f"  note: the lungs of all films are blacked out by one box: {len(masks)} of {len(stems)} have masks")
        return None
    found = {}
    for row, stem in enumerate(stems):
        height, width = judged.content(row).shape
        found[row] = read_mask(masks[stem], height, width)
    return found
