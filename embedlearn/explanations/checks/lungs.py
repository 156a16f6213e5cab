"""Lungs: where masks or boxes of the lungs are at hand, evidence for a disease of the lungs should lie inside them.

Evidence elsewhere is how shortcuts in chest films were found (DeGrave 2021).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ManifestError
from embedlearn.explanations.checks.places import Floats, grid_of, positive_shares
from embedlearn.explanations.checks.question import Asked, Pixels
from embedlearn.explanations.checks.verdict import Verdict, judged
from embedlearn.explanations.geometry import to_grid, to_square
from embedlearn.explanations.masks import LungBoxes, find_masks, read_boxes, read_mask
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import film_header, load_film, read_film

WANTED = "> 0"  # more than the lungs' share of the area, which is what a random map gets


@dataclass(frozen=True, eq=False)
class LungFilms:
    """Films uint8 [N, S, S] of `paths`, of cases int64 [N], and what the lungs cover of each, float32 [N, S, S].

    `name` says how they were outlined: by masks or by boxes. `left_out` counts films whose boxes do not fit them.
    """

    name: str
    films: Pixels
    covered: Floats
    cases: NDArray[np.int64]
    paths: tuple[Path, ...]
    left_out: int = 0


def read_lung_masks(folder: Path, settings: Preprocessing, paths: Sequence[Path] | None = None) -> LungFilms:
    """Films and their lung masks, paired by the stem of their names, through the films' own geometry.

    `folder` holds `masks/` beside `images/`, or is itself full of masks of the films at `paths`. Every film is its own
    case. Raises `ManifestError` where there are no pairs, `ImageError` for a film or a mask that cannot be used.
    """
    masks_in = folder / "masks" if (folder / "masks").is_dir() else folder
    films = {path.stem: path for path in (_listed(folder / "images") if paths is None else paths)}
    masks = find_masks(masks_in, films)
    pairs = {films[stem]: read_mask(mask, *read_film(films[stem]).shape) for stem, mask in masks.items()}
    return _gathered("masks", pairs, settings, np.arange(len(pairs)))


def read_lung_boxes(annotations: Path, images: Path, settings: Preprocessing) -> LungFilms:
    """Films and the boxes around their lungs, COCO JSON in pixels of the size that the file itself records.

    Films of one `patientid` are one case. A film whose sides are in another ratio than recorded was cropped since, and
    is left out. Raises `ManifestError` for a file that is no such JSON, or where no film of it lies in `images`.
    """
    boxes = {images / name: film for name, film in read_boxes(annotations).items() if (images / name).is_file()}
    patients = _patients(annotations)
    pairs = {}
    for path, film in boxes.items():
        header = film_header(path)
        try:
            film.on(header["height"], header["width"])
        except ManifestError:
            continue
        pairs[path] = _filled(film)
    if not pairs:
        raise ManifestError(f"{images}: no film there that {annotations} has boxes for; name their folder")
    cases = np.unique([patients.get(path.name, path.name) for path in pairs], return_inverse=True)[1]
    return _gathered("boxes", pairs, settings, cases, len(boxes) - len(pairs))


def check_lungs(asked: Asked, lungs: LungFilms, maps: Mapping[str, Floats]) -> list[Verdict]:
    """The share of positive evidence inside the lungs beyond their share of the area; `asked` is of the same films."""
    left = f"; {lungs.left_out} films left out, whose outlines do not fit them" if lungs.left_out else ""
    verdicts = []
    for name, drawn in maps.items():
        covered = np.stack([to_grid(mask, *grid_of(drawn), asked.network.lag) for mask in lungs.covered])
        area = covered.mean((1, 2))
        inside = np.nan_to_num(positive_shares(drawn, covered))
        found = f"positive evidence in the lungs {inside.mean():.2f}, their share of the area {area.mean():.2f}{left}"
        verdicts.append(judged(f"lungs, {lungs.name}", name, inside - area, asked.cases, WANTED, found))
    return verdicts


def _gathered(
    name: str,
    pairs: Mapping[Path, NDArray[np.bool_]],
    settings: Preprocessing,
    cases: NDArray[np.int64],
    left_out: int = 0,
) -> LungFilms:
    films = np.stack([load_film(path, settings) for path in pairs])
    covered = np.stack([to_square(mask, settings) for mask in pairs.values()])
    return LungFilms(name, films, covered, cases, tuple(pairs), left_out)


def _filled(film: LungBoxes) -> NDArray[np.bool_]:
    """The boxes of one film as a mask of the size that they were drawn at, bool [H, W]."""
    mask = np.zeros((film.height, film.width), np.bool_)
    for top, left, bottom, right in film.boxes:
        mask[round(max(top, 0)) : round(bottom), round(max(left, 0)) : round(right)] = True
    return mask


def _patients(annotations: Path) -> dict[str, str]:
    """The patient of each film by file name, where the file says."""
    told = json.loads(annotations.read_text(encoding="utf-8"))["images"]
    named = {entry["file_name"]: (entry.get("metadata") or {}).get("patientid") for entry in told}
    return {name: str(patient) for name, patient in named.items() if patient}


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise ManifestError(f"{folder}: wanted a folder of films, got {error.strerror}; check the path") from error
