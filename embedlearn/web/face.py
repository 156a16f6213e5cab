"""What the API asks of the engine behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from embedlearn.errors import EmbedlearnError
from embedlearn.web import forms


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked about: films as the bytes that were sent, or embeddings; one of the two is empty.

    `support`: examples to answer by, in place of the gallery's.
    """

    films: Sequence[bytes] = ()
    embeddings: Sequence[forms.Vector] = ()
    support: forms.Support | None = None


@dataclass(frozen=True)
class Sought:
    """Which similar cases are wanted; `gallery.similar.Wanted` says what each means."""

    k: int = 10
    where: str | None = None
    one_per_patient: bool = False
    twins: bool = False


@dataclass(frozen=True)
class Why:
    """Which explanation is wanted: of a class against another, and against which case of the gallery."""

    why: str | None = None
    why_not: str | None = None
    case: str | None = None
    neighbours: int = 5


class BusyError(EmbedlearnError):
    """More is waiting than can be answered soon: to be asked again later."""


class SlowError(EmbedlearnError):
    """A film took longer to decode than it may."""


class UnknownError(EmbedlearnError):
    """There is no such case, or no picture of it."""


class Engine(Protocol):
    """Answers; every method may raise an `EmbedlearnError`, whose message is one line for who asked."""

    async def embed(self, films: Sequence[bytes]) -> forms.Embedded: ...
    async def classify(self, asked: Asked, nearest: int) -> forms.Classified: ...
    async def search(self, asked: Asked, sought: Sought) -> forms.Similar: ...
    async def explain(self, asked: Asked, why: Why) -> forms.Explained: ...
    async def read(self, film: bytes, support: forms.Support | None, sought: Sought) -> forms.Read: ...
    def about(self) -> forms.About: ...
    def points(self) -> forms.LatentPoints: ...
    def examples(self) -> forms.Examples: ...
    async def example(self, name: str) -> bytes: ...
    async def case(self, id: str) -> forms.Case: ...
    async def case_film(self, id: str) -> bytes: ...
    def is_ready(self) -> bool: ...
