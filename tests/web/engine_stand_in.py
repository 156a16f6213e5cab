"""An engine that answers at once, the same to the same bytes, and keeps what it was asked; it can be slow or fail."""

import asyncio
import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image

from embedlearn.web import forms
from embedlearn.web.face import Asked, BusyError, Engine, Sought, UnknownError, Why

DIMENSION = 8
CLASSES = ("normal", "pneumonia")
CASES = tuple(f"case-{number}" for number in range(40))
ENCODER, GENERATION = "e" * 64, "g" * 16
LIMITS = forms.Limits(films=16, bytes=32 << 20, pixels=64_000_000)


def a_png(shade: int = 90, size: int = 16) -> bytes:
    """A small grey film as the bytes of a PNG."""
    file = BytesIO()
    Image.new("L", (size, size), shade).save(file, "PNG")
    return file.getvalue()


def embedding_of(film: bytes) -> forms.Vector:
    """A direction that the bytes alone decide."""
    numbers = [byte - 127.5 for byte in hashlib.sha256(film).digest()[:DIMENSION]]
    length = math.hypot(*numbers)
    return [number / length for number in numbers]


@dataclass
class StandIn(Engine):
    """Every answer takes `slow` seconds, is refused where `busy`, and raises `failing` where that is given.

    `asked` is what was asked, oldest first, as (method, arguments); empty where it is `forgetful`, for long loads.
    While `gate` is closed, answers wait for it.
    """

    slow: float = 0.0
    busy: bool = False
    failing: Exception | None = None
    ready: bool = True
    forgetful: bool = False
    gate: asyncio.Event | None = None
    limits: forms.Limits = field(default_factory=lambda: LIMITS)
    asked: list[tuple[str, tuple[object, ...]]] = field(default_factory=list)

    async def embed(self, films: Sequence[bytes]) -> forms.Embedded:
        await self._take("embed", films)
        found = [forms.EmbeddedFilm(embedding=embedding_of(film)) for film in films]
        return forms.Embedded(encoder=ENCODER, dimension=DIMENSION, films=found)

    async def classify(self, asked: Asked, nearest: int) -> forms.Classified:
        await self._take("classify", asked, nearest)
        names = tuple(asked.support.classes) if asked.support else CLASSES
        return forms.Classified(
            encoder=ENCODER, generation=GENERATION, classes=_classes(names), heads=_heads(), warnings=[],
            films=[_answered(names, nearest, bool(asked.support)) for _ in range(_count(asked))],
        )  # fmt: skip

    async def search(self, asked: Asked, sought: Sought) -> forms.Similar:
        await self._take("search", asked, sought)
        films = [forms.FoundFilm(cases=_cases(sought.k), warnings=[]) for _ in range(_count(asked))]
        return forms.Similar(generation=GENERATION, films=films)

    async def explain(self, asked: Asked, why: Why) -> forms.Explained:
        await self._take("explain", asked, why)
        films = [_explained(why) for _ in range(_count(asked))]
        return forms.Explained(encoder=ENCODER, generation=GENERATION, verdict="not yet audited", films=films)

    async def read(self, film: bytes, support: forms.Support | None, sought: Sought) -> forms.Read:
        await self._take("read", film, support, sought)
        asked = Asked(films=(film,), support=support)
        quiet = StandIn()
        return forms.Read(
            picture=forms.Picture(height=16, width=16, png=base64.b64encode(a_png()).decode()),
            embedding=embedding_of(film),
            classified=await quiet.classify(asked, 3),
            similar=await quiet.search(asked, sought),
            explained=await quiet.explain(asked, Why()),
        )

    def about(self) -> forms.About:
        return forms.About(
            version="0", encoder=ENCODER, preprocessing={"size": 96}, dimension=DIMENSION, generation=GENERATION,
            cases=len(CASES), classes=_classes(CLASSES), heads=_heads(), columns=["id", "label", "source", "view"],
            map="pca", verdict="not yet audited", limits=self.limits, demo=True, notes=[],
        )  # fmt: skip

    def points(self) -> forms.LatentPoints:
        number = len(CASES)
        return forms.LatentPoints(
            kind="pca", sentences=["A map of films that are not there."], labels=list(CLASSES),
            x=[math.cos(place) for place in range(number)], y=[math.sin(place) for place in range(number)],
            label=[place % 2 for place in range(number)], id=[*CASES[:-1], None],
        )  # fmt: skip

    def examples(self) -> forms.Examples:
        return forms.Examples(examples=[forms.Example(name="normal-1", label="normal")])

    async def example(self, name: str) -> bytes:
        await self._take("example", name)
        if name != "normal-1":
            raise UnknownError("there is no such example; GET /v1/examples names those there are")
        return a_png()

    async def case(self, id: str) -> forms.Case:
        await self._take("case", id)
        return _case(_known(id))

    async def case_film(self, id: str) -> bytes:
        await self._take("case_film", id)
        return a_png(shade=CASES.index(_known(id)))

    def is_ready(self) -> bool:
        return self.ready

    async def _take(self, method: str, *arguments: object) -> None:
        if not self.forgetful:
            self.asked.append((method, arguments))
        if self.busy:
            raise BusyError("more is waiting than can be answered soon; ask again in a second")
        if self.failing is not None:
            raise self.failing
        if self.gate is not None:
            await self.gate.wait()
        if self.slow:
            await asyncio.sleep(self.slow)


