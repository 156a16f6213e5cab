"""The chest as an X-ray sees it: how much each line of sight absorbs, without any disease."""

import math
from dataclasses import dataclass

import numpy as np

from embedlearn.radiographs.phantom.anatomy import Anatomy
from embedlearn.radiographs.phantom.grid import Field, blurred, pixel_grid, splatted, step


@dataclass(frozen=True)
class Pose:
    """How a patient stood for one film."""

    angle: float
    """Turn in the picture's plane, in radians."""
    shift: tuple[float, float]
    """Body x and y of the film's middle, before the spine's bend."""
    zoom: float
    """Above 1 where the film shows more than the chest."""
    breath: float
    """How far the diaphragm lies lower than usual."""
    twist: float
    """Turn about the spine: shifts heart and trachea sideways."""
    magnification: float
    """Of the heart: above 1 where the rays come from the front (AP)."""

    def to_body(self) -> tuple[Field, Field]:
        """Body x and y of each pixel, each float32 [WORK, WORK]."""
        x, y = pixel_grid()
        cosine, sine = self.zoom * math.cos(self.angle), self.zoom * math.sin(self.angle)
        return (
            cosine * x + sine * y + self.shift[0],
            cosine * y - sine * x + self.shift[1],
        )

    def to_film(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Film x and y of points of the body; the inverse of `to_body`."""
        cosine, sine = math.cos(self.angle) / self.zoom, math.sin(self.angle) / self.zoom
        x, y = x - self.shift[0], y - self.shift[1]
        return cosine * x - sine * y, cosine * y + sine * x


@dataclass(frozen=True, eq=False)
class Thorax:
    """A chest on the work grid; every field is float32 [WORK, WORK]."""

    x: Field
    """Body coordinates, with the spine's bend taken out."""
    y: Field
    outward: Field
    """Distance from the cage's inner side, positive inside."""
    lung: Field
    """Depth inside the lungs as a distance from their edge; negative outside."""
    air: Field
    """How much absorption the lungs' air takes away, from 0."""
    tissue: Field
    """Absorption of everything else; soft tissue is about 1."""


def thorax_of(anatomy: Anatomy, pose: Pose) -> Thorax:
    """Draw `anatomy` in `pose`."""
    x, y = pose.to_body()
    x = x - anatomy.spine_bend * np.sin(2.2 * y)
    t = np.abs(x)
    outer = _cage(y, anatomy)
    lung = _lung_depth(x, y, t, outer, anatomy, pose)
    heart = _heart(x, y, anatomy, pose)
    inside = np.maximum(lung, 0)
    air = anatomy.air * (0.5 * step(lung, 0.006) + 0.5 * (1 - np.exp(-inside / 0.13)))
    air *= 1 - 0.85 * heart
    tissue = _soft_tissue(y, t, anatomy, pose) + 0.16 * heart + _mediastinum(x, y, t, anatomy, pose)
    tissue += anatomy.bone * (_ribs(y, t, outer, anatomy) + _spine(t, y) + _shoulders(x, y, t, anatomy, pose))
    tissue += _vessel_shadows(lung, anatomy, pose)
    return Thorax(x, y, outer - t, lung, air, tissue)


def _cage(y: Field, anatomy: Anatomy) -> Field:
    """Distance of the cage's inner side from the midline at each height."""
    below = np.clip((0.5 - y) / (0.5 - anatomy.apex), 0, 1)
    cage: Field = anatomy.width * (1 - 0.60 * below * below * np.sqrt(below))
    return cage


def _lung_depth(x: Field, y: Field, t: Field, outer: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """Distance from the nearest of the lungs' four edges: cage, mediastinum, diaphragm, top."""
    dome = np.where(x < 0, anatomy.domes[0], anatomy.domes[1]).astype(np.float32) + pose.breath
    floor = dome + 1.5 * np.square(t - 0.34)
    top = anatomy.apex + 2.4 * np.square(t - 0.25)
    inner = anatomy.mediastinum * (0.85 + 0.25 * np.abs(y))
    depth: Field = np.minimum(np.minimum(outer - t, t - inner), np.minimum(floor - y, y - top))
    return depth


def _soft_tissue(y: Field, t: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """Neck, shoulders, trunk, belly and breasts: 0 beside the body, about 1 in it."""
    shoulder = -0.92 + 0.30 * np.square(np.maximum(t - 0.28, 0)) - 0.5 * step(0.24 - t, 0.03)
    side = anatomy.width + anatomy.wall + 0.25 * step(-0.35 - y, 0.08)
    rim = np.minimum(side - t, y - shoulder)
    body: Field = step(rim, 0.008) * (0.82 + 0.18 * (1 - np.exp(-np.maximum(rim, 0) / 0.15)))
    belly = step(y - anatomy.domes[0] - pose.breath - 0.02, 0.08)
    body += 0.14 * belly * body
    if anatomy.breast:
        across, down = anatomy.breast_place
        r = np.square((t - across) / 0.30) + np.square((y - down) / 0.24)
        fullness = 0.6 + 0.8 * np.clip(y - down, -0.3, 0.3)
        body += anatomy.breast * fullness * step(1 - r, 0.16 - 0.10 * anatomy.breast)
    return body


def _heart(x: Field, y: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """Density of the heart from 0 to 1: a leaning ellipse, the right atrium, and the waist above."""
    size = anatomy.heart * pose.magnification
    dx, dy = x - (anatomy.heart_place[0] + pose.twist), y - anatomy.heart_place[1]
    cosine, sine = math.cos(anatomy.tilt), math.sin(anatomy.tilt)
    main = np.square((cosine * dx + sine * dy) / size) + np.square((cosine * dy - sine * dx) / (0.70 * size))
    atrium = np.square((dx + 0.62 * size) / (0.48 * size)) + np.square((dy + 0.02) / (0.68 * size))
    waist = np.square((dx + 0.07) / 0.15) + np.square((y + 0.02) / 0.26)
    inside = 1 - np.minimum(np.minimum(main, atrium), waist)
    density: Field = 0.7 * step(inside, 0.03) + 0.3 * np.sqrt(np.clip(inside, 0, 1))
    return density


def _mediastinum(x: Field, y: Field, t: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """The middle band, the aorta's knob and the hila, less the windpipe and its fork."""
    middle = x - 0.6 * pose.twist
    half = anatomy.mediastinum * (1.05 + 0.35 * step(-0.5 - y, 0.08))
    band = 0.16 * step(half - np.abs(middle), 0.012)
    knob = np.square((middle - 0.11) / 0.085) + np.square((y + 0.27) / 0.095)
    hila = np.square((t - 0.17) / 0.09) + np.square((y + 0.04) / 0.13)
    windpipe = step(0.036 - np.abs(middle + 0.01), 0.006) * step(-0.17 - y, 0.03)
    forks = step(0.022 - np.abs(y + 0.15 - 0.75 * t), 0.008) * step(0.17 - t, 0.02)
    dense: Field = band + 0.20 * step(1 - knob, 0.08) + 0.22 * np.exp(-hila)
    return dense - 0.17 * np.maximum(windpipe, 0.7 * forks)


def _ribs(y: Field, t: Field, outer: Field, anatomy: Anatomy) -> Field:
    """The ribs behind, sinking outwards, and fainter those in front, sinking inwards."""
    u = t / anatomy.width
    fall = anatomy.rib_fall * (1 + 0.35 * y)
    behind = (y - fall * u * u + 0.05 * u) / anatomy.rib_gap + anatomy.rib_phase
    before = (y + 1.3 * fall * u - 0.45 * fall * u * u) / (1.12 * anatomy.rib_gap) + anatomy.rib_phase + 0.3
    cage = step(outer + 0.035 - t, 0.008) * step(y - anatomy.apex - 0.02, 0.02)
    back = _bone_profile(np.cos(2 * np.pi * behind), anatomy.rib_width) * (0.7 + 0.5 * u * u)
    front = _bone_profile(np.cos(2 * np.pi * before), anatomy.rib_width + 0.1) * step(t - 0.40, 0.02)
    fading = step(0.52 + 0.3 * u - y, 0.05) * (1 - 0.75 * step(0.11 - t, 0.02))
    bones: Field = (0.115 * back + 0.07 * front) * cage * fading
    return bones


def _bone_profile(wave: Field, threshold: float) -> Field:
    """A bone's cross-section with brighter rims (its cortex) where `wave` passes `threshold`."""
    body = step(wave - threshold, 0.09)
    return body + 1.6 * body * (1 - body)


def _spine(t: Field, y: Field) -> Field:
    """The column, paler at its discs."""
    column = step(0.075 - t, 0.008)
    discs = 0.5 + 0.5 * np.cos(2 * np.pi * y / 0.135)
    spine: Field = column * (0.12 - 0.05 * np.square(np.square(discs)) + 0.06 * step(y, 0.3))
    return spine


def _shoulders(x: Field, y: Field, t: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """Collar bones and shoulder blades."""
    rise = anatomy.apex + 0.16 - 0.10 * (pose.magnification > 1)
    curve = rise - 0.20 * t + 0.05 * np.sin(6.5 * t) + 0.25 * pose.twist * np.sign(x)
    collar = _bone_profile(1 - np.square((y - curve) / 0.034), 0.4) * step(t - 0.07, 0.01) * step(0.80 - t, 0.02)
    edge = anatomy.width - 0.02 - anatomy.scapula + 0.35 * np.square(y + 0.25)
    blade = step(t - edge, 0.008) * step(0.10 - y - 0.5 * (0.9 - t), 0.03) * step(y + 0.75, 0.04)
    return 0.17 * collar + 0.09 * blade


def _vessel_shadows(lung: Field, anatomy: Anatomy, pose: Pose) -> Field:
    """The lungs' vessels, which nothing in them outshines."""
    x, y, weight = anatomy.vessels
    shadows = blurred(splatted(*pose.to_film(x, y), weight), 0.8)
    shadows *= 0.20 * anatomy.markings
    return np.minimum(shadows, 0.32) * step(lung - 0.015, 0.01)
