"""Films whose lungs are outlined, beside the films of a run: which it has seen, and which are of one case."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from embedlearn.encoders.runs import Run
from embedlearn.errors import ManifestError
from embedlearn.explanations.checks.lungs import LungFilms, patients_of, read_lung_boxes, read_lung_masks
from embedlearn.radiographs.cases import find_cases
from embedlearn.radiographs.layouts import ieee8023
from embedlearn.radiographs.manifest import Manifest, build_manifest
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.sources import Collection, seen_by

SEEN = "that the run has seen, or their patient or twin"


def outlined_lungs(masks: Path | None, boxes: Path | None, preprocessing: Preprocessing) -> list[LungFilms]:
    """The films whose lungs are outlined, by a folder of masks and by a file of boxes, where these are named.

    Masks know no patients: those of films of the same names that have boxes are taken. Raises `ManifestError` or
    `ImageError`.
    """
    by_boxes, by_masks, patients = [], [], {}
    if boxes:
        images = _films_beside(boxes)
        by_boxes = [read_lung_boxes(boxes, images, preprocessing)]
        named = zip(by_boxes[0].paths, by_boxes[0].patients, strict=True)
        patients = patients_of(images.parent) | {path.name: patient for path, patient in named if patient}
    if masks:
        by_masks = [read_lung_masks(masks, preprocessing, patients)]
    return by_masks + by_boxes


def _films_beside(boxes: Path) -> Path:
    """The folder images beside a file of boxes, or beside the folder that it lies in."""
    for folder in (boxes.absolute().parent / "images", boxes.absolute().parent.parent / "images"):
        if folder.is_dir():
            return folder
    raise ManifestError(f"--boxes {boxes}: wanted its films in a folder images beside it, got none; put them there")


def numbered_together(
    collection: Collection, lungs: list[LungFilms], run: Run, preprocessing: Preprocessing
) -> tuple[NDArray[np.int64], list[LungFilms]]:
    """Cases of the collection's films, int64 [N], and films of lungs that the run has not seen, by the same numbers.

    Films are of one case where they share a patient or are near-identical, wherever they lie.
    """
    rows = [
        {"path": path, "label": "?", "patient": patient or None}
        for outlined in lungs
        for path, patient in zip(outlined.paths, outlined.patients, strict=True)
    ]
    shown, seen = seen_by(run, build_manifest(rows, ieee8023.NAME), preprocessing)
    own, theirs = collection.manifest.frame, shown.manifest.frame
    known = dict(zip(zip(own["source"], own["patient"].fillna(""), strict=True), own["case"], strict=True))
    named = [f"case {case}" for case in own["case"]]
    for source, patient in zip(theirs["source"], theirs["patient"].fillna(""), strict=True):
        met = known.get((source, patient)) if patient else None
        named.append(f"case {met}" if met is not None else patient and f"patient {patient}")
    frame = pd.DataFrame({"source": "", "patient": named})
    cases, _ = find_cases(Manifest(frame), np.concatenate([collection.films[:], shown.films[:]]))
    ends = len(own) + np.cumsum([len(outlined.paths) for outlined in lungs])
    parts = zip(np.split(cases, [len(own), *ends[:-1]])[1:], np.split(seen, ends[:-1] - len(own)), strict=True)
    return cases[: len(own)], [
        replace(outlined, cases=numbers).less(met, SEEN) for outlined, (numbers, met) in zip(lungs, parts, strict=True)
    ]
