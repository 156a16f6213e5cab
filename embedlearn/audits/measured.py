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

from embedlearn.audits.features import (
    BOX,
    HEADER,
    HIDDEN,
    HISTOGRAM,
    SOURCE,
    THUMBNAIL,
    WITHOUT_LUNGS,
    Blackout,
    hide_lungs,
    probe_features,
)
from embedlearn.audits.films import WHOLE, AuditedFilms
from embedlearn.audits.judging import Judged, judge
from embedlearn.audits.probes import SIDE, header_columns
from embedlearn.audits.replicates import REPLICATES, Estimate, Floats, summed_up
from embedlearn.radiographs.masks import Box
from embedlearn.radiographs.mitigation import Mitigation, estimate_lungs, mitigate
from embedlearn.radiographs.reading import FilmHeader, preprocess

MODEL = "encoder"
WEIGHT, TRIMMED, CROPPED, EVENED = "bytes_a_pixel", "trimmed", "cropped", "evened"  # columns of mitigated films


@dataclass(frozen=True, eq=False)
class Measured:
    """What is told from the films in one setting: the class, by every probe and a model, and the source.

    `judged` and `sources` are None where fewer than two classes, or sources, have enough cases. `positive` is the class
    asked for, None for the mean over all. `anew`: the films were saved anew, and the file header is that of a PNG file.
    `done`: which of `TRIMMED`, `CROPPED` and `EVENED` was done to their pixels. `counting`: where models are fitted
    with weights w, how many films of equal weight are worth as much, (sum w)^2 / sum w^2 (Kish 1965); None without.
    """

    films: int
    judged: Judged | None
    sources: Judged | None
    positive: str | None
    anew: bool = False
    done: frozenset[str] = frozenset()
    counting: float | None = None

    @property
    def probes(self) -> tuple[str, ...]:
        """The views but for the model's, where the class was judged."""
        return tuple(view for view in self.judged.views if view != MODEL) if self.judged else ()

    @property
    def seeing(self) -> tuple[str, ...]:
        """The probes of pixels that see the lungs, if dimly."""
        return tuple(view for view in self.probes if view in (HISTOGRAM, THUMBNAIL))

    @property
    def around(self) -> tuple[str, ...]:
        """The probes of pixels around the lungs; none of films that are cropped to these."""
        pixels = set(WITHOUT_LUNGS) - {HEADER, SOURCE}
        return tuple(view for view in self.probes if view in pixels and CROPPED not in self.done)

    @property
    def blind(self) -> tuple[str, ...]:
        """Those of the probes around the lungs that see next to nothing of them.

        The edges of a trimmed film may be lung, and in one of even greys each grey goes by all others.
        """
        if EVENED in self.done:
            return ()
        return tuple(view for view in self.around if TRIMMED not in self.done or view == HIDDEN)

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

    `lungs`: the box of each row, as shares of the film; estimated for all where there is none. The frame tells what
    was done, and how many bytes a pixel a film takes as PNG, for its file's header is no longer its own.
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
    frame[WEIGHT], frame[TRIMMED] = weights, mitigation.trim
    frame[CROPPED], frame[EVENED] = mitigation.lungs, mitigation.intensity
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
    frame = audited.frame
    done = frozenset(name for name in (TRIMMED, CROPPED, EVENED) if name in frame and frame[name].any())
    blackout = hide_lungs(None)
    if TRIMMED in done:
        blackout = Blackout(trimmed_place(float(frame[TRIMMED].max())), blackout.covered)
    views: dict[str, Any] = probe_features(audited, blackout)
    pixels = views[THUMBNAIL]
    if WEIGHT in frame:
        views[HEADER] = header_columns(_headers(audited))
    if CROPPED in done or not views[HIDDEN].shape[1]:
        del views[HIDDEN]  # what lies around the lungs is gone, and the box no longer where they are
    if vectors is not None:
        views[MODEL] = vectors
    cases = frame["case"].to_numpy(np.int64)
    classes, sources = (frame[name].to_numpy(str) for name in ("class", "source"))
    judged = judge(views, classes, cases, weights=weights, seed=seed, replicates=replicates)
    told = judge({THUMBNAIL: pixels}, sources, cases, weights=weights, seed=seed, replicates=replicates)
    asked = positive if judged and positive in judged.classes else None
    counting = None
    if judged and weights is not None:
        counted = weights[np.isin(classes, judged.classes)]
        counting = float(counted.sum() ** 2 / (counted**2).sum())
    return Measured(len(audited), judged, told, asked, WEIGHT in frame, done, counting)


def trimmed_place(trim: float) -> NDArray[np.bool_]:
    """Where `features.BOX`, which hides the lungs, lies when this share of each side is cut away, bool [SIDE, SIDE]."""
    top, left, bottom, right = (np.clip((share - trim) / (1 - 2 * trim), 0, 1) * SIDE for share in BOX)
    place = np.zeros((SIDE, SIDE), bool)
    place[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))] = True
    return place


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
