"""How far the cells of a feature map lie before the even grid over the square that an encoder reads.

A convolution of stride 2, padded alike on all sides, looks from one pixel before its cell to the cell's end, so that
each adds to what the cells lie before the rectangles that divide the square evenly: in the end up to half a cell.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.devices import evaluating
from embedlearn.encoders.encoder import Encoder
from embedlearn.encoders.inputs import standardise
from embedlearn.errors import ArgumentError, StorageError
from embedlearn.explanations.geometry import Sight
from embedlearn.files import write_json
from embedlearn.radiographs.phantom import LABELS, SOURCES, draw_film
from embedlearn.radiographs.preprocessing import Preprocessing
from embedlearn.radiographs.reading import preprocess

# The upper or the lower, the left or the right of the cells in the middle; and what film it is asked about. Many, as
# in a trained network the field of a cell moves by a third of a cell from film to film.
ASKED = tuple(itertools.product((0, 1), (0, 1), LABELS, SOURCES))
SIDE = 256  # pixels of a phantom before preprocessing, at least
DIGITS = 2
LAG = "lag.json"


def sight_of(encoder: Encoder, preprocessing: Preprocessing, *, seed: int = 0) -> Sight:
    """How `encoder` sees films that went through `preprocessing`."""
    return Sight(preprocessing, measure_lag(encoder, preprocessing, seed=seed))


def kept_sight(saved: SavedEncoder, folder: Path) -> Sight:
    """How a saved encoder sees films; what was measured is kept in `folder`, as far as that can be written to."""
    kept = folder / LAG
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, ArgumentError):
        told = json.loads(kept.read_text(encoding="utf-8"))
        if told["encoder"] == saved.digest:
            return Sight(saved.preprocessing, float(told["lag"]))
    sight = sight_of(saved.encoder, saved.preprocessing)
    with contextlib.suppress(StorageError):
        write_json(kept, {"encoder": saved.digest, "lag": sight.lag})
    return sight


def measure_lag(encoder: Encoder, preprocessing: Preprocessing, *, seed: int = 0) -> float:
    """By how many cells the effective receptive fields (Luo 2016) lie before (i + 1/2) S/h, in both directions alike.

    Positive: the cells look further up and to the left than an even grid has it, and a map drawn evenly lies too low
    and too far to the right. It is the mean over some phantoms and both axes, rounded to a hundredth: a field's
    centre is that of the squared gradient of one cell's energy, the sum of its squared features, by the film's pixels.
    Each film is asked about one of the cells in the grid's middle, as the film's edge cuts the fields of the others.
    An axis of one cell, which sees all of it, has none, and neither has a network that nothing moves.
    """
    inputs = _phantoms(preprocessing, seed).to(next(encoder.parameters()))
    with evaluating(encoder), torch.enable_grad():
        features = encoder.backbone(inputs.requires_grad_())
        h, w = features.shape[-2:]
        rows = torch.tensor([(h - 1 + down) // 2 for down, _, _, _ in ASKED])
        columns = torch.tensor([(w - 1 + across) // 2 for _, across, _, _ in ASKED])
        energy = features[torch.arange(len(ASKED)), :, rows, columns].square().sum()
        (gradient,) = torch.autograd.grad(energy, inputs)
    weights = gradient[:, 0].double().square()
    axes = ((weights.sum(2), rows, h), (weights.sum(1), columns, w))
    found = [_lags(along, cells, count) for along, cells, count in axes if count > 1]
    lags = torch.cat(found) if found else weights.new_empty(0)
    lags = lags[lags.isfinite()]
    return round(float(lags.mean()), DIGITS) + 0.0 if len(lags) else 0.0


def _lags(weights: Tensor, cells: Tensor, count: int) -> Tensor:
    """How far the centre of each row of weights [N, S] lies before its cell, in cells; NaN where there is no weight."""
    size = weights.shape[1]
    centres = weights @ (torch.arange(size).to(weights) + 0.5) / weights.sum(1)
    return cells.to(weights) + 0.5 - centres * (count / size)


def _phantoms(preprocessing: Preprocessing, seed: int) -> Tensor:
    """Films of all labels and scanners as an encoder reads them, float32 [N, 1, S, S] in the order of `ASKED`."""
    side = max(SIDE, preprocessing.size)
    films = [
        draw_film(label, seed=seed, patient=patient, source=source, size=side)
        for patient, (_, _, label, source) in enumerate(ASKED)
    ]
    greys = np.stack([preprocess(film, preprocessing) for film in films]).astype(np.float32)
    return standardise(torch.from_numpy(greys)[:, None] / 255, preprocessing)
