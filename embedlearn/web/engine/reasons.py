"""Why a film was answered as it was: exact maps of its margin, its class, its nearest cases and one case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embedlearn.encoders.encoder import Encoder
from embedlearn.explanations.exact import exact_maps
from embedlearn.explanations.filmmap import FilmMap, plain_map
from embedlearn.explanations.geometry import Sight
from embedlearn.explanations.readout import read_encoder
from embedlearn.explanations.support import Question, Support
from embedlearn.explanations.targets import Target, case_target
from embedlearn.web.engine.examples import Examples
from embedlearn.web.engine.model import Seen
from embedlearn.web.face import Why
from embedlearn.web.forms import MapsOfFilm


def question_of(seen: Seen, examples: Examples, why: Why, case: NDArray[np.float32] | None) -> Question:
    """What to explain of a film; `case` is the embedding of the case it is held against, by default its nearest.

    Raises `EpisodeError` for a class without examples.
    """
    support = Support(examples.vectors, examples.labels, examples.cases)
    found = support.question(seen.embedding, (), why.why, why.why_not, why.neighbours)
    if case is None:
        return found
    return replace(found, targets=(*found.targets[:3], case_target("this case", torch.from_numpy(case))))


def maps_of(encoder: Encoder, seen: Seen, targets: Sequence[Target]) -> list[FilmMap]:
    """The map of each target over a film."""
    assert seen.features is not None
    features: Tensor = seen.features[None]
    vectors = torch.stack([target.vector for target in targets]).to(features)
    offsets = torch.tensor([target.offset for target in targets]).to(features)
    own = torch.from_numpy(seen.embedding)[None].to(features)
    with torch.inference_mode():
        found = exact_maps(features, read_encoder(encoder), vectors, offsets, own)
    rows = zip(targets, found.maps[0], found.scores[0].tolist(), found.constants[0].tolist(), strict=True)
    return [FilmMap(target.name, values.cpu().numpy(), score, constant) for target, values, score, constant in rows]


def plain_maps(maps: Sequence[FilmMap], height: int, width: int, sight: Sight) -> dict[str, Any]:
    """The maps over a film of these sides, in the fields of `MapsOfFilm`."""
    plain = plain_map(maps, height, width, sight)
    del plain["verdict"]
    return plain


def like_the_film(encoder: Encoder, of_case: Seen, seen: Seen, height: int, width: int, sight: Sight) -> MapsOfFilm:
    """What in a case's own film is like the film that was asked about."""
    target = case_target("the film", torch.from_numpy(seen.embedding))
    return MapsOfFilm(**plain_maps(maps_of(encoder, of_case, [target]), height, width, sight))
