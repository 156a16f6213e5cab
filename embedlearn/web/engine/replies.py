"""Answers to films that were decoded and embedded, from what is known: classes, similar cases, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedlearn.explanations.geometry import Sight
from embedlearn.gallery.similar import Wanted
from embedlearn.gallery.where import Condition
from embedlearn.web import forms
from embedlearn.web.decoding.decoded import Decoded
from embedlearn.web.engine.answering import Responder
from embedlearn.web.engine.casefilms import AtHand, look_up
from embedlearn.web.engine.examples import Examples, checked_embeddings, sent_examples
from embedlearn.web.engine.knowledge import Knowledge
from embedlearn.web.engine.model import Seen
from embedlearn.web.engine.reasons import maps_of, plain_maps, question_of
from embedlearn.web.face import Asked, UnknownError, Why

OWN = "this film is in the gallery, or its patient is: those cases are left out"
AMONG = "this film is itself among the examples, so its answer says little"
LEARNT = "the encoder was trained on this film, and may answer it better than others"
STRANGE = "this film is unlike the gallery's films, whatever its class: the answer says little"
NOBODY = "whose film this is is not known: other films of the same patient may be among the cases"


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
    whole = known.responder
    if support:
        whole = Responder(sent_examples(support, vectors.shape[1]), known.served.calibration)
    answers = whole.answers(vectors, nearest)
    places = known.latent.place(vectors) if known.latent else [None] * len(vectors)
    told = []
    for row, film in zip_longest(range(len(vectors)), films):
        warnings = seen_warnings(known, film)
        if film and film.own and not support:
            left = known.responder_without(film.own)
            (answers[row],) = left.answers(vectors[row : row + 1], nearest)
            warnings += [OWN, *_gone(whole, left)]
        elif whole.examples.showing(vectors[row]).any():
            warnings.append(AMONG)
        place = places[row]
        if place and place.strange and not all(one.unknown for one in answers[row]):
            warnings.append(STRANGE)
        told.append(forms.AnsweredFilm(answers=answers[row], place=place, warnings=warnings))
    return forms.Classified(
        encoder=known.served.saved.digest, generation=known.revision,
        classes=known.classes(whole) if support else known.made, heads=whole.fitted_heads(),
        warnings=whole.warnings(), films=told,
    )  # fmt: skip


def found_film(known: Knowledge, vector: NDArray[np.float32], film: SentFilm | None, wanted: Wanted) -> forms.FoundFilm:
    """The cases most similar to an embedding, float32 [D]; `film` is its film, where there is one."""
    hits = known.similar(vector, wanted, film.own if film else None)
    cases = known.shown_hits(hits, film.decoded.square if film else None)
    return forms.FoundFilm(cases=cases, warnings=[] if film is None else [OWN if film.own else NOBODY])


def explained_film(
    known: Knowledge, film: SentFilm, support: forms.Support | None, why: Why, sight: Sight
) -> tuple[forms.ExplainedFilm, AtHand]:
    """Why a film was answered as it was; and what there is of the film of the case it is held against.

    Raises `EpisodeError` for a class without examples, `UnknownError` for a case that is not there.
    """
    examples, warnings = _examples(known, support, film)
    case_vector = None if why.case is None else known.vector(why.case)
    question = question_of(film.seen, examples, why, case_vector)
    maps = maps_of(known.served.saved.encoder, film.seen, question.targets)
    nearest = [examples.ids[row] if examples.ids else int(row) for row in question.nearest]
    case = nearest[0] if why.case is None else why.case
    told = forms.ExplainedFilm(
        answer=question.answer, why=question.why, why_not=question.why_not, nearest=nearest, case=case,
        of_case=None, warnings=[*seen_warnings(known, film), *warnings],
        **plain_maps(maps, film.decoded.height, film.decoded.width, sight),
    )  # fmt: skip
    try:
        token = known.token(case) if isinstance(case, str) else None
    except UnknownError:  # an example that has left the gallery since
        token = None
    return told, look_up(known.pictures, token)


def seen_warnings(known: Knowledge, film: SentFilm | None) -> list[str]:
    """What to say of a film that the encoder was trained on."""
    return [LEARNT] if film and film.decoded.digest in known.served.seen else []


def _gone(whole: Responder, left: Responder) -> list[str]:
    """What to say of classes whose only examples are left out."""
    return [
        f"no other example of {name} is left, so that it is no answer"
        for name in whole.counts
        if name not in left.counts
    ]


def _examples(known: Knowledge, support: forms.Support | None, film: SentFilm) -> tuple[Examples, list[str]]:
    """The examples that a film is explained by, less its own, and what to say of that."""
    if support is None:
        return known.examples_without(film.own), [OWN] if film.own else []
    sent = sent_examples(support, len(film.seen.embedding))
    own = sent.showing(film.seen.embedding)
    return sent.where(~own), [AMONG] if own.any() else []
