"""The three diseases: how much of the lungs' air each takes away, and where."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from embedlearn.radiographs.labels import BACTERIAL, COVID, HEALTHY, VIRAL
from embedlearn.radiographs.phantom.grid import WORK, Field, blurred, smooth_noise, step
from embedlearn.radiographs.phantom.thorax import Thorax

Mask = npt.NDArray[np.bool_]

FAINTEST = 0.03  # share of the air that must be gone before a pixel counts as diseased


def severity_of(rng: np.random.Generator) -> float:
    """How plain a patient's disease is, from 0.2 (subtle) to 1, evenly."""
    return float(rng.uniform(0.2, 1.0))


def opacity_of(label: str, thorax: Thorax, severity: float, rng: np.random.Generator) -> tuple[Field, Mask]:
    """Share of the lungs' air that disease replaces (float32 [WORK, WORK], 0 to 1) and the diseased pixels.

    The share is exactly 0 outside the diseased pixels, which lie inside the lungs; a healthy film, or one of
    severity 0, has none.
    """
    if label == HEALTHY or severity <= 0:
        return np.zeros((WORK, WORK), np.float32), np.zeros((WORK, WORK), np.bool_)
    opacity, envelope = DISEASES[label](thorax, severity, rng)
    mask = (envelope > FAINTEST) & (thorax.lung > 0)
    return np.where(mask, np.clip(opacity, 0, 1), np.float32(0)), mask


def _lobar(thorax: Thorax, severity: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Bacterial: one dense opacity on one side, cut off sharply by a fissure, with air bronchograms."""
    side = 1.0 if rng.random() < 0.5 else -1.0
    above = rng.random() < 0.45
    height, slope = rng.uniform(-0.24, 0.12), rng.uniform(-0.35, 0.35)
    reach = (0.20 + 0.32 * severity) * rng.uniform(0.8, 1.2)
    middle, half = rng.uniform(0.32, 0.62), (0.17 + 0.17 * severity) * rng.uniform(0.85, 1.2)
    density = (0.38 + 0.50 * severity) * rng.uniform(0.9, 1.1)
    t = side * thorax.x
    beyond = (height + slope * (t - 0.4) - thorax.y) * (1 if above else -1)
    envelope = step(beyond, 0.006) * step(reach - beyond, 0.035) * step(half - np.abs(t - middle), 0.035)
    around = np.arctan2(thorax.y + 0.04, t - 0.12)
    bronchi = step(np.cos(rng.uniform(18, 26) * around + rng.uniform(0, 6.3)) - 0.88, 0.04)
    grain = 1 + 0.10 * smooth_noise(rng, 20)
    return density * envelope * grain * (1 - rng.uniform(0, 0.45) * bronchi), density * envelope * (t > 0)


def _interstitial(thorax: Thorax, severity: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """Viral: a net of fine lines in both lungs, densest around the hila."""
    wide, high = 0.24 + 0.30 * severity, 0.32 + 0.36 * severity
    r = np.square((np.abs(thorax.x) - 0.20) / wide) + np.square((thorax.y - rng.uniform(-0.08, 0.10)) / high)
    patchy = 1 + 0.5 * np.clip(smooth_noise(rng, 7), -1.5, 1.5)
    envelope = (0.34 + 0.45 * severity) * np.exp(-r) * patchy
    return envelope * (0.70 * _net(rng) + rng.uniform(0.35, 0.65)), envelope


def _net(rng: np.random.Generator) -> Field:
    """Fine lines that meet: the zero crossings of two smooth noises, float32 [WORK, WORK], 0 to about 1."""
    first, second = smooth_noise(rng, 44), smooth_noise(rng, 32)
    lines = np.maximum(np.exp(-np.square(first / 0.28)), np.exp(-np.square(second / 0.24)))
    return blurred(lines, 0.6)


def _ground_glass(thorax: Thorax, severity: float, rng: np.random.Generator) -> tuple[Field, Field]:
    """COVID-19: several soft patches along the outer, lower edges of both lungs."""
    count = 2 * int(rng.integers(2, 4)) + int(rng.random() < severity)
    total = np.zeros_like(thorax.x)
    for patch in range(count):
        side = 1.0 if patch % 2 else -1.0
        down, depth = rng.uniform(-0.12, 0.36), rng.uniform(0.05, 0.16)
        long, wide = (
            rng.uniform(0.12, 0.22) * (0.75 + 0.5 * severity),
            rng.uniform(0.08, 0.14) * (0.75 + 0.5 * severity),
        )
        near = np.square((thorax.y - down) / long) + np.square((thorax.outward - depth) / wide)
        patch_field = np.exp(-near) * (side * thorax.x > 0)
        total = np.maximum(total, rng.uniform(0.75, 1.1) * patch_field)
    density = (0.34 + 0.45 * severity) * total
    return density * (1 + 0.12 * smooth_noise(rng, 28)), density


DISEASES: dict[str, Callable[[Thorax, float, np.random.Generator], tuple[Field, Field]]] = {
    BACTERIAL: _lobar,
    VIRAL: _interstitial,
    COVID: _ground_glass,
}
