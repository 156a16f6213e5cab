"""Lungs: where masks or boxes of the lungs are at hand, evidence for a disease of the lungs should lie inside them.

Evidence elsewhere is how shortcuts in chest films were found (DeGrave 2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import compress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ManifestError
from embedlearn.explanations.checks.places import Floats, grid_of, positive_shares
from embedlearn.explanations.checks.question import Asked, CheckedNetwork, Pixels, Question, ask_of
from embedlearn.explanations.checks.verdict import Verdict, judged, not_asked
from embedlearn.explanations.geometry import to_grid, to_square
from embedlearn.explanations.methods import Method
from embedlearn.radiographs.labels import HEALTHY
from embedlearn.radiographs.layouts.rows import read_rows
from embedlearn.radiographs.masks import LungBoxes, find_masks, read_boxes, read_mask
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import load_film, read_film, upright_sides

WANTED = "> 0"  # more than the lungs' share of the area, which is what a random map gets
MISFIT = "whose outlines do not fit them"
STANDING = "of cases that stand for their classes"
WELL = f"whose answer is {HEALTHY}, of which evidence need not lie in the lungs"


@dataclass(frozen=True, eq=False)
class LungFilms:
    """Films uint8 [N, S, S] of `paths`, of cases int64 [N], and what the lungs cover of each, float32 [N, S, S].

    `name` says how they were outlined: by masks or by boxes. `patients` are names, empty where the patient is not
    known; `left_out` counts films that are not there, by the reason.
    """

    name: str
    films: Pixels
    covered: Floats
    cases: NDArray[np.int64]
    paths: tuple[Path, ...]
    patients: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    def less(self, mask: NDArray[np.bool_], reason: str) -> LungFilms:
        """Without the films for which the boolean array [N] holds, counted under `reason`."""
        kept = ~mask
        paths, patients = tuple(compress(self.paths, kept)), tuple(compress(self.patients, kept))
        left = {**self.left_out, reason: int(mask.sum())} if mask.any() else self.left_out
        return replace(
            self, films=self.films[kept], covered=self.covered[kept], cases=self.cases[kept],
            paths=paths, patients=patients, left_out=left,
        )  # fmt: skip


def read_lung_masks(folder: Path, settings: Preprocessing, patients: Mapping[str, str] | None = None) -> LungFilms:
    """Films and their lung masks, paired by the stem of their names, through the films' own geometry.

    `folder` holds `masks/` beside `images/`. Films of one patient are one case: by `patients`, of the films' file
    names, or by a metadata.csv in the folder. Raises `ManifestError` where there are no pairs, `ImageError` for a film
    or a mask that cannot be used.
    """
    films = {path.stem: path for path in _listed(folder / "images")}
    masks = find_masks(folder / "masks", films)
    pairs = {films[stem]: read_mask(mask, *read_film(films[stem]).shape) for stem, mask in masks.items()}
    return _gathered("masks", pairs, settings, {**patients_of(folder), **(patients or {})})


def read_lung_boxes(annotations: Path, images: Path, settings: Preprocessing) -> LungFilms:
    """Films and the boxes around their lungs, COCO JSON in pixels of the size that the file itself records.

    Films of one patient are one case, by the file's own `patientid` or by a metadata.csv beside `images`. A film whose
    sides are in another ratio than recorded was cropped since, and is left out. Raises `ManifestError` for a file that
    is no such JSON, or where no film of it lies in `images`.
    """
    boxes = {images / name: film for name, film in read_boxes(annotations).items() if (images / name).is_file()}
    pairs = {}
    for path, film in boxes.items():
        try:
            film.on(*upright_sides(path))
        except ManifestError:
            continue
        pairs[path] = _filled(film)
    if not pairs:
        raise ManifestError(f"{images}: no film there that {annotations} has boxes for; name their folder")
    patients = patients_of(images.parent) | {path.name: film.patient for path, film in boxes.items() if film.patient}
    left_out = {MISFIT: len(boxes) - len(pairs)} if len(pairs) < len(boxes) else {}
    return _gathered("boxes", pairs, settings, patients, left_out)


def patients_of(folder: Path) -> dict[str, str]:
    """The patient of each film by file name, where a metadata.csv in `folder` says, as that of ieee8023 does."""
    table = folder / "metadata.csv"
    if not table.is_file():
        return {}
    rows = read_rows(table).values()
    return {row["filename"]: row["patientid"] for row in rows if row.get("filename") and row.get("patientid")}


def ask_lungs(
    network: CheckedNetwork, lungs: LungFilms, question: Question, methods: Mapping[str, Method]
) -> list[Verdict]:
    """The verdicts on the films' answers by the class means of `question`, healthy ones aside.

    A film of a case that is in the means is left out: it would be compared with itself.
    """
    lungs = lungs.less(np.isin(lungs.cases, question.known), STANDING)
    if len(lungs.films):
        answers = ask_of(network, lungs.films, lungs.cases, question.support)
        well = np.array(answers.first) == HEALTHY
        lungs, answers = lungs.less(well, WELL), answers.where(~well)
    if not len(lungs.films):
        return [not_asked(f"lungs, {lungs.name}", name, WANTED, f"not asked{_left(lungs)}") for name in methods]
    asked = answers.put_to(network)
    return check_lungs(asked, lungs, asked.maps_by(methods))


def check_lungs(asked: Asked, lungs: LungFilms, maps: Mapping[str, Floats]) -> list[Verdict]:
    """The share of positive evidence inside the lungs beyond their share of the area; `asked` is of the same films."""
    verdicts = []
    for name, drawn in maps.items():
        covered = np.stack([to_grid(mask, *grid_of(drawn), asked.network.lag) for mask in lungs.covered])
        area = covered.mean((1, 2))
        inside = np.nan_to_num(positive_shares(drawn, covered))
        found = f"positive evidence in the lungs {inside.mean():.2f}, their share of the area {area.mean():.2f}"
        found += _left(lungs)
        verdicts.append(judged(f"lungs, {lungs.name}", name, inside - area, asked.cases, WANTED, found))
    return verdicts


def _gathered(
    name: str,
    pairs: Mapping[Path, NDArray[np.bool_]],
    settings: Preprocessing,
    patients: Mapping[str, str],
    left_out: Mapping[str, int] | None = None,
) -> LungFilms:
    films = np.stack([load_film(path, settings) for path in pairs])
    covered = np.stack([to_square(mask, settings) for mask in pairs.values()])
    named = tuple(patients.get(path.name, "") for path in pairs)
    cases = np.unique([name or str(path) for name, path in zip(named, pairs, strict=True)], return_inverse=True)[1]
    return LungFilms(name, films, covered, cases, tuple(pairs), named, left_out or {})


def _left(lungs: LungFilms) -> str:
    """In words: what is left out, and why."""
    told = ", ".join(f"{count} {reason}" for reason, count in lungs.left_out.items())
    return f"; films left out: {told}" if told else ""


def _filled(film: LungBoxes) -> NDArray[np.bool_]:
    """The boxes of one film as a mask of the size that they were drawn at, bool [H, W]."""
    mask = np.zeros((film.height, film.width), np.bool_)
    for top, left, bottom, right in film.boxes:
        mask[round(max(top, 0)) : round(bottom), round(max(left, 0)) : round(right)] = True
    return mask


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise ManifestError(f"{folder}: wanted a folder of films, got {error.strerror}; check the path") from error
