"""The engine behind the API: films are decoded, embedded together, and answered from what is known at that time."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedlearn.errors import ArgumentError, EmbedlearnError, EpisodeError
from embedlearn.explanations.geometry import Sight
from embedlearn.web import forms
from embedlearn.web.decoding.decoded import Decoded
from embedlearn.web.decoding.decoders import Decoders
from embedlearn.web.engine.casefilms import as_png, case_film, look_up
from embedlearn.web.engine.keeper import STALE, Keeper
from embedlearn.web.engine.knowledge import Knowledge, Served
from embedlearn.web.engine.model import Model, Seen
from embedlearn.web.engine.reasons import like_the_film
from embedlearn.web.engine.replies import (
    SentFilm,
    asked_vectors,
    classified,
    explained_film,
    found_film,
)
from embedlearn.web.face import Asked, BusyError, Sought, UnknownError, Why
from embedlearn.web.guard.metrics import Metrics

SHOWN = 1_280  # pixels of the longer side of a film that is sent back to be shown
NEAREST = 3
MOST_HITS = 10_000  # similar cases in one answer
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the page is told beside answers."""

    limits: forms.Limits
    version: str
    verdict: str
    examples: Sequence[tuple[str, str, bytes]] = ()
    """Name, label and PNG of synthetic films to try the page with."""


