"""What in each film speaks for its label: the exact map of the margin between two class means."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from embedlearn.console import progress
from embedlearn.encoders.checkpoints import SavedEncoder
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.inputs import FilmSource, standardise
from embedlearn.errors import ArgumentError
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.readout import read_encoder
from embedlearn.radiographs.cache import Films
from embedlearn.tasks.maps.spaces import Spaces

BATCH = 64


def label_reasons(spaces: Spaces, device: str) -> NDArray[np.float32]:
    """What in each film speaks for its label to the main encoder, and not for another, float32 [N, h, w].

    Raises `ArgumentError` where there is one label.
    """
    assert spaces.collection is not None
    targets = margin_vectors(spaces.own.vectors, spaces.frame["label"], spaces.frame["case"])
    return margin_maps(spaces.encoders[spaces.main], spaces.collection.films, *targets, device)


def explained_by(encoder: str) -> str:
    """What the maps of `label_reasons` are of, to the encoder of this name, in words."""
    return (
        f"the score by which the {encoder} encoder puts a film nearer to its own label than to the next one "
        "(less the part of the score that lies at no place of the film)"
    )


def margin_vectors(
    vectors: NDArray[np.float32], labels: ArrayLike, cases: ArrayLike
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """For each film a vector v [D] and an offset: z . v + offset is how much nearer its label's mean is than another's.

    `vectors` float32 [N, D] of length 1, `labels` and `cases` [N]. Its label's mean p is that of the label's films of
    other cases, q the nearest mean of another label, also of other cases; v = 2 (p - q), offset = |q|^2 - |p|^2 (the
    logits of Snell 2017). Returns float32 [N, D] and [N]; zeros for a film whose label has no other case. Raises
    `ArgumentError` where there is one label.
    """
    names, label = np.unique(np.asarray(labels, str), return_inverse=True)
    if len(names) < 2:
        raise ArgumentError(
            f"--explain: wanted films of two labels or more, got {', '.join(names)} alone; leave it out"
        )
    case = np.unique(np.asarray(cases, str), return_inverse=True)[1]
    member = np.eye(len(names))[label]  # [N, L]
    sums, counts = member.T @ vectors, member.sum(0)
    order = np.argsort(case, kind="stable")
    found, offsets = np.zeros_like(vectors), np.zeros(len(vectors), np.float32)
    for rows in np.split(order, np.flatnonzero(np.diff(case[order])) + 1):
        left = counts - member[rows].sum(0)
        means = (sums - member[rows].T @ vectors[rows]) / np.maximum(left, 1)[:, None]
        for row in rows[left[label[rows]] > 0]:
            distances = np.square(means - vectors[row]).sum(1)
            distances[(left == 0) | (np.arange(len(names)) == label[row])] = np.inf
            if np.isfinite(distances).any():
                mine, other = means[label[row]], means[np.argmin(distances)]
                found[row], offsets[row] = 2 * (mine - other), np.square(other).sum() - np.square(mine).sum()
    return found, offsets


@torch.no_grad()
def margin_maps(
    saved: SavedEncoder, films: Films, vectors: NDArray[np.float32], offsets: NDArray[np.float32], device: str
) -> NDArray[np.float32]:
    """The exact maps, float32 [N, h, w], of the scores that `margin_vectors` gave, signed: positive speaks for."""
    where = choose_device(device)
    encoder = saved.encoder.to(where)
    readout, source = read_encoder(encoder), FilmSource(films, where)
    maps = []
    with progress("explaining films") as report:
        for start in range(0, len(films), BATCH):
            rows = np.arange(start, min(start + BATCH, len(films)))
            features = encoder.backbone(standardise(source.greys(rows), saved.preprocessing))
            targets = torch.from_numpy(vectors[rows])[:, None].to(where)
            found = exact_maps(features, readout, targets, torch.from_numpy(offsets[rows])[:, None].to(where))
            maps.append(found.maps[:, 0].float().cpu().numpy())
            report(len(rows) + start, len(films))
    return np.concatenate(maps)
