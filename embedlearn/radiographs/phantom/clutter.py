"""Harmless things that lie over a chest, in every class alike: nipples, electrodes, tubes, old scars."""

import numpy as np

from embedlearn.radiographs.phantom.grid import Field, blurred, splatted, step
from embedlearn.radiographs.phantom.thorax import Pose, Thorax


def clutter_of(thorax: Thorax, pose: Pose, rng: np.random.Generator) -> Field:
    """Absorption added by what this film happens to show, float32 [WORK, WORK]."""
    absorption = np.zeros_like(thorax.x)
    if rng.random() < 0.3:
        absorption += _nipples(thorax, rng)
    if rng.random() < 0.3:
        absorption += _electrodes(thorax, rng)
    if rng.random() < 0.35:
        absorption += _line(pose, rng)
    if rng.random() < 0.35:
        absorption += _spots(thorax, rng)
    return absorption


def _nipples(thorax: Thorax, rng: np.random.Generator) -> Field:
    across, down = rng.uniform(0.38, 0.55), rng.uniform(0.12, 0.35)
    r = np.hypot(np.abs(thorax.x) - across, thorax.y - down)
    return rng.uniform(0.06, 0.14) * step(0.025 - r, 0.005)


def _electrodes(thorax: Thorax, rng: np.random.Generator) -> Field:
    discs = np.zeros_like(thorax.x)
    for _ in range(int(rng.integers(1, 4))):
        r = np.hypot(thorax.x - rng.uniform(-0.7, 0.7), thorax.y - rng.uniform(-0.5, 0.6))
        discs += 0.25 * step(0.035 - r, 0.003) + 0.3 * step(0.012 - r, 0.003)
    return discs


def _line(pose: Pose, rng: np.random.Generator) -> Field:
    """A thin tube or wire: an arc from the film's upper edge downwards."""
    along = np.linspace(0, 1, 400, dtype=np.float32)
    start, end, sway = rng.uniform(-0.6, 0.6), rng.uniform(-0.35, 0.35), rng.uniform(-0.3, 0.3)
    x = start + (end - start) * along + sway * np.sin(np.pi * along)
    y = rng.uniform(0.8, 1.6) * along - 1.1
    shadow = blurred(splatted(*pose.to_film(x, y), np.ones_like(x)), rng.uniform(0.6, 0.9))
    line: Field = np.minimum(rng.uniform(0.25, 0.6) * shadow, 0.5)
    return line


def _spots(thorax: Thorax, rng: np.random.Generator) -> Field:
    """Small calcified scars in the lungs."""
    dots = np.zeros_like(thorax.x)
    for _ in range(int(rng.integers(1, 4))):
        r = np.hypot(thorax.x - rng.uniform(-0.6, 0.6), thorax.y - rng.uniform(-0.4, 0.35))
        dots += rng.uniform(0.08, 0.3) * step(rng.uniform(0.008, 0.02) - r, 0.004)
    return dots
