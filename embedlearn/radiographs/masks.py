"""Where the lungs are: masks that lie beside films under the same name, and boxes in a COCO file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.errors import ImageError, ManifestError
from embedlearn.radiographs.reading import read_film

SUFFIXES = (".png", ".jpg", ".jpeg")
INSIDE = 128  # a mask's grey value from which on a pixel is white
ASPECT = 0.02  # by which the sides' ratio of a mask and its film may differ, as rounding makes it

Box = tuple[float, float, float, float]


class LungBoxes(NamedTuple):
    """Boxes (top, left, bottom, right) in the pixels of a film of `height` x `width`; its patient, where known."""

    height: int
    width: int
    boxes: tuple[Box, ...]
    patient: str = ""

    def on(self, height: int, width: int) -> list[Box]:
        """The same boxes on that film at another size. Raises `ManifestError` where its sides have another ratio."""
        if not _alike((self.height, self.width), (height, width)):
            raise ManifestError(
                f"boxes: made on {self.height} x {self.width} pixels, got a film of {height} x {width}, which has "
                "another shape; leave the film out or give the picture that was annotated"
            )
        down, across = height / self.height, width / self.width
        return [(top * down, left * across, bottom * down, right * across) for top, left, bottom, right in self.boxes]


def find_masks(folder: Path, stems: Iterable[str]) -> dict[str, Path]:
    """The mask of each film that has one: PNG or JPEG under the film's name less its ending.

    Raises `ManifestError` where `folder` is none, holds no mask for any of the films, or two for one.
    """
    if not Path(folder).is_dir():
        raise ManifestError(f"{folder}: wanted a folder of masks, got none; check the path")
    wanted = set(stems)
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in SUFFIXES and path.stem in wanted:
            if path.stem in found:
                raise ManifestError(
                    f"{path}: {found[path.stem].name} is a mask of the same film; leave one of them out"
                )
            found[path.stem] = path
    if wanted and not found:
        example = min(wanted)
        raise ManifestError(f"{folder}: no mask of any film, such as {example}.png; name masks like their films")
    return found


def read_mask(path: Path, height: int, width: int) -> NDArray[np.bool_]:
    """A mask on a film of `height` x `width` pixels, bool [H, W], where it is lung; brought to that size by nearest.

    Lungs may be white on black or black on white, see `lungs_of`. Raises `ImageError` where the file cannot be read, is
    of another shape than the film, or marks nothing.
    """
    grey = read_film(path)
    if not _alike(grey.shape, (height, width)):
        got = f"{grey.shape[0]} x {grey.shape[1]}"
        raise ImageError(
            f"{path}: wanted a mask shaped like its film of {height} x {width} pixels, got {got}; crop it alike"
        )
    lungs = lungs_of(grey)
    if not lungs.any():
        values = f"values {grey.min()} to {grey.max()}"
        raise ImageError(f"{path}: wanted lungs and the rest in black and white, got {values}; save it as 0 and 255")
    resized = Image.fromarray(lungs).resize((width, height), Image.Resampling.NEAREST)
    return np.asarray(resized, dtype=np.bool_)


def lungs_of(grey: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a mask uint8 [H, W] is lung: what differs from most of its outermost pixels, which lungs do not fill."""
    white: NDArray[np.bool_] = grey >= INSIDE
    rim = np.concatenate([white[0], white[-1], white[:, 0], white[:, -1]])
    return ~white if rim.mean() > 0.5 else white


def read_boxes(path: Path) -> dict[str, LungBoxes]:
    """The boxes of a COCO file by file name, in pixels of the size that the file records; all its categories.

    Raises `ManifestError` where it is no such file, or a box does not lie on its film.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        images = {image["id"]: image for image in content["images"]}
        boxes: dict[Any, list[Box]] = {number: [] for number in images}
        for annotation in content["annotations"]:
            if None in annotation["bbox"]:
                continue  # the published file leaves the numbers of some boxes empty
            left, top, wide, high = (float(side) for side in annotation["bbox"])
            boxes[annotation["image_id"]].append((top, left, top + high, left + wide))
        found = {
            str(image["file_name"]): LungBoxes(
                int(image["height"]), int(image["width"]), tuple(boxes[number]), _patient(image)
            )
            for number, image in images.items()
        }
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ManifestError(f"{path}: wanted a COCO file with images and annotations, got {reason}") from error
    for name, film in found.items():
        if any(not _on(box, film) for box in film.boxes):
            raise ManifestError(
                f"{path}: {name} has a box beyond its {film.height} x {film.width} pixels; mend or drop it"
            )
    return {name: film for name, film in found.items() if film.boxes}


def _patient(image: Mapping[str, Any]) -> str:
    """Whose film it is, where the file's metadata say."""
    patient = (image.get("metadata") or {}).get("patientid")
    return "" if patient is None else str(patient)


def _on(box: Box, film: LungBoxes) -> bool:
    top, left, bottom, right = box
    return -1 <= top < bottom <= film.height + 1 and -1 <= left < right <= film.width + 1


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two sizes have the same ratio of their sides, as far as whole pixels allow."""
    return min(*one, *other) > 0 and abs((one[0] / one[1]) / (other[0] / other[1]) - 1) <= ASPECT