class AnswerEngine:
    """One encoder and one gallery in memory, for any number of requests at a time; `start` it in the event loop.

    `poll`: seconds between two looks at whether the gallery has changed; it is then opened anew, while requests that
    are under way are answered from the old one.
    """

    def __init__(
        self,
        served: Served,
        model: Model,
        decoders: Decoders,
        sight: Sight,
        shown: Shown,
        *,
        metrics: Metrics,
        threads: int = 2,
        poll: float = 5.0,
    ) -> None:
        self.served, self.model, self.decoders, self.sight, self.shown = served, model, decoders, sight, shown
        self.metrics = metrics
        self._pool = ThreadPoolExecutor(threads, "gallery")
        self._stopped = False
        self._keeper = Keeper(served, self._pool, poll, metrics.gallery)

    async def start(self) -> None:
        """Start to decode, and to watch the gallery."""
        self.decoders.start()
        self._keeper.start()

    async def stop(self) -> None:
        """Let go of all; what is under way has been answered."""
        self._stopped = True
        self.decoders.stop()
        self._keeper.stop()
        await asyncio.to_thread(self._pool.shutdown)
        self.model.close()

    def is_ready(self) -> bool:
        """Whether there is an answer to be had soon."""
        well = self._keeper.is_watching and not self._keeper.is_away
        return well and self.model.waiting < self.model.queue

    async def embed(self, films: Sequence[bytes]) -> forms.Embedded:
        seen = await together(self._seen(data, _name(place, films)) for place, data in enumerate(films))
        return forms.Embedded(
            encoder=self.model.saved.digest,
            dimension=self._width,
            films=[forms.EmbeddedFilm(embedding=_vector(one.embedding)) for _, one in seen],
        )

    async def classify(self, asked: Asked, nearest: int) -> forms.Classified:
        with self._keeper.using() as known:
            films = await self._films(asked.films, known)
            vectors = asked_vectors(asked, films, self._width)
            return await self._aside(lambda: classified(known, vectors, films, asked.support, nearest))

    async def search(self, asked: Asked, sought: Sought) -> forms.Similar:
        with self._keeper.using() as known:
            films = await self._films(asked.films, known)
            vectors = asked_vectors(asked, films, self._width)
            if len(vectors) * sought.k > MOST_HITS:
                raise ArgumentError(f"k: wanted at most {MOST_HITS:,} cases in one answer; ask for fewer at once")
            return await self._similar(known, vectors, films, sought)

    async def explain(self, asked: Asked, why: Why) -> forms.Explained:
        with self._keeper.using() as known:
            films = await self._films(asked.films, known, features=True)
            found = [await self._explained(known, film, asked.support, why) for film in films]
            return self._explanations(known, found)

    async def read(self, film: bytes, support: forms.Support | None, sought: Sought) -> forms.Read:
        with self._keeper.using() as known:
            (one,) = await self._films([film], known, features=True, shown=SHOWN)
            vectors = one.seen.embedding[None]
            png = await self._aside(lambda: _png(one.decoded))
            answer = await self._aside(lambda: classified(known, vectors, [one], support, NEAREST))
            similar = await self._similar(known, vectors, [one], sought)
            explained, reason = None, ""
            try:
                found = await self._explained(known, one, support, Why())
                explained = self._explanations(known, [found])
            except EpisodeError as error:
                reason = str(error)
        return forms.Read(
            picture=forms.Picture(height=one.decoded.height, width=one.decoded.width, png=png),
            embedding=_vector(one.seen.embedding), classified=answer, similar=similar, explained=explained,
            not_explained=reason,
        )  # fmt: skip

    def about(self) -> forms.About:
        known, saved = self._keeper.known, self.model.saved
        return forms.About(
            version=self.shown.version, encoder=saved.digest,
            preprocessing=dataclasses.asdict(saved.preprocessing), dimension=self._width,
            generation=known.revision, cases=known.count, classes=known.made, heads=known.responder.fitted_heads(),
            columns=known.columns, map=known.latent.latent.projection.kind if known.latent else None,
            verdict=self.shown.verdict, limits=self.shown.limits, demo=bool(self.shown.examples),
            notes=[*known.notes, *([STALE] if self._keeper.is_stale else [])],
        )  # fmt: skip

    def points(self) -> forms.LatentPoints:
        latent = self._keeper.known.latent
        if latent is None:
            raise UnknownError("there is no latent map: the gallery has too few cases for one")
        return latent.drawn

    def examples(self) -> forms.Examples:
        return forms.Examples(
            examples=[forms.Example(name=name, label=label) for name, label, _ in self.shown.examples]
        )

    async def example(self, name: str) -> bytes:
        for known, _, png in self.shown.examples:
            if known == name:
                return png
        raise UnknownError("no such example; /v1/examples lists them")

    async def case(self, id: str) -> forms.Case:
        with self._keeper.using() as known:
            return await self._aside(lambda: known.case(id))

    async def case_film(self, id: str) -> bytes:
        with self._keeper.using() as known:
            there = await self._aside(lambda: look_up(known.pictures, known.token(id)))
            found = await case_film(there, self.decoders)
            if found is None:
                raise UnknownError("this case's film is not at hand; start the server with --pictures FOLDER")
            return await self._aside(lambda: as_png(found.shown))

    @property
    def _width(self) -> int:
        return self.model.saved.encoder.architecture.dimension

    async def _aside(self, action: Callable[[], Result]) -> Result:
        """Run what takes its time beside the event loop. Raises `BusyError` where the engine has been stopped."""
        if self._stopped:
            raise BusyError("the server is stopping; ask again later")
        return await asyncio.get_running_loop().run_in_executor(self._pool, action)

    async def _seen(self, data: bytes, name: str, *, features: bool = False, shown: int = 0) -> tuple[Decoded, Seen]:
        start = time.perf_counter()
        try:
            decoded = await self.decoders.decode(data, name=name, shown=shown)
        except EmbedlearnError as error:
            self.metrics.not_decoded(type(error).__name__)
            raise
        self.metrics.decoded(time.perf_counter() - start)
        self.metrics.waiting(self.model.waiting + 1)
        seen = await self.model.see(decoded.square, features=features)
        self.metrics.waiting(self.model.waiting)
        return decoded, seen

    async def _films(
        self, films: Sequence[bytes], known: Knowledge, *, features: bool = False, shown: int = 0
    ) -> list[SentFilm]:
        names = [_name(place, films) for place in range(len(films))]
        sent = zip(films, names, strict=True)
        found = await together(self._seen(*one, features=features, shown=shown) for one in sent)
        return await self._aside(
            lambda: [
                SentFilm(decoded, seen, known.own(seen.embedding, decoded.square, decoded.digest, decoded.patient))
                for decoded, seen in found
            ]
        )

    async def _explained(
        self, known: Knowledge, film: SentFilm, support: forms.Support | None, why: Why
    ) -> forms.ExplainedFilm:
        told, there = await self._aside(lambda: explained_film(known, film, support, why, self.sight))
        found = await case_film(there, self.decoders)
        if found is not None:
            encoder, sight = self.model.encoder, Sight(found.preprocessing, self.sight.lag)
            seen = await self.model.see(found.square, features=True)
            sides = (found.height, found.width)
            told.of_case = await self._aside(lambda: like_the_film(encoder, seen, film.seen, *sides, sight))
        return told

    async def _similar(
        self, known: Knowledge, vectors: NDArray[np.float32], films: Sequence[SentFilm], sought: Sought
    ) -> forms.Similar:
        wanted = known.wanted(sought)
        pairs = zip_longest(vectors, films)
        found = [await self._aside(partial(found_film, known, *pair, wanted)) for pair in pairs]
        return forms.Similar(generation=known.revision, films=found)

    def _explanations(self, known: Knowledge, films: list[forms.ExplainedFilm]) -> forms.Explained:
        digest, verdict = self.model.saved.digest, self.shown.verdict
        return forms.Explained(encoder=digest, generation=known.revision, verdict=verdict, films=films)


async def together(tasks: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """What all of them give, in order; where one fails the others are given up, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(task) for task in tasks]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in made]


def _name(place: int, films: Sequence[bytes]) -> str:
    """What a film is called where it is refused."""
    return f"film {place + 1}" if len(films) > 1 else "film"


def _vector(embedding: NDArray[np.float32]) -> list[float]:
    return [float(value) for value in embedding]


def _png(decoded: Decoded) -> str:
    """A decoded film as a PNG in base64."""
    assert decoded.shown is not None
    return base64.b64encode(as_png(decoded.shown, SHOWN)).decode("ascii")
