"""Answers to films that were decoded and embedded, from what is known: classes, similar cases, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.geometry import Sight
from embedlearn.gallery.where import Condition
from embedlearn.web import forms
from embedlearn.web.decoding.decoded import Decoded
from embedlearn.web.engine.answering import Responder
from embedlearn.web.engine.casefilms import CaseFilm, find_case_film
from embedlearn.web.engine.examples import Examples, checked_embeddings, sent_examples
from embedlearn.web.engine.knowledge import Knowledge
from embedlearn.web.engine.model import Seen
from embedlearn.web.engine.reasons import maps_of, plain_maps, question_of
from embedlearn.web.face import Asked, Sought, UnknownError, Why

SAME = 1e-5  # distance below which a film is one of the examples
OWN = "a film is in the gallery, or its patient is: those cases are left out"
AMONG = "a film is among the examples; its answer says nothing"


class SentFilm(NamedTuple):
    """A film that was sent, decoded and as the encoder sees it, and which cases of the gallery are its own."""

    decoded: Decoded
    seen: Seen
    own: Condition | None


def asked_vectors(asked: Asked, films: Sequence[SentFilm], width: int) -> NDArray[np.float32]:
    """The embeddings that are asked about, float32 [N, D]. Raises `ArgumentError` where they were sent and are none."""
    if films:
        return np.stack([film.seen.embedding for film in films])
    return checked_embeddings(asked.embeddings, width, "embeddings")


def classified(
    known: Knowledge,
    vectors: NDArray[np.float32],
    films: Sequence[SentFilm],
    support: forms.Support | None,
    nearest: int,
) -> forms.Classified:
    """The answers to embeddings, float32 [N, D], with `nearest` examples each; `films` are none, or theirs."""
    if support:
        whole = Responder(sent_examples(support, vectors.shape[1]), known.served.calibration)
    else:
        whole = known.responder
    answers = whole.answers(vectors, nearest)
    for row, film in enumerate(films):
        if film.own and not support:
            (answers[row],) = known.responder_without(film.own).answers(vectors[row : row + 1], nearest)
    places = known.latent.place(vectors) if known.latent else [None] * len(vectors)
    warnings = [*(own_warnings(films) if support is None else []), *whole.warnings()]
    if support and any(each.nearest and each.nearest[0].distance < SAME for one in answers for each in one):
        warnings.insert(0, AMONG)
    return forms.Classified(
        encoder=known.served.saved.digest, generation=known.revision,
        classes=known.classes(whole) if support else known.made, heads=whole.fitted_heads(), warnings=warnings,
        films=[forms.AnsweredFilm(answers=one, place=place) for one, place in zip(answers, places, strict=True)],
    )  # fmt: skip


def similar_cases(
    known: Knowledge, vectors: NDArray[np.float32], films: Sequence[SentFilm], sought: Sought
) -> forms.Similar:
    """The cases most similar to embeddings, float32 [N, D]; `films` are none, or theirs."""
    found = []
    for vector, film in zip_longest(vectors, films):
        hits = known.similar(vector, sought, film.own if film else None)
        found.append(forms.FoundFilm(cases=known.shown_hits(hits, film.decoded.square if film else None)))
    return forms.Similar(generation=known.revision, warnings=own_warnings(films), films=found)


def explained_film(
    known: Knowledge, film: SentFilm, support: forms.Support | None, why: Why, sight: Sight
) -> tuple[forms.ExplainedFilm, CaseFilm | None]:
    """Why a film was answered as it was; and the film of the case it is held against, where that is at hand.

    Raises `EpisodeError` for a class without examples, `UnknownError` for a case that is not there.
    """
    examples = _examples(known, support, film)
    case_vector = None if why.case is None else known.vector(why.case)
    question = question_of(film.seen, examples, why, case_vector)
    maps = maps_of(known.served.saved.encoder, film.seen, question.targets)
    nearest = [examples.ids[row] if examples.ids else int(row) for row in question.nearest]
    case = nearest[0] if why.case is None else why.case
    told = forms.ExplainedFilm(
        answer=question.answer, why=question.why, why_not=question.why_not, nearest=nearest, case=case,
        of_case=None, **plain_maps(maps, film.decoded.height, film.decoded.width, sight),
    )  # fmt: skip
    try:
        token = known.token(case) if isinstance(case, str) else None
    except UnknownError:  # an example that has left the gallery since
        token = None
    return told, find_case_film(known.pictures, token)


def own_warnings(films: Sequence[SentFilm]) -> list[str]:
    """What to say where cases are left out."""
    return [OWN] if any(film.own for film in films) else []


def _examples(known: Knowledge, support: forms.Support | None, film: SentFilm) -> Examples:
    if support:
        return sent_examples(support, len(film.seen.embedding))
    return known.examples_without(film.own)
