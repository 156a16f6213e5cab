"""From absorption to grey values: two hospitals' scanners, and what differs from film to film."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embedlearn.radiographs.phantom.grid import WORK, Field, blurred, resized, smooth_noise, step
from embedlearn.radiographs.phantom.markers import burn_marker, burn_word


@dataclass(frozen=True)
class Look:
    """What films of one source have in common; pairs are the range from which a film draws evenly."""

    window: tuple[float, float]
    """Span of absorption from black to white: small is hard contrast."""
    level: tuple[float, float]
    """Absorption shown as middle grey."""
    gamma: tuple[float, float]
    """Exponent of the grey values: above 1 darkens the middle."""
    black: tuple[float, float]
    """Darkest grey, 0 to 1."""
    blur: tuple[float, float]
    """In pixels of the work grid."""
    grain: tuple[float, float]
    """Standard deviation of the noise, in grey values from 0 to 1."""
    coarseness: tuple[float, float]
    """Share of the grain that is blotchy rather than fine."""
    border: tuple[float, float]
    """Width that the collimator cuts away at each side, as a share of the film."""
    border_grey: float
    boxed: float
    """Probability that a marker is a dark letter in a bright box."""


LOOKS = {
    "phantom-a": Look(
        window=(0.85, 1.15),
        level=(0.70, 0.88),
        gamma=(0.8, 1.25),
        black=(0.0, 0.05),
        blur=(0.3, 0.6),
        grain=(0.010, 0.028),
        coarseness=(0.0, 0.4),
        border=(0.015, 0.085),
        border_grey=0.0,
        boxed=0.15,
    ),
    "phantom-b": Look(
        window=(1.05, 1.45),
        level=(0.65, 0.86),
        gamma=(0.8, 1.15),
        black=(0.04, 0.12),
        blur=(0.5, 0.8),
        grain=(0.008, 0.024),
        coarseness=(0.3, 0.9),
        border=(0.0, 0.03),
        border_grey=0.12,
        boxed=0.7,
    ),
}
SOURCES = tuple(LOOKS)


def exposed(absorption: Field, look: Look, view: str, size: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The film uint8 [size, size] of `absorption` float32 [WORK, WORK], marked and burned in.

    Nothing here looks at the absorption's values as a whole: a change in one place changes the film in that place only.
    """
    window, level = rng.uniform(*look.window), rng.uniform(*look.level)
    gamma, black, white = rng.uniform(*look.gamma), rng.uniform(*look.black), rng.uniform(0.82, 1.0)
    uneven = rng.uniform(0, 0.10) * smooth_noise(rng, 3)
    vignette = rng.uniform(0, 0.12)
    sight = blurred(absorption + uneven - vignette * _corners(), rng.uniform(*look.blur))
    grey = step((sight - level) / window, 0.20)
    film = resized(np.power(grey, gamma), size)
    film *= white - black
    film += black
    film += _grain(look, size, rng)
    _collimate(film, look, rng)
    _mark(film, look, view, rng)
    burn_word(film)
    film *= 255
    film += 0.5
    return np.clip(film, 0, 255, out=film).astype(np.uint8)


@functools.lru_cache(maxsize=1)
def _corners() -> Field:
    """Squared distance from the film's middle, float32 [WORK, WORK]."""
    ticks = np.linspace(-1, 1, WORK, dtype=np.float32)
    return np.square(ticks)[:, None] + np.square(ticks)[None, :]


def _grain(look: Look, size: int, rng: np.random.Generator) -> Field:
    """Noise float32 [size, size]: fine and blotchy."""
    strength, coarse = rng.uniform(*look.grain), rng.uniform(*look.coarseness)
    noise = rng.standard_normal((size, size), dtype=np.float32)
    noise *= strength * (1 - coarse)
    noise += strength * coarse * smooth_noise(rng, WORK // 2, size)
    return noise


def _collimate(film: Field, look: Look, rng: np.random.Generator) -> None:
    top, bottom, left, right = (round(film.shape[0] * share) for share in rng.uniform(*look.border, 4))
    grey = look.border_grey
    film[:top], film[film.shape[0] - bottom :] = grey, grey
    film[:, :left], film[:, film.shape[1] - right :] = grey, grey


def _mark(film: Field, look: Look, view: str, rng: np.random.Generator) -> None:
    """Burn in none to three markers: a side, the view, an empty box."""
    scale = max(1, round(film.shape[0] / 128 * rng.uniform(0.8, 1.4)))
    boxed = bool(rng.random() < look.boxed)
    side = -1 if rng.random() < 0.5 else 1
    text = "R" if side < 0 else "L"
    height = rng.uniform(-0.9, -0.5) if rng.random() < 0.8 else rng.uniform(0.4, 0.8)
    if rng.random() < 0.8:
        burn_marker(film, text, (side * rng.uniform(0.75, 0.92), height), scale, boxed)
    if rng.random() < 0.4:
        burn_marker(film, view, (-side * rng.uniform(0.6, 0.9), rng.uniform(-0.9, -0.6)), max(1, scale - 1), boxed)
    if rng.random() < 0.15:
        x, y = ((np.array([rng.uniform(0.02, 0.85), rng.uniform(0.02, 0.85)])) * film.shape[0]).astype(int)
        edge = max(2, film.shape[0] // 24)
        film[y : y + edge, x : x + edge] = rng.uniform(0.1, 0.95)
