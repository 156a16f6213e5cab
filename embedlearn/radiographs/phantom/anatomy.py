"""What a phantom patient is made of: the numbers that all films of one patient share."""

from dataclasses import dataclass

import numpy as np

from embedlearn.radiographs.phantom.grid import Field


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Lengths are in halves of the film's side: x to the picture's right (the patient's left), y downwards."""

    width: float
    """Half the width of the chest cage inside."""
    wall: float
    """Thickness of the soft tissue around the cage."""
    apex: float
    """y of the lungs' tops."""
    domes: tuple[float, float]
    """y of the diaphragm's domes on the picture's left and right."""
    heart: float
    """Half the width of the heart."""
    heart_place: tuple[float, float]
    """x and y of the heart's middle."""
    tilt: float
    """How far the heart leans, in radians."""
    mediastinum: float
    """Half the width of the mediastinum."""
    spine_bend: float
    """How far the spine swings sideways."""
    rib_gap: float
    """Distance from rib to rib."""
    rib_phase: float
    """Where the first rib lies, in gaps."""
    rib_fall: float
    """How far a rib sinks on its way outwards."""
    rib_width: float
    """Share of the gap that bone fills, as a threshold on a cosine."""
    bone: float
    """Density of bone; 1 is average."""
    air: float
    """How much less the lungs absorb than soft tissue."""
    breast: float
    """Density of the breasts' shadows; 0 where there are none."""
    breast_place: tuple[float, float]
    """Distance of the breasts' middles from the midline, and their y."""
    scapula: float
    """How far the shoulder blades lie over the lungs."""
    markings: float
    """Density of the lungs' vessels."""
    vessels: tuple[Field, Field, Field]
    """x, y and density of points along the vessels, each float32 [n]."""


def anatomy_of(seed: int, patient: int) -> Anatomy:
    """The anatomy of one patient: a function of the two numbers and nothing else."""
    rng = np.random.default_rng([seed, patient, 0])
    dome = rng.normal(0.40, 0.07)
    return Anatomy(
        width=rng.normal(0.76, 0.05),
        wall=rng.uniform(0.08, 0.24),
        apex=rng.normal(-0.70, 0.04),
        domes=(dome, dome + rng.normal(0.05, 0.03)),
        heart=float(np.clip(rng.normal(0.34, 0.04), 0.25, 0.46)),
        heart_place=(rng.normal(0.12, 0.03), dome - rng.normal(0.17, 0.03)),
        tilt=rng.normal(0.62, 0.12),
        mediastinum=rng.normal(0.12, 0.018),
        spine_bend=rng.normal(0, 0.025),
        rib_gap=rng.normal(0.165, 0.012),
        rib_phase=rng.uniform(0, 1),
        rib_fall=rng.normal(0.46, 0.07),
        rib_width=rng.normal(0.25, 0.12),
        bone=float(np.clip(rng.normal(1.0, 0.25), 0.5, 1.6)),
        air=rng.normal(0.66, 0.05),
        breast=rng.uniform(0.05, 0.22) * (rng.random() < 0.5),
        breast_place=(rng.normal(0.45, 0.04), rng.normal(0.22, 0.07)),
        scapula=rng.uniform(-0.12, 0.10),
        markings=rng.uniform(0.5, 1.5),
        vessels=_vessels(rng),
    )


def _vessels(
    rng: np.random.Generator, trunks: int = 15, twigs: int = 90, steps: int = 48
) -> tuple[Field, Field, Field]:
    """Points along vessels that fan out from both hila and branch, thinning outwards."""
    along = np.linspace(0, 1, steps)
    side = np.where(np.arange(2 * trunks) % 2, 1.0, -1.0)
    angle = np.tile(np.linspace(-1.45, 1.35, trunks), (2, 1)).T.ravel() + rng.normal(0, 0.1, 2 * trunks)
    length = rng.uniform(0.32, 0.6, 2 * trunks)
    start = np.stack([side * 0.17, np.where(side > 0, -0.06, -0.02)], axis=1)
    x, y = _strokes(start, side, angle, length, rng.normal(0, 0.35, 2 * trunks), along)
    weight = np.broadcast_to(1.1 * (1 - along) ** 1.2 + 0.05, x.shape)

    parent, joint = rng.integers(0, 2 * trunks, twigs), rng.integers(steps // 6, steps - 8, twigs)
    forks = angle[parent] + rng.choice([-1, 1], twigs) * rng.uniform(0.35, 0.8, twigs)
    begin = np.stack([x[parent, joint], y[parent, joint]], axis=1)
    reach = length[parent] * (1 - joint / steps) * rng.uniform(0.5, 0.9, twigs)
    x2, y2 = _strokes(begin, side[parent], forks, reach, rng.normal(0, 0.6, twigs), along[::2])
    weight2 = weight[parent, joint][:, None] * 0.75 * (1 - along[::2]) + 0.03
    return (
        np.concatenate([x.ravel(), x2.ravel()]).astype(np.float32),
        np.concatenate([y.ravel(), y2.ravel()]).astype(np.float32),
        np.concatenate([weight.ravel(), weight2.ravel()]).astype(np.float32),
    )


def _strokes(start: Field, side: Field, angle: Field, length: Field, bend: Field, along: Field) -> tuple[Field, Field]:
    """Points x and y, each [n, steps], of n arcs from `start` [n, 2], outwards on `side` and bent on the way."""
    turned = angle[:, None] + bend[:, None] * along
    pace = length[:, None] / len(along)
    x = start[:, :1] + side[:, None] * np.cumsum(np.cos(turned) * pace, axis=1)
    y = start[:, 1:] + np.cumsum(np.sin(turned) * pace, axis=1)
    return x, y