def _count(asked: Asked) -> int:
    return len(asked.films) or len(asked.embeddings)


def _known(id: str) -> str:
    if id not in CASES:
        raise UnknownError("there is no such case in the gallery")
    return id


def _place(number: int) -> forms.Place:
    return forms.Place(x=math.cos(number), y=math.sin(number), strange=False)


def _classes(names: Sequence[str]) -> list[forms.ClassMade]:
    return [forms.ClassMade(name=name, examples=5, place=_place(number)) for number, name in enumerate(names)]


def _heads() -> list[forms.FittedHead]:
    return [forms.FittedHead(head="prototypes", temperature=0.1, bound=1.2, base_shots=5, reason="")]


def _answered(names: Sequence[str], nearest: int, own: bool) -> forms.AnsweredFilm:
    share = 1 / len(names)
    near = [
        forms.Nearest(id=None if own else id, example=place if own else None, label=names[0], distance=0.1 * place)
        for place, id in enumerate(CASES[:nearest])
    ]
    answer = forms.Answer(
        head="prototypes", answer=names[0], class_=names[0], probability=share, unknown=False, strangeness=0.4,
        bound=1.2,
        probabilities=dict.fromkeys(names, share), nearest=near,
    )  # fmt: skip
    return forms.AnsweredFilm(answers=[answer], place=_place(0), warnings=[])


def _case(id: str) -> forms.Case:
    label = CLASSES[CASES.index(id) % 2]
    place = _place(CASES.index(id))
    return forms.Case(id=id, label=label, source="phantoms", view="PA", picture=True, seen=False, place=place)


def _cases(k: int) -> list[forms.SimilarCase]:
    return [
        forms.SimilarCase(**_case(id).model_dump(), rank=rank, distance=0.05 * rank, same_picture=False)
        for rank, id in enumerate(CASES[:k], start=1)
    ]


def _maps(targets: Sequence[str]) -> dict[str, object]:
    cells = [[0.1, -0.2], [0.3, 0.0]]
    maps = [
        forms.MapOfScore(target=target, score=0.7, constant=0.5, sum=0.2, residual=0.0, scale=0.3, map=cells)
        for target in targets
    ]
    window = [0.0, 0.0, 16.0, 16.0]
    return {
        "height": 16, "width": 16, "window": window, "shown": window, "grid": [2, 2], "lag": 0.0,
        "maps": maps,
    }  # fmt: skip


def _explained(why: Why) -> forms.ExplainedFilm:
    pair = (why.why or CLASSES[0], why.why_not or CLASSES[1])
    case = why.case or CASES[0]
    return forms.ExplainedFilm(
        **_maps([f"{pair[0]} rather than {pair[1]}", pair[0], "nearest", case]),
        answer=pair[0], why=pair[0], why_not=pair[1], nearest=list(CASES[: why.neighbours]), case=case,
        of_case=forms.MapsOfFilm(**_maps([case])), warnings=[],
    )  # fmt: skip
