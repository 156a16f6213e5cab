"""Every mitigation by itself and all together, measured as the films themselves are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedlearn.audits.films import AuditedFilms
from embedlearn.audits.findings import Chapter
from embedlearn.audits.measured import Measured, measure, mitigated
from embedlearn.audits.mitigations import mitigations_chapter
from embedlearn.audits.scoring import balanced_weights
from embedlearn.audits.twins import first_of_each
from embedlearn.console import progress, say
from embedlearn.encoders.devices import choose_device
from embedlearn.encoders.inputs import embed_films
from embedlearn.errors import ManifestError
from embedlearn.radiographs.cache import Films
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import Mitigation, find_lungs
from embedlearn.radiographs.reading import preprocess
from embedlearn.tasks.audit.flags import Audit
from embedlearn.tasks.audit.gathering import Asked, Network

BEFORE, ALL = "as they are", "all together"


def mitigated_chapter(asked: Asked, settings: Audit) -> Chapter:
    """The chapter of the mitigations asked for."""
    judged = asked.whole.where(asked.judged)
    groups = asked.pictures.group[asked.judged]
    chosen: dict[str, Sequence[str]] = {BEFORE: ()} | {name: (name,) for name in settings.mitigate}
    if len(settings.mitigate) > 1:
        chosen[ALL] = settings.mitigate
    boxes = _boxes(judged, settings) if "lungs" in settings.mitigate else None
    rows: dict[str, Measured] = {}
    with progress("measuring mitigations") as report:
        for number, (name, parts) in enumerate(chosen.items()):
            report(number, len(chosen))
            rows[name] = _measured(judged, groups, parts, boxes, asked, settings)
    return mitigations_chapter(rows)


def _measured(
    judged: AuditedFilms,
    groups: NDArray[np.int64],
    parts: Sequence[str],
    boxes: Mapping[int, Box] | None,
    asked: Asked,
    settings: Audit,
) -> Measured:
    """What is told from the films after these mitigations."""
    pixels = Mitigation(settings.trim if "trim" in parts else 0.0, "lungs" in parts, "intensity" in parts)
    films = mitigated(judged, pixels, boxes) if pixels.changes else judged
    if "twins" in parts:
        films = films.where(first_of_each(groups))
    weights = balanced_weights(films.frame["class"], films.frame["source"]) if "balance" in parts else None
    vectors = _embedded(films, asked.network, settings) if asked.network else None
    return measure(films, vectors=vectors, weights=weights, positive=asked.positive, seed=settings.seed)


def _boxes(judged: AuditedFilms, settings: Audit) -> dict[int, Box] | None:
    """The lungs' box of every film by its row, where all are outlined; None where they have to be estimated."""
    if not settings.masks and not settings.boxes:
        return None
    paths = [Path(path) for path in judged.frame["path"]]
    try:
        found = find_lungs(paths, settings.masks / "masks" if settings.masks else None, settings.boxes)
    except ManifestError as error:
        say(f"  note: the lungs of all films are estimated: {error}")
        return None
    return {row: found[path] for row, path in enumerate(paths)}


def _embedded(films: AuditedFilms, network: Network, settings: Audit) -> NDArray[np.float32]:
    """The films' embeddings by the run's encoder, from the audit's own pixels, mitigated or not."""
    saved = network.saved
    pixels = np.stack([preprocess(films.content(row), saved.preprocessing) for row in range(len(films))])
    held = Films(pixels, np.arange(len(films)), tuple(films.frame["sha256"]))
    return embed_films(saved.encoder, held, saved.preprocessing, device=choose_device(settings.device))
