"""One setting of mitigations: the films as it leaves them, and what is told from them."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from embedlearn.audits.features import HEADER, HIDDEN, SOURCE, THUMBNAIL, hide_lungs, probe_features
from embedlearn.audits.films import WHOLE, AuditedFilms
from embedlearn.audits.judging import Judged, judge
from embedlearn.audits.probes import header_columns
from embedlearn.audits.replicates import REPLICATES, Estimate, Floats, summed_up
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import Mitigation, estimate_lungs, mitigate
from embedlearn.radiographs.reading import FilmHeader, preprocess

MODEL = "encoder"
WEIGHT, CROPPED = "bytes_a_pixel", "cropped"  # columns of a frame of mitigated films


@dataclass(frozen=True, eq=False)
class Measured:
    """What is told from the films in one setting: the class, by every probe and a model, and the source.

    `judged` and `sources` are None where fewer than two classes, or sources, have enough cases. `positive` is the class
    asked for, None for the mean over all. `anew`: the films were saved anew, and the file header is that of a PNG file.
    """

    films: int
    judged: Judged | None
    sources: Judged | None
    positive: str | None
    anew: bool = False

    @property
    def probes(self) -> tuple[str, ...]:
        """The views that know nothing of disease, where the class was judged."""
        return tuple(view for view in self.judged.views if view != MODEL) if self.judged else ()

    @property
    def seeing(self) -> tuple[str, ...]:
        """The probes that see pixels, as a model does."""
        return tuple(view for view in self.probes if view not in (HEADER, SOURCE))

    def aucs(self, view: str) -> Floats:
        """The AUC of one view as it is and in each replicate, [1 + B]: of the class asked for or their mean."""
        assert self.judged is not None
        found = self.judged.found[self.judged.views.index(view)]
        return np.asarray(found.mean(0) if self.positive is None else found[self.judged.classes.index(self.positive)])

    def best(self, probes: Sequence[str]) -> Floats:
        """The AUC of the best of some probes, chosen anew for each class and in each replicate, [1 + B]."""
        assert self.judged is not None
        found = self.judged.found[[self.judged.views.index(view) for view in probes]].max(0)
        return np.asarray(found.mean(0) if self.positive is None else found[self.judged.classes.index(self.positive)])

    @property
    def lift(self) -> Estimate | None:
        """How far the model is above the best probe; None where there is no model."""
        if self.judged is None or MODEL not in self.judged.views:
            return None
        return summed_up(self.aucs(MODEL) - self.best(self.probes))


def mitigated(audited: AuditedFilms, mitigation: Mitigation, lungs: Mapping[int, Box] | None = None) -> AuditedFilms:
    """The films after a mitigation of their pixels, at the audit's resolution, on black squares as before.

    `lungs`: the box of each row, as shares of the film; estimated for all where there is none. The frame tells how
    many bytes a pixel a film takes as PNG, for its file's header is no longer its own.
    """
    side = audited.films[np.array([0])].shape[-1]
    films, shapes = np.zeros((len(audited), side, side), np.uint8), np.empty((len(audited), 2), np.int64)
    weights = np.empty(len(audited))
    for row in range(len(audited)):
        film = audited.content(row)
        box = (lungs[row] if lungs else estimate_lungs(film)) if mitigation.lungs else None
        kept = mitigate(film, mitigation, box)
        films[row] = preprocess(kept, dataclasses.replace(WHOLE, size=side))
        shapes[row] = np.maximum(1, np.rint(audited.shapes[row] * np.array(kept.shape) / film.shape))
        weights[row] = _png_bytes(kept) / kept.size
    frame = audited.frame.copy()
    frame[WEIGHT], frame[CROPPED] = weights, mitigation.lungs
    return AuditedFilms(frame, films, shapes)


def measure(
    audited: AuditedFilms,
    *,
    vectors: NDArray[np.float32] | None = None,
    weights: NDArray[np.float64] | None = None,
    positive: str | None = None,
    seed: int = 0,
    replicates: int = REPLICATES,
) -> Measured:
    """Hold every probe, and the embeddings `vectors` float32 [N, D], against the class and the source of N films.

    `weights` float [N]: how much a film counts where a model is fitted. Raises `ImageError` where a file cannot be
    read, `ArgumentError` where arrays do not belong together.
    """
    views: dict[str, Any] = probe_features(audited, hide_lungs(None))
    pixels = views[THUMBNAIL]
    if WEIGHT in audited.frame:
        views[HEADER] = header_columns(_headers(audited))
    if CROPPED in audited.frame and audited.frame[CROPPED].any():
        del views[HIDDEN]  # what lies around the lungs is gone, and the box no longer where they are
    if vectors is not None:
        views[MODEL] = vectors
    cases = audited.frame["case"].to_numpy(np.int64)
    classes, sources = (audited.frame[name].to_numpy(str) for name in ("class", "source"))
    judged = judge(views, classes, cases, weights=weights, seed=seed, replicates=replicates)
    told = judge({THUMBNAIL: pixels}, sources, cases, weights=weights, seed=seed, replicates=replicates)
    asked = positive if judged and positive in judged.classes else None
    return Measured(len(audited), judged, told, asked, anew=WEIGHT in audited.frame)


def _headers(audited: AuditedFilms) -> list[FilmHeader]:
    """The headers of mitigated films, were each saved as PNG."""
    headers = []
    for (height, width), weight in zip(audited.shapes.tolist(), audited.frame[WEIGHT], strict=True):
        size = round(weight * width * height)
        headers.append(FilmHeader(width=width, height=height, mode="L", bytes=size, format="PNG", turned=False))
    return headers


def _png_bytes(film: NDArray[np.uint8]) -> int:
    written_to = io.BytesIO()
    Image.fromarray(film).save(written_to, "PNG")
    return len(written_to.getvalue())
