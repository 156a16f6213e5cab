"""What stands beside a classifier: probes that see no disease, and the network before it has learnt."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from numpy.typing import NDArray

from embedlearn.audits.probes import border_features, header_features
from embedlearn.audits.scoring import fit_and_score
from embedlearn.encoders.inputs import ask_films
from embedlearn.radiographs.preprocessing import Preprocessing
from experiments.systems.judging import Answers
from experiments.systems.network import Classifier, Pooling
from experiments.systems.protocols import Divided
from experiments.systems.results import BORDER, HEADER, UNTRAINED
from experiments.systems.row import Model

Features = NDArray[np.float32]


def beside_features(
    divided: Divided, model: Model, preprocessing: Preprocessing, *, seed: int, device: torch.device
) -> dict[str, Features]:
    """What each of them sees of the films, float32 [N, F]: the file's header, the border, random features."""
    network = Pooling(Classifier(dataclasses.replace(model, weights="none"), len(divided.classes), seed=seed))
    films = divided.collection.films
    return {
        UNTRAINED: ask_films(network, films, preprocessing, (network.width,), device=device),
        HEADER: header_features(divided.collection.manifest.paths),
        BORDER: border_features(films),
    }


def answers_beside(divided: Divided, features: Features) -> Answers:
    """What a logistic model on such features, fitted on each part's training films, says of its tested films."""
    names = np.array(divided.classes)[divided.labels]
    parts = []
    for train, test in divided.parts:
        found = fit_and_score(features[train], names[train], features[test])
        order = [found.classes.index(name) for name in divided.classes]
        share = np.bincount(divided.labels[train], minlength=len(order)) / len(train)
        parts.append(found.log_odds[:, order] + np.log(share) - np.log1p(-share))
    return divided.answers([-np.log1p(np.exp(-np.clip(part, -500, 500))) for part in parts])
