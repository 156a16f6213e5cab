"""One film of one patient: anatomy, disease, clutter, scanner."""

import numpy as np
import numpy.typing as npt

from embedlearn.errors import ArgumentError
from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.phantom.anatomy import anatomy_of
from embedlearn.radiographs.phantom.clutter import clutter_of
from embedlearn.radiographs.phantom.grid import resized
from embedlearn.radiographs.phantom.lesions import Mask, opacity_of, severity_of
from embedlearn.radiographs.phantom.scanner import LOOKS, SOURCES, exposed
from embedlearn.radiographs.phantom.thorax import Pose, thorax_of

VERSION = 1  # raised when the same seed would give other pixels
LABELS = (HEALTHY, BACTERIAL, VIRAL, COVID)

# The last words of the seeds, one stream a concern: a label draws from its own and so changes nothing else.
_POSE, _DISEASE, _EXTENT, _CLUTTER, _SCANNER = range(1, 6)


def draw_film(
    label: str, *, seed: int, patient: int, film: int = 0, source: str, size: int = 256
) -> npt.NDArray[np.uint8]:
    """A chest film, uint8 [size, size], the same for the same arguments.

    The anatomy depends on `seed` and `patient` alone; pose, exposure, noise and markers on `film` too. Raises
    `ArgumentError` for a label, source or number that is not known.
    """
    return _draw(label, seed, patient, film, source, size, None)[0]


def draw_with_mask(
    label: str, *, seed: int, patient: int, film: int = 0, source: str, size: int = 256, severity: float | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """A film as `draw_film` draws it, and the pixels that its disease covers, bool [size, size].

    `severity` from 0 (none: the same film of a healthy patient) to 1 (plain) replaces the patient's own. Raises
    `ArgumentError` for a label, source or number that is not known.
    """
    if severity is not None and not 0 <= severity <= 1:
        raise ArgumentError(f"severity: wanted 0 (none) to 1 (plain), got {severity}")
    pixels, mask = _draw(label, seed, patient, film, source, size, severity)
    return pixels, resized(mask.astype(np.float32), size) > 0.5


def view_of(seed: int, patient: int, film: int) -> str:
    """The view of a film, "PA" or "AP"."""
    return _pose(seed, patient, film)[0]


def _draw(
    label: str, seed: int, patient: int, film: int, source: str, size: int, severity: float | None
) -> tuple[npt.NDArray[np.uint8], Mask]:
    """The film [size, size] and its diseased pixels on the work grid, bool [WORK, WORK]."""
    if label not in LABELS:
        raise ArgumentError(f"label: wanted one of {', '.join(LABELS)}, got {label}")
    if source not in SOURCES:
        raise ArgumentError(f"source: wanted one of {', '.join(SOURCES)}, got {source}")
    check_numbers(size, seed=seed, patient=patient, film=film)
    disease = np.random.default_rng([seed, patient, _DISEASE])
    progress = np.random.default_rng([seed, patient, _EXTENT, film]).normal(0, 0.05)
    own = float(np.clip(severity_of(disease) + progress, 0.1, 1))
    view, pose = _pose(seed, patient, film)
    thorax = thorax_of(anatomy_of(seed, patient), pose)
    opacity, mask = opacity_of(label, thorax, own if severity is None else severity, disease)
    absorption = thorax.tissue - thorax.air * (1 - opacity)
    absorption += clutter_of(thorax, pose, np.random.default_rng([seed, patient, _CLUTTER, film]))
    scanner = np.random.default_rng([seed, patient, _SCANNER, film])
    return exposed(absorption, LOOKS[source], view, size, scanner), mask


def _pose(seed: int, patient: int, film: int) -> tuple[str, Pose]:
    rng = np.random.default_rng([seed, patient, _POSE, film])
    view = "PA" if rng.random() < 0.6 else "AP"
    return view, Pose(
        angle=rng.normal(0, 0.045),
        shift=(rng.normal(0, 0.075), rng.normal(0, 0.07)),
        zoom=rng.uniform(0.86, 1.20),
        breath=rng.normal(0, 0.03),
        twist=rng.normal(0, 0.02),
        magnification=1.0 if view == "PA" else 1.14,
    )


def check_numbers(size: int, **numbers: int) -> None:
    """Raise `ArgumentError` where `size` is no size of a film or one of the `numbers`, by name, is negative."""
    if not 64 <= size <= 2048:
        raise ArgumentError(f"size: wanted 64 to 2048 pixels, got {size}")
    for name, number in numbers.items():
        if number < 0:
            raise ArgumentError(f"{name}: wanted 0 or more, got {number}")
